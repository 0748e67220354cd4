-- What strangers ask for by one of an account's contacts is counted for that contact.

ALTER TABLE recovery_target ADD COLUMN locators BYTEA NOT NULL DEFAULT '\x00000000';
-- Cases from before share one contact, of zeros.
ALTER TABLE recovery_case ADD COLUMN contact_index BYTEA NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'
    CHECK (length(contact_index) = 32);
