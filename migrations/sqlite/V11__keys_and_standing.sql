-- Keys of merchants and operators are rotated and revoked; merchants, stores and tills are barred.

-- So far each merchant had one key for good, or none.
ALTER TABLE merchant ADD COLUMN key_id BLOB CHECK (length(key_id) = 32);
UPDATE merchant SET key_id = (
    SELECT key_id FROM signing_key WHERE principal = 3 AND state = 1 AND owner_id = merchant.merchant_id);
CREATE UNIQUE INDEX merchant_key ON merchant (key_id);

ALTER TABLE merchant ADD COLUMN barred_at INTEGER;
ALTER TABLE store ADD COLUMN barred_at INTEGER;
ALTER TABLE terminal ADD COLUMN barred_at INTEGER;

-- A proposal falls with the key that signed it. So far each operator had one key for good.
ALTER TABLE proposal ADD COLUMN key_id BLOB NOT NULL
    DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(key_id) = 32);
UPDATE proposal SET key_id = (
    SELECT operator.key_id FROM operator WHERE operator.operator_id = proposal.proposer_id);
