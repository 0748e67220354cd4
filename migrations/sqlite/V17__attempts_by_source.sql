-- What strangers ask for by one of an account's contacts is counted for that contact.

ALTER TABLE recovery_target ADD COLUMN locators BLOB NOT NULL DEFAULT x'00000000';
-- Cases from before share one contact, of zeros.
ALTER TABLE recovery_case ADD COLUMN contact_index BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000'
    CHECK (length(contact_index) = 32);
