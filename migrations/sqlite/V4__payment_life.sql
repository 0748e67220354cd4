-- The whole life of a payment: asked for, held, captured in parts, declined, ended by time.

CREATE TABLE payment_two (
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
    closing_reason INTEGER CHECK (closing_reason BETWEEN 1 AND 5),
    legs BLOB NOT NULL,
    fee_rule_version INTEGER NOT NULL,
    tax_lines BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    authorised_at INTEGER,
    awaiting_until INTEGER,
    hold_until INTEGER,
    due_at INTEGER,
    CONSTRAINT captured_within_authorised CHECK (captured_minor + released_minor <= authorised_minor),
    CONSTRAINT refunded_within_captured CHECK (refunded_minor <= captured_minor),
    CONSTRAINT nothing_moves_before_a_yes CHECK (authorised_at IS NOT NULL OR captured_minor + released_minor = 0),
    CONSTRAINT what_is_over_is_not_due CHECK (closing_reason IS NULL OR due_at IS NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO payment_two
    SELECT payment_id, tenant_id, account_id, device_id, merchant_id, store_id, terminal_id, order_id,
        external_reference, receipt_line, payee_name, asset, authorised_minor, captured_minor, refunded_minor,
        released_minor, closing_reason, legs, fee_rule_version, tax_lines, created_at, created_at, NULL, NULL, NULL
    FROM payment;
DROP TABLE payment;
ALTER TABLE payment_two RENAME TO payment;
CREATE UNIQUE INDEX payment_order ON payment (merchant_id, order_id) WHERE order_id IS NOT NULL;
-- Customers who are asked, and holds: what time does something to.
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_open ON payment (account_id, created_at) WHERE due_at IS NOT NULL;

-- What a till gave back today.
ALTER TABLE terminal ADD COLUMN refund_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE terminal ADD COLUMN refunded_today_minor INTEGER NOT NULL DEFAULT 0
    CHECK (refunded_today_minor >= 0);
