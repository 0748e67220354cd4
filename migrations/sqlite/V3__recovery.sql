-- Recovery, further devices, factors that change, and notices that a recovery waits for.

ALTER TABLE account ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;
UPDATE account SET active_at = last_at;
ALTER TABLE account ADD COLUMN frozen_until INTEGER;
ALTER TABLE account ADD COLUMN restricted_at INTEGER;
ALTER TABLE account ADD COLUMN contested_at INTEGER;
ALTER TABLE account ADD COLUMN recovered_at INTEGER;
ALTER TABLE account ADD COLUMN renewal_due INTEGER NOT NULL DEFAULT 0 CHECK (renewal_due IN (0, 1));

ALTER TABLE device ADD COLUMN lost_at INTEGER;

-- Linked in an earlier epoch means: to be linked again.
ALTER TABLE funding ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;

-- A message that no channel takes is given up in the end.
ALTER TABLE message ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE message ADD COLUMN case_id BLOB;
ALTER TABLE message ADD COLUMN channel INTEGER CHECK (channel IN (1, 2, 4));

-- When factors were bound. Contacts of accounts from before are not known here: they count for nothing in a
-- recovery until they are added anew.
CREATE TABLE factors (
    account_id BLOB PRIMARY KEY NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    totp_bound_at INTEGER,
    saved_code_bound_at INTEGER,
    saved_code_case BLOB,
    passphrase_bound_at INTEGER,
    totp_suspect INTEGER NOT NULL CHECK (totp_suspect IN (0, 1)),
    saved_code_suspect INTEGER NOT NULL CHECK (saved_code_suspect IN (0, 1)),
    passphrase_suspect INTEGER NOT NULL CHECK (passphrase_suspect IN (0, 1)),
    issued_locked_until INTEGER NOT NULL,
    contacts BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO factors
    SELECT account_id, tenant_id, 1, activated_at, activated_at, NULL, created_at, 0, 0, 0, 0, x'00000000'
    FROM account;

CREATE TABLE recovery_target (
    target_id BLOB PRIMARY KEY NOT NULL CHECK (length(target_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    day INTEGER NOT NULL,
    attempts_today INTEGER NOT NULL CHECK (attempts_today >= 0),
    messages_today INTEGER NOT NULL CHECK (messages_today >= 0),
    reserve_attempts_today INTEGER NOT NULL CHECK (reserve_attempts_today >= 0),
    reserve_messages_today INTEGER NOT NULL CHECK (reserve_messages_today >= 0),
    claim BLOB,
    contested_at INTEGER,
    last_cancelled_at INTEGER,
    issued_freeze_at INTEGER,
    additions BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT a_shadow_is_never_claimed
        CHECK (account_id IS NOT NULL OR (claim IS NULL AND contested_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_target_expiry ON recovery_target (expires_at);

CREATE TABLE recovery_case (
    case_id BLOB PRIMARY KEY NOT NULL CHECK (length(case_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    target_id BLOB NOT NULL CHECK (length(target_id) = 16),
    account_id BLOB REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 8),
    with_proofing INTEGER NOT NULL CHECK (with_proofing IN (0, 1)),
    started_at INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    factors_version INTEGER NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    totp_at INTEGER,
    saved_code_at INTEGER,
    passphrase_at INTEGER,
    email_code_at INTEGER,
    phone_code_at INTEGER,
    proofed_at INTEGER,
    proved_last_at INTEGER,
    proved_again_at INTEGER,
    issued_tag BLOB CHECK (length(issued_tag) = 32),
    issued_channel INTEGER CHECK (issued_channel IN (1, 2, 4)),
    issued_until INTEGER NOT NULL,
    wanted INTEGER NOT NULL CHECK (wanted BETWEEN 0 AND 7),
    accepted INTEGER NOT NULL CHECK (accepted BETWEEN 0 AND 7),
    refused INTEGER NOT NULL CHECK (refused BETWEEN 0 AND 7),
    proven_at INTEGER,
    cooling_at INTEGER,
    ready_at INTEGER,
    reminders INTEGER NOT NULL CHECK (reminders BETWEEN 0 AND 2),
    cancel_tag BLOB NOT NULL UNIQUE CHECK (length(cancel_tag) = 32),
    sealed BLOB NOT NULL,
    devices_lost INTEGER NOT NULL CHECK (devices_lost IN (0, 1)),
    cancel_asked_at INTEGER,
    cancel_asked_by BLOB,
    due_at INTEGER,
    ended_at INTEGER,
    expires_at INTEGER NOT NULL,
    -- Nothing about a shadow is ever proved.
    CONSTRAINT a_shadow_proves_nothing CHECK (account_id IS NOT NULL OR state IN (0, 7, 8)),
    CONSTRAINT whoever_cools_was_told CHECK (state NOT IN (3, 4, 5) OR accepted <> 0),
    CHECK ((cooling_at IS NULL) = (ready_at IS NULL)),
    CHECK (state NOT IN (3, 4) OR ready_at IS NOT NULL),
    CHECK ((ended_at IS NOT NULL) = (state >= 5))
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_case_due ON recovery_case (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX recovery_case_expiry ON recovery_case (expires_at);

CREATE TABLE device_addition (
    addition_id BLOB PRIMARY KEY NOT NULL CHECK (length(addition_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    target_id BLOB NOT NULL CHECK (length(target_id) = 16),
    account_id BLOB REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    point BLOB NOT NULL CHECK (length(point) = 65),
    form INTEGER NOT NULL CHECK (form IN (1, 2)),
    sealed BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 9999),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_addition_expiry ON device_addition (expires_at);

CREATE TABLE pending_contact (
    pending_contact_id BLOB PRIMARY KEY NOT NULL CHECK (length(pending_contact_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    contact_index BLOB NOT NULL CHECK (length(contact_index) = 32),
    channel INTEGER NOT NULL CHECK (channel IN (1, 2)),
    sealed_contact BLOB NOT NULL,
    code_tag BLOB NOT NULL CHECK (length(code_tag) = 32),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_contact_expiry ON pending_contact (expires_at);

CREATE TABLE lease (
    name TEXT PRIMARY KEY NOT NULL,
    worker_id BLOB NOT NULL CHECK (length(worker_id) = 16),
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- More kinds of events; what kinds there are, the code says from here on.
CREATE TABLE security_event_three (
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL CHECK (kind >= 1),
    device_id BLOB,
    reason INTEGER,
    subject_id BLOB,
    PRIMARY KEY (account_id, event_id)
) STRICT, WITHOUT ROWID;
INSERT INTO security_event_three (account_id, event_id, at, kind, device_id, reason)
    SELECT account_id, event_id, at, kind, device_id, reason FROM security_event;
DROP TABLE security_event;
ALTER TABLE security_event_three RENAME TO security_event;
CREATE INDEX security_event_time ON security_event (account_id, at, event_id);
