-- What the server alone can make: a signature over each lane's head, and a tag in every row that power or money
-- depends on. Rows from before have none: `saifu adopt` gives them theirs.

ALTER TABLE lane ADD COLUMN signature BLOB CHECK (length(signature) = 64);

ALTER TABLE account ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE factors ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE recovery_target ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE recovery_case ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE device_addition ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE pending_contact ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE device ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE signing_key ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE data_key ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE document ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE contact ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE enrolment ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE merchant ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE store ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE cash_desk ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE payment_code ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE terminal ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE activation ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE order_slot ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE operator ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE proposal ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE card ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE funding ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE top_up ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE payment ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE movement ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE cash_top_up ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE closed_day ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE fee_rule ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE payable ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE settlement ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE merchant_data_key ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE merchant_document ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE webhook_endpoint ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE webhook_cursor ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE webhook_delivery ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE reconciliation ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE reconciliation_item ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE secret_reply ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE open_request ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE security_event ADD COLUMN tag BLOB CHECK (length(tag) = 16);
ALTER TABLE message ADD COLUMN tag BLOB CHECK (length(tag) = 16);
