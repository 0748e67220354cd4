-- What strangers ask for by one of an account's contacts is counted for that contact.

ALTER TABLE recovery_target ADD COLUMN locators BLOB NOT NULL DEFAULT x'00000000';
-- Cases from before share one contact, of zeros.
ALTER TABLE recovery_case ADD COLUMN contact_index BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000'
    CHECK (length(contact_index) = 32);

-- Wrong codes are counted for the device that sends them, and ever.
ALTER TABLE device ADD COLUMN code_failures INTEGER NOT NULL DEFAULT 0 CHECK (code_failures >= 0);
ALTER TABLE device ADD COLUMN code_failures_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN code_failures_today INTEGER NOT NULL DEFAULT 0 CHECK (code_failures_today >= 0);
ALTER TABLE device ADD COLUMN code_blocked_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN code_failures_ever INTEGER NOT NULL DEFAULT 0 CHECK (code_failures_ever >= 0);
ALTER TABLE account ADD COLUMN code_failures_ever INTEGER NOT NULL DEFAULT 0 CHECK (code_failures_ever >= 0);

-- So are guesses at an authenticator in recoveries.
ALTER TABLE recovery_target ADD COLUMN totp_guesses INTEGER NOT NULL DEFAULT 0 CHECK (totp_guesses >= 0);
ALTER TABLE recovery_target ADD COLUMN totp_guesses_proved INTEGER NOT NULL DEFAULT 0 CHECK (totp_guesses_proved >= 0);
