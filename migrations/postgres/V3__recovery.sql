-- Recovery, further devices, factors that change, and notices that a recovery waits for.

ALTER TABLE account ADD COLUMN active_at BIGINT NOT NULL DEFAULT 0;
UPDATE account SET active_at = last_at;
ALTER TABLE account ADD COLUMN frozen_until BIGINT;
ALTER TABLE account ADD COLUMN restricted_at BIGINT;
ALTER TABLE account ADD COLUMN contested_at BIGINT;
ALTER TABLE account ADD COLUMN recovered_at BIGINT;
ALTER TABLE account ADD COLUMN renewal_due BIGINT NOT NULL DEFAULT 0 CHECK (renewal_due IN (0, 1));

ALTER TABLE device ADD COLUMN lost_at BIGINT;

-- Linked in an earlier epoch means: to be linked again.
ALTER TABLE funding ADD COLUMN epoch BIGINT NOT NULL DEFAULT 1;

-- A message that no channel takes is given up in the end.
ALTER TABLE message ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE message ADD COLUMN case_id BYTEA;
ALTER TABLE message ADD COLUMN channel BIGINT CHECK (channel IN (1, 2, 4));

-- When factors were bound. Contacts of accounts from before are not known here: they count for nothing in a
-- recovery until they are added anew.
CREATE TABLE factors (
    account_id BYTEA PRIMARY KEY REFERENCES account (account_id),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    version BIGINT NOT NULL CHECK (version >= 1),
    totp_bound_at BIGINT,
    saved_code_bound_at BIGINT,
    saved_code_case BYTEA,
    passphrase_bound_at BIGINT,
    totp_suspect BIGINT NOT NULL CHECK (totp_suspect IN (0, 1)),
    saved_code_suspect BIGINT NOT NULL CHECK (saved_code_suspect IN (0, 1)),
    passphrase_suspect BIGINT NOT NULL CHECK (passphrase_suspect IN (0, 1)),
    issued_locked_until BIGINT NOT NULL,
    contacts BYTEA NOT NULL
);
INSERT INTO factors
    SELECT account_id, tenant_id, 1, activated_at, activated_at, NULL, created_at, 0, 0, 0, 0, '\x00000000'
    FROM account;

CREATE TABLE recovery_target (
    target_id BYTEA PRIMARY KEY CHECK (length(target_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA REFERENCES account (account_id),
    day BIGINT NOT NULL,
    attempts_today BIGINT NOT NULL CHECK (attempts_today >= 0),
    messages_today BIGINT NOT NULL CHECK (messages_today >= 0),
    reserve_attempts_today BIGINT NOT NULL CHECK (reserve_attempts_today >= 0),
    reserve_messages_today BIGINT NOT NULL CHECK (reserve_messages_today >= 0),
    claim BYTEA,
    contested_at BIGINT,
    last_cancelled_at BIGINT,
    issued_freeze_at BIGINT,
    additions BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT a_shadow_is_never_claimed
        CHECK (account_id IS NOT NULL OR (claim IS NULL AND contested_at IS NULL))
);
CREATE INDEX recovery_target_expiry ON recovery_target (expires_at);

CREATE TABLE recovery_case (
    case_id BYTEA PRIMARY KEY CHECK (length(case_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 32),
    target_id BYTEA NOT NULL CHECK (length(target_id) = 16),
    account_id BYTEA REFERENCES account (account_id),
    state BIGINT NOT NULL CHECK (state BETWEEN 0 AND 8),
    with_proofing BIGINT NOT NULL CHECK (with_proofing IN (0, 1)),
    started_at BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    factors_version BIGINT NOT NULL,
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    totp_at BIGINT,
    saved_code_at BIGINT,
    passphrase_at BIGINT,
    email_code_at BIGINT,
    phone_code_at BIGINT,
    proofed_at BIGINT,
    proved_last_at BIGINT,
    proved_again_at BIGINT,
    issued_tag BYTEA CHECK (length(issued_tag) = 32),
    issued_channel BIGINT CHECK (issued_channel IN (1, 2, 4)),
    issued_until BIGINT NOT NULL,
    wanted BIGINT NOT NULL CHECK (wanted BETWEEN 0 AND 7),
    accepted BIGINT NOT NULL CHECK (accepted BETWEEN 0 AND 7),
    refused BIGINT NOT NULL CHECK (refused BETWEEN 0 AND 7),
    proven_at BIGINT,
    cooling_at BIGINT,
    ready_at BIGINT,
    reminders BIGINT NOT NULL CHECK (reminders BETWEEN 0 AND 2),
    cancel_tag BYTEA NOT NULL UNIQUE CHECK (length(cancel_tag) = 32),
    sealed BYTEA NOT NULL,
    devices_lost BIGINT NOT NULL CHECK (devices_lost IN (0, 1)),
    cancel_asked_at BIGINT,
    cancel_asked_by BYTEA,
    due_at BIGINT,
    ended_at BIGINT,
    expires_at BIGINT NOT NULL,
    -- Nothing about a shadow is ever proved.
    CONSTRAINT a_shadow_proves_nothing CHECK (account_id IS NOT NULL OR state IN (0, 7, 8)),
    CONSTRAINT whoever_cools_was_told CHECK (state NOT IN (3, 4, 5) OR accepted <> 0),
    CHECK ((cooling_at IS NULL) = (ready_at IS NULL)),
    CHECK (state NOT IN (3, 4) OR ready_at IS NOT NULL),
    CHECK ((ended_at IS NOT NULL) = (state >= 5))
);
CREATE INDEX recovery_case_due ON recovery_case (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX recovery_case_expiry ON recovery_case (expires_at);

CREATE TABLE device_addition (
    addition_id BYTEA PRIMARY KEY CHECK (length(addition_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    target_id BYTEA NOT NULL CHECK (length(target_id) = 16),
    account_id BYTEA REFERENCES account (account_id),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 32),
    point BYTEA NOT NULL CHECK (length(point) = 65),
    form BIGINT NOT NULL CHECK (form IN (1, 2)),
    sealed BYTEA NOT NULL,
    number BIGINT NOT NULL CHECK (number BETWEEN 0 AND 9999),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX device_addition_expiry ON device_addition (expires_at);

CREATE TABLE pending_contact (
    pending_contact_id BYTEA PRIMARY KEY CHECK (length(pending_contact_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    contact_index BYTEA NOT NULL CHECK (length(contact_index) = 32),
    channel BIGINT NOT NULL CHECK (channel IN (1, 2)),
    sealed_contact BYTEA NOT NULL,
    code_tag BYTEA NOT NULL CHECK (length(code_tag) = 32),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_contact_expiry ON pending_contact (expires_at);

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    worker_id BYTEA NOT NULL CHECK (length(worker_id) = 16),
    held_until BIGINT NOT NULL
);

-- More kinds of events; what kinds there are, the code says from here on.
ALTER TABLE security_event DROP CONSTRAINT security_event_kind_check;
ALTER TABLE security_event ADD CONSTRAINT security_event_kind_check CHECK (kind >= 1);
ALTER TABLE security_event ADD COLUMN subject_id BYTEA;
