-- The rows of src/domain/rows.rs. What `decide` promises is repeated here as constraints.
-- Times are microseconds since the epoch, amounts minor units, ids 16 bytes.

CREATE TABLE asset (
    asset INTEGER PRIMARY KEY NOT NULL,
    code TEXT NOT NULL,
    exponent INTEGER NOT NULL CHECK (exponent BETWEEN 0 AND 4),
    legal_class TEXT NOT NULL
) STRICT;

INSERT INTO asset (asset, code, exponent, legal_class) VALUES (1, 'JPY', 0, 'prepaid');

CREATE TABLE account (
    account_id BLOB PRIMARY KEY NOT NULL CHECK (length(account_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    frozen_at INTEGER,
    assurance_level INTEGER NOT NULL,
    limits_row INTEGER NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    version INTEGER NOT NULL CHECK (version >= 1),
    document_version INTEGER NOT NULL CHECK (document_version >= 1),
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    last_at INTEGER NOT NULL,
    active_devices INTEGER NOT NULL CHECK (active_devices >= 0),
    totp_last_step INTEGER NOT NULL,
    code_failures INTEGER NOT NULL CHECK (code_failures >= 0),
    code_failures_day INTEGER NOT NULL,
    code_failures_today INTEGER NOT NULL CHECK (code_failures_today >= 0),
    code_blocked_until INTEGER NOT NULL,
    ledger_account_id BLOB NOT NULL UNIQUE CHECK (length(ledger_account_id) = 16),
    asset INTEGER NOT NULL REFERENCES asset (asset),
    debits_posted_minor INTEGER NOT NULL CHECK (debits_posted_minor >= 0),
    credits_posted_minor INTEGER NOT NULL CHECK (credits_posted_minor >= 0),
    debits_pending_minor INTEGER NOT NULL CHECK (debits_pending_minor >= 0),
    credits_pending_minor INTEGER NOT NULL CHECK (credits_pending_minor >= 0),
    lots BLOB NOT NULL,
    spending BLOB NOT NULL,
    top_ups BLOB NOT NULL,
    incoming_minor INTEGER NOT NULL CHECK (incoming_minor >= 0),
    last_top_up_at INTEGER,
    spent_total_minor INTEGER NOT NULL CHECK (spent_total_minor >= 0),
    payments_total INTEGER NOT NULL CHECK (payments_total >= 0),
    CONSTRAINT no_balance_below_zero
        CHECK (credits_posted_minor - debits_posted_minor - debits_pending_minor >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_unactivated ON account (created_at) WHERE state = 0;

CREATE TABLE device (
    device_id BLOB PRIMARY KEY NOT NULL CHECK (length(device_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    key_id BLOB NOT NULL UNIQUE REFERENCES signing_key (key_id) DEFERRABLE INITIALLY DEFERRED,
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    enrolled_at INTEGER NOT NULL,
    revoked_at INTEGER,
    last_code_at INTEGER,
    spent_at_code_minor INTEGER NOT NULL CHECK (spent_at_code_minor >= 0),
    payments_at_code INTEGER NOT NULL CHECK (payments_at_code >= 0),
    CHECK ((state = 2) = (revoked_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX device_account ON device (account_id);

CREATE TABLE signing_key (
    key_id BLOB PRIMARY KEY NOT NULL CHECK (length(key_id) = 32),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    principal INTEGER NOT NULL CHECK (principal BETWEEN 1 AND 4),
    owner_id BLOB NOT NULL CHECK (length(owner_id) = 16),
    account_id BLOB REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    point BLOB NOT NULL CHECK (length(point) = 65),
    form INTEGER NOT NULL CHECK (form IN (1, 2)),
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    version INTEGER NOT NULL CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE data_key (
    account_id BLOB PRIMARY KEY NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    kek_version INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
    account_id BLOB PRIMARY KEY NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    version INTEGER NOT NULL CHECK (version >= 1),
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE contact (
    contact_index BLOB PRIMARY KEY NOT NULL CHECK (length(contact_index) = 32),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_account ON contact (account_id);

CREATE TABLE enrolment (
    enrolment_id BLOB PRIMARY KEY NOT NULL CHECK (length(enrolment_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    contact_index BLOB NOT NULL CHECK (length(contact_index) = 32),
    sealed_contact BLOB NOT NULL,
    code_tag BLOB NOT NULL CHECK (length(code_tag) = 32),
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX enrolment_expiry ON enrolment (expires_at);

CREATE TABLE merchant (
    merchant_id BLOB PRIMARY KEY NOT NULL CHECK (length(merchant_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    parent_id BLOB REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    settlement_party_id BLOB NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    ledger_account_id BLOB NOT NULL UNIQUE
        REFERENCES ledger_account (ledger_account_id) DEFERRABLE INITIALLY DEFERRED,
    standing INTEGER NOT NULL CHECK (standing IN (1, 2)),
    fee_rule_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE store (
    store_id BLOB PRIMARY KEY NOT NULL CHECK (length(store_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BLOB NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    business_day INTEGER NOT NULL CHECK (business_day >= 1),
    standing INTEGER NOT NULL CHECK (standing IN (1, 2))
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_account (
    ledger_account_id BLOB PRIMARY KEY NOT NULL CHECK (length(ledger_account_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 2 AND 7),
    asset INTEGER NOT NULL REFERENCES asset (asset),
    may_be_negative INTEGER NOT NULL CHECK (may_be_negative IN (0, 1)),
    debits_posted_minor INTEGER NOT NULL CHECK (debits_posted_minor >= 0),
    credits_posted_minor INTEGER NOT NULL CHECK (credits_posted_minor >= 0),
    debits_pending_minor INTEGER NOT NULL CHECK (debits_pending_minor >= 0),
    credits_pending_minor INTEGER NOT NULL CHECK (credits_pending_minor >= 0),
    CONSTRAINT no_balance_below_zero
        CHECK (may_be_negative = 1 OR credits_posted_minor - debits_posted_minor - debits_pending_minor >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE funding (
    funding_id BLOB PRIMARY KEY NOT NULL CHECK (length(funding_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    provider INTEGER NOT NULL,
    linked_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX funding_account ON funding (account_id);

CREATE TABLE top_up (
    top_up_id BLOB PRIMARY KEY NOT NULL CHECK (length(top_up_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    funding_id BLOB NOT NULL REFERENCES funding (funding_id) DEFERRABLE INITIALLY DEFERRED,
    asset INTEGER NOT NULL REFERENCES asset (asset),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    state INTEGER NOT NULL CHECK (state IN (1, 2, 3)),
    requested_at INTEGER NOT NULL,
    settled_at INTEGER,
    provider_reference TEXT UNIQUE,
    CHECK ((state = 1) = (settled_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX top_up_requested ON top_up (requested_at) WHERE state = 1;

CREATE TABLE payment (
    payment_id BLOB PRIMARY KEY NOT NULL CHECK (length(payment_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    device_id BLOB NOT NULL CHECK (length(device_id) = 16),
    merchant_id BLOB NOT NULL CHECK (length(merchant_id) = 16),
    store_id BLOB NOT NULL REFERENCES store (store_id) DEFERRABLE INITIALLY DEFERRED,
    terminal_id BLOB,
    order_id TEXT,
    external_reference TEXT,
    receipt_line TEXT,
    payee_name TEXT NOT NULL,
    asset INTEGER NOT NULL,
    authorised_minor INTEGER NOT NULL CHECK (authorised_minor > 0),
    captured_minor INTEGER NOT NULL CHECK (captured_minor >= 0),
    refunded_minor INTEGER NOT NULL CHECK (refunded_minor >= 0),
    released_minor INTEGER NOT NULL CHECK (released_minor >= 0),
    closing_reason INTEGER CHECK (closing_reason BETWEEN 1 AND 4),
    legs BLOB NOT NULL,
    fee_rule_version INTEGER NOT NULL,
    tax_lines BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT captured_within_authorised CHECK (captured_minor + released_minor <= authorised_minor),
    CONSTRAINT refunded_within_captured CHECK (refunded_minor <= captured_minor)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payment_order ON payment (merchant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE secret_reply (
    request_id BLOB NOT NULL CHECK (length(request_id) = 16),
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (request_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX secret_reply_expiry ON secret_reply (expires_at);

CREATE TABLE open_request (
    request_id BLOB NOT NULL CHECK (length(request_id) = 16),
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    payload_hash BLOB NOT NULL CHECK (length(payload_hash) = 32),
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (request_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX open_request_expiry ON open_request (expires_at);

CREATE TABLE security_event (
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 11),
    device_id BLOB,
    PRIMARY KEY (account_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX security_event_time ON security_event (account_id, at, event_id);

CREATE TABLE message (
    message_id BLOB PRIMARY KEY NOT NULL CHECK (length(message_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    sealed BLOB NOT NULL,
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    due_at INTEGER NOT NULL
) STRICT;

CREATE INDEX message_due ON message (due_at) WHERE state = 0;

CREATE TABLE journal (
    lane INTEGER NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    command_id BLOB NOT NULL CHECK (length(command_id) = 16),
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    entry_account_id BLOB,
    request_id BLOB NOT NULL CHECK (length(request_id) = 16),
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    outcome BLOB NOT NULL,
    postings BLOB NOT NULL,
    versions BLOB NOT NULL,
    method TEXT NOT NULL,
    payload BLOB NOT NULL,
    signature BLOB NOT NULL,
    candidate_key BLOB CHECK (length(candidate_key) = 66),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (lane, sequence)
) STRICT;

-- One effect per request id and key, for good.
CREATE UNIQUE INDEX journal_request ON journal (request_id, key_id);
CREATE INDEX journal_entry ON journal (entry_account_id, lane, sequence) WHERE entry_account_id IS NOT NULL;

CREATE TABLE lane (
    lane INTEGER PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    at INTEGER NOT NULL
) STRICT;

INSERT INTO lane (lane, sequence, hash, at) VALUES (0, 0, zeroblob(32), 0);
