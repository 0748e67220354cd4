-- Tills, payment codes, merchants' and operators' keys, and whether a code was accepted in a call.

ALTER TABLE account ADD COLUMN live_codes BLOB NOT NULL DEFAULT x'00000000';

-- The step of the second factor that a call was accepted with, so that the journal proves the factor.
ALTER TABLE journal ADD COLUMN accepted_step INTEGER;

-- An account's entries, newest first whatever lane they are in.
DROP INDEX journal_entry;
CREATE INDEX journal_entry ON journal (entry_account_id, at, lane, sequence)
    WHERE entry_account_id IS NOT NULL;

-- More kinds of events, and why a till's charge was declined.
CREATE TABLE security_event_two (
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 12),
    device_id BLOB,
    reason INTEGER,
    PRIMARY KEY (account_id, event_id)
) STRICT, WITHOUT ROWID;
INSERT INTO security_event_two (account_id, event_id, at, kind, device_id)
    SELECT account_id, event_id, at, kind, device_id FROM security_event;
DROP TABLE security_event;
ALTER TABLE security_event_two RENAME TO security_event;
CREATE INDEX security_event_time ON security_event (account_id, at, event_id);

CREATE TABLE payment_code (
    code_tag BLOB PRIMARY KEY NOT NULL CHECK (length(code_tag) = 32),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    code_id BLOB NOT NULL CHECK (length(code_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    device_id BLOB NOT NULL CHECK (length(device_id) = 16),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_code_expiry ON payment_code (expires_at);

CREATE TABLE terminal (
    terminal_id BLOB PRIMARY KEY NOT NULL CHECK (length(terminal_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BLOB NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    store_id BLOB NOT NULL REFERENCES store (store_id) DEFERRABLE INITIALLY DEFERRED,
    label TEXT NOT NULL,
    key_id BLOB UNIQUE,
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    code_misses INTEGER NOT NULL CHECK (code_misses >= 0),
    registered_at INTEGER NOT NULL,
    activated_at INTEGER,
    CHECK ((activated_at IS NULL) = (key_id IS NULL)),
    CHECK (state <> 1 OR key_id IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX terminal_merchant ON terminal (merchant_id, terminal_id);
CREATE INDEX store_merchant ON store (merchant_id, store_id);

CREATE TABLE activation (
    activation_tag BLOB PRIMARY KEY NOT NULL CHECK (length(activation_tag) = 32),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    terminal_id BLOB NOT NULL REFERENCES terminal (terminal_id) DEFERRABLE INITIALLY DEFERRED,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX activation_expiry ON activation (expires_at);

-- An order belongs to its merchant, and to the till that named it first, for good.
CREATE TABLE order_slot (
    merchant_id BLOB NOT NULL CHECK (length(merchant_id) = 16),
    order_id TEXT NOT NULL,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    terminal_id BLOB NOT NULL REFERENCES terminal (terminal_id) DEFERRABLE INITIALLY DEFERRED,
    payment_id BLOB,
    account_id BLOB,
    reversed_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, order_id),
    CHECK ((payment_id IS NULL) = (account_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE operator (
    operator_id BLOB PRIMARY KEY NOT NULL CHECK (length(operator_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    key_id BLOB NOT NULL UNIQUE,
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal (
    proposal_id BLOB PRIMARY KEY NOT NULL CHECK (length(proposal_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    proposer_id BLOB NOT NULL REFERENCES operator (operator_id) DEFERRABLE INITIALLY DEFERRED,
    payload BLOB NOT NULL,
    payload_sha256 BLOB NOT NULL CHECK (length(payload_sha256) = 32),
    state INTEGER NOT NULL CHECK (state IN (0, 1)),
    approver_id BLOB REFERENCES operator (operator_id) DEFERRABLE INITIALLY DEFERRED,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    CHECK ((state = 0) = (decided_at IS NULL)),
    CONSTRAINT another_person_approves CHECK (approver_id IS NULL OR approver_id <> proposer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_open ON proposal (created_at) WHERE state = 0;
