-- The rows of src/domain/rows.rs. What `decide` promises is repeated here as constraints.
-- Times are microseconds since the epoch, amounts minor units, ids 16 bytes.
--
-- The same tables and constraints as the embedded store's, in SQL that CockroachDB, YugabyteDB and
-- Citus speak as well. Foreign keys are checked row by row, so tables come here, and rows are written,
-- in an order in which what is named is there first. None had to be left out.

CREATE TABLE asset (
    asset BIGINT PRIMARY KEY,
    code TEXT NOT NULL,
    exponent BIGINT NOT NULL CHECK (exponent BETWEEN 0 AND 4),
    legal_class TEXT NOT NULL
);

INSERT INTO asset (asset, code, exponent, legal_class) VALUES (1, 'JPY', 0, 'prepaid');

CREATE TABLE account (
    account_id BYTEA PRIMARY KEY CHECK (length(account_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    state BIGINT NOT NULL CHECK (state IN (0, 1, 2)),
    frozen_at BIGINT,
    assurance_level BIGINT NOT NULL,
    limits_row BIGINT NOT NULL,
    epoch BIGINT NOT NULL CHECK (epoch >= 1),
    version BIGINT NOT NULL CHECK (version >= 1),
    document_version BIGINT NOT NULL CHECK (document_version >= 1),
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    last_at BIGINT NOT NULL,
    active_devices BIGINT NOT NULL CHECK (active_devices >= 0),
    totp_last_step BIGINT NOT NULL,
    code_failures BIGINT NOT NULL CHECK (code_failures >= 0),
    code_failures_day BIGINT NOT NULL,
    code_failures_today BIGINT NOT NULL CHECK (code_failures_today >= 0),
    code_blocked_until BIGINT NOT NULL,
    ledger_account_id BYTEA NOT NULL UNIQUE CHECK (length(ledger_account_id) = 16),
    asset BIGINT NOT NULL REFERENCES asset (asset),
    debits_posted_minor BIGINT NOT NULL CHECK (debits_posted_minor >= 0),
    credits_posted_minor BIGINT NOT NULL CHECK (credits_posted_minor >= 0),
    debits_pending_minor BIGINT NOT NULL CHECK (debits_pending_minor >= 0),
    credits_pending_minor BIGINT NOT NULL CHECK (credits_pending_minor >= 0),
    lots BYTEA NOT NULL,
    spending BYTEA NOT NULL,
    top_ups BYTEA NOT NULL,
    incoming_minor BIGINT NOT NULL CHECK (incoming_minor >= 0),
    last_top_up_at BIGINT,
    spent_total_minor BIGINT NOT NULL CHECK (spent_total_minor >= 0),
    payments_total BIGINT NOT NULL CHECK (payments_total >= 0),
    CONSTRAINT no_balance_below_zero
        CHECK (credits_posted_minor - debits_posted_minor - debits_pending_minor >= 0)
);

CREATE INDEX account_unactivated ON account (created_at) WHERE state = 0;

CREATE TABLE signing_key (
    key_id BYTEA PRIMARY KEY CHECK (length(key_id) = 32),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    principal BIGINT NOT NULL CHECK (principal BETWEEN 1 AND 4),
    owner_id BYTEA NOT NULL CHECK (length(owner_id) = 16),
    account_id BYTEA REFERENCES account (account_id),
    point BYTEA NOT NULL CHECK (length(point) = 65),
    form BIGINT NOT NULL CHECK (form IN (1, 2)),
    state BIGINT NOT NULL CHECK (state IN (1, 2)),
    version BIGINT NOT NULL CHECK (version >= 1)
);

CREATE TABLE device (
    device_id BYTEA PRIMARY KEY CHECK (length(device_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    key_id BYTEA NOT NULL UNIQUE REFERENCES signing_key (key_id),
    state BIGINT NOT NULL CHECK (state IN (1, 2)),
    enrolled_at BIGINT NOT NULL,
    revoked_at BIGINT,
    last_code_at BIGINT,
    spent_at_code_minor BIGINT NOT NULL CHECK (spent_at_code_minor >= 0),
    payments_at_code BIGINT NOT NULL CHECK (payments_at_code >= 0),
    CHECK ((state = 2) = (revoked_at IS NOT NULL))
);

CREATE INDEX device_account ON device (account_id);

CREATE TABLE data_key (
    account_id BYTEA PRIMARY KEY REFERENCES account (account_id),
    kek_version BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE TABLE document (
    account_id BYTEA PRIMARY KEY REFERENCES account (account_id),
    version BIGINT NOT NULL CHECK (version >= 1),
    sealed BYTEA NOT NULL
);

CREATE TABLE contact (
    contact_index BYTEA PRIMARY KEY CHECK (length(contact_index) = 32),
    account_id BYTEA NOT NULL REFERENCES account (account_id)
);

CREATE INDEX contact_account ON contact (account_id);

CREATE TABLE enrolment (
    enrolment_id BYTEA PRIMARY KEY CHECK (length(enrolment_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 32),
    contact_index BYTEA NOT NULL CHECK (length(contact_index) = 32),
    sealed_contact BYTEA NOT NULL,
    code_tag BYTEA NOT NULL CHECK (length(code_tag) = 32),
    state BIGINT NOT NULL CHECK (state IN (0, 1, 2)),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    expires_at BIGINT NOT NULL
);

CREATE INDEX enrolment_expiry ON enrolment (expires_at);

CREATE TABLE ledger_account (
    ledger_account_id BYTEA PRIMARY KEY CHECK (length(ledger_account_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    kind BIGINT NOT NULL CHECK (kind BETWEEN 2 AND 7),
    asset BIGINT NOT NULL REFERENCES asset (asset),
    may_be_negative BIGINT NOT NULL CHECK (may_be_negative IN (0, 1)),
    debits_posted_minor BIGINT NOT NULL CHECK (debits_posted_minor >= 0),
    credits_posted_minor BIGINT NOT NULL CHECK (credits_posted_minor >= 0),
    debits_pending_minor BIGINT NOT NULL CHECK (debits_pending_minor >= 0),
    credits_pending_minor BIGINT NOT NULL CHECK (credits_pending_minor >= 0),
    CONSTRAINT no_balance_below_zero
        CHECK (may_be_negative = 1 OR credits_posted_minor - debits_posted_minor - debits_pending_minor >= 0)
);

CREATE TABLE merchant (
    merchant_id BYTEA PRIMARY KEY CHECK (length(merchant_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    parent_id BYTEA REFERENCES merchant (merchant_id),
    settlement_party_id BYTEA NOT NULL REFERENCES merchant (merchant_id),
    ledger_account_id BYTEA NOT NULL UNIQUE
        REFERENCES ledger_account (ledger_account_id),
    standing BIGINT NOT NULL CHECK (standing IN (1, 2)),
    fee_rule_version BIGINT NOT NULL
);

CREATE TABLE store (
    store_id BYTEA PRIMARY KEY CHECK (length(store_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BYTEA NOT NULL REFERENCES merchant (merchant_id),
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    business_day BIGINT NOT NULL CHECK (business_day >= 1),
    standing BIGINT NOT NULL CHECK (standing IN (1, 2))
);

CREATE TABLE funding (
    funding_id BYTEA PRIMARY KEY CHECK (length(funding_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    provider BIGINT NOT NULL,
    linked_at BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE INDEX funding_account ON funding (account_id);

CREATE TABLE top_up (
    top_up_id BYTEA PRIMARY KEY CHECK (length(top_up_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    funding_id BYTEA NOT NULL REFERENCES funding (funding_id),
    asset BIGINT NOT NULL REFERENCES asset (asset),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    state BIGINT NOT NULL CHECK (state IN (1, 2, 3)),
    requested_at BIGINT NOT NULL,
    settled_at BIGINT,
    provider_reference TEXT UNIQUE,
    CHECK ((state = 1) = (settled_at IS NULL))
);

CREATE INDEX top_up_requested ON top_up (requested_at) WHERE state = 1;

CREATE TABLE payment (
    payment_id BYTEA PRIMARY KEY CHECK (length(payment_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    device_id BYTEA NOT NULL CHECK (length(device_id) = 16),
    merchant_id BYTEA NOT NULL CHECK (length(merchant_id) = 16),
    store_id BYTEA NOT NULL REFERENCES store (store_id),
    terminal_id BYTEA,
    order_id TEXT,
    external_reference TEXT,
    receipt_line TEXT,
    payee_name TEXT NOT NULL,
    asset BIGINT NOT NULL,
    authorised_minor BIGINT NOT NULL CHECK (authorised_minor > 0),
    captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0),
    released_minor BIGINT NOT NULL CHECK (released_minor >= 0),
    closing_reason BIGINT CHECK (closing_reason BETWEEN 1 AND 4),
    legs BYTEA NOT NULL,
    fee_rule_version BIGINT NOT NULL,
    tax_lines BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT captured_within_authorised CHECK (captured_minor + released_minor <= authorised_minor),
    CONSTRAINT refunded_within_captured CHECK (refunded_minor <= captured_minor)
);

CREATE UNIQUE INDEX payment_order ON payment (merchant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE secret_reply (
    request_id BYTEA NOT NULL CHECK (length(request_id) = 16),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 32),
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (request_id, key_id)
);

CREATE INDEX secret_reply_expiry ON secret_reply (expires_at);

CREATE TABLE open_request (
    request_id BYTEA NOT NULL CHECK (length(request_id) = 16),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 32),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    payload_hash BYTEA NOT NULL CHECK (length(payload_hash) = 32),
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (request_id, key_id)
);

CREATE INDEX open_request_expiry ON open_request (expires_at);

CREATE TABLE security_event (
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    event_id BYTEA NOT NULL CHECK (length(event_id) = 16),
    at BIGINT NOT NULL,
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 11),
    device_id BYTEA,
    PRIMARY KEY (account_id, event_id)
);

CREATE INDEX security_event_time ON security_event (account_id, at, event_id);

CREATE TABLE message (
    message_id BYTEA PRIMARY KEY CHECK (length(message_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    sealed BYTEA NOT NULL,
    state BIGINT NOT NULL CHECK (state IN (0, 1, 2)),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    due_at BIGINT NOT NULL
);

CREATE INDEX message_due ON message (due_at) WHERE state = 0;

CREATE TABLE journal (
    lane BIGINT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence >= 1),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    command_id BYTEA NOT NULL CHECK (length(command_id) = 16),
    kind BIGINT NOT NULL,
    at BIGINT NOT NULL,
    entry_account_id BYTEA,
    request_id BYTEA NOT NULL CHECK (length(request_id) = 16),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 32),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    outcome BYTEA NOT NULL,
    postings BYTEA NOT NULL,
    versions BYTEA NOT NULL,
    method TEXT NOT NULL,
    payload BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    candidate_key BYTEA CHECK (length(candidate_key) = 66),
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (lane, sequence)
);

-- One effect per request id and key, for good.
CREATE UNIQUE INDEX journal_request ON journal (request_id, key_id);
CREATE INDEX journal_entry ON journal (entry_account_id, lane, sequence) WHERE entry_account_id IS NOT NULL;

CREATE TABLE lane (
    lane BIGINT PRIMARY KEY,
    sequence BIGINT NOT NULL CHECK (sequence >= 0),
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    at BIGINT NOT NULL
);

INSERT INTO lane (lane, sequence, hash, at) VALUES (0, 0, decode(repeat('00', 32), 'hex'), 0);

-- Which process appends to which lane. Whoever is not its holder, with its token, does not: every
-- transaction locks its lease first. Not a record of the domain.
CREATE TABLE lane_lease (
    lane BIGINT PRIMARY KEY REFERENCES lane (lane),
    holder BYTEA NOT NULL CHECK (length(holder) = 16),
    token BIGINT NOT NULL CHECK (token >= 0),
    until_us BIGINT NOT NULL
);

INSERT INTO lane_lease (lane, holder, token, until_us) VALUES (0, decode(repeat('00', 16), 'hex'), 0, 0);
