-- Tills, payment codes, merchants' and operators' keys, and whether a code was accepted in a call.

ALTER TABLE account ADD COLUMN live_codes BYTEA NOT NULL DEFAULT '\x00000000';

-- The step of the second factor that a call was accepted with, so that the journal proves the factor.
ALTER TABLE journal ADD COLUMN accepted_step BIGINT;

-- An account's entries, newest first whatever lane they are in.
DROP INDEX journal_entry;
CREATE INDEX journal_entry ON journal (entry_account_id, at, lane, sequence)
    WHERE entry_account_id IS NOT NULL;

-- More kinds of events, and why a till's charge was declined.
ALTER TABLE security_event DROP CONSTRAINT security_event_kind_check;
ALTER TABLE security_event ADD CONSTRAINT security_event_kind_check CHECK (kind BETWEEN 1 AND 12);
ALTER TABLE security_event ADD COLUMN reason BIGINT;

CREATE TABLE payment_code (
    code_tag BYTEA PRIMARY KEY CHECK (length(code_tag) = 32),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    code_id BYTEA NOT NULL CHECK (length(code_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    device_id BYTEA NOT NULL CHECK (length(device_id) = 16),
    expires_at BIGINT NOT NULL
);
CREATE INDEX payment_code_expiry ON payment_code (expires_at);

CREATE TABLE terminal (
    terminal_id BYTEA PRIMARY KEY CHECK (length(terminal_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BYTEA NOT NULL REFERENCES merchant (merchant_id),
    store_id BYTEA NOT NULL REFERENCES store (store_id),
    label TEXT NOT NULL,
    key_id BYTEA UNIQUE,
    state BIGINT NOT NULL CHECK (state IN (0, 1, 2)),
    code_misses BIGINT NOT NULL CHECK (code_misses >= 0),
    registered_at BIGINT NOT NULL,
    activated_at BIGINT,
    CHECK ((activated_at IS NULL) = (key_id IS NULL)),
    CHECK (state <> 1 OR key_id IS NOT NULL)
);
CREATE INDEX terminal_merchant ON terminal (merchant_id, terminal_id);
CREATE INDEX store_merchant ON store (merchant_id, store_id);

CREATE TABLE activation (
    activation_tag BYTEA PRIMARY KEY CHECK (length(activation_tag) = 32),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    terminal_id BYTEA NOT NULL REFERENCES terminal (terminal_id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX activation_expiry ON activation (expires_at);

-- An order belongs to its merchant, and to the till that named it first, for good.
CREATE TABLE order_slot (
    merchant_id BYTEA NOT NULL CHECK (length(merchant_id) = 16),
    order_id TEXT NOT NULL,
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    terminal_id BYTEA NOT NULL REFERENCES terminal (terminal_id),
    payment_id BYTEA,
    account_id BYTEA,
    reversed_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, order_id),
    CHECK ((payment_id IS NULL) = (account_id IS NULL))
);

CREATE TABLE operator (
    operator_id BYTEA PRIMARY KEY CHECK (length(operator_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    key_id BYTEA NOT NULL UNIQUE,
    state BIGINT NOT NULL CHECK (state IN (1, 2)),
    added_at BIGINT NOT NULL
);

CREATE TABLE proposal (
    proposal_id BYTEA PRIMARY KEY CHECK (length(proposal_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    proposer_id BYTEA NOT NULL REFERENCES operator (operator_id),
    payload BYTEA NOT NULL,
    payload_sha256 BYTEA NOT NULL CHECK (length(payload_sha256) = 32),
    state BIGINT NOT NULL CHECK (state IN (0, 1)),
    approver_id BYTEA REFERENCES operator (operator_id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT,
    CHECK ((state = 0) = (decided_at IS NULL)),
    CONSTRAINT another_person_approves CHECK (approver_id IS NULL OR approver_id <> proposer_id)
);
CREATE INDEX proposal_open ON proposal (created_at) WHERE state = 0;
