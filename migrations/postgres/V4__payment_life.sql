-- The whole life of a payment: asked for, held, captured in parts, declined, ended by time.

ALTER TABLE payment DROP CONSTRAINT payment_closing_reason_check;
ALTER TABLE payment ADD CONSTRAINT payment_closing_reason_check CHECK (closing_reason BETWEEN 1 AND 5);
ALTER TABLE payment ADD COLUMN authorised_at BIGINT;
ALTER TABLE payment ADD COLUMN awaiting_until BIGINT;
ALTER TABLE payment ADD COLUMN hold_until BIGINT;
ALTER TABLE payment ADD COLUMN due_at BIGINT;
UPDATE payment SET authorised_at = created_at;
ALTER TABLE payment ADD CONSTRAINT nothing_moves_before_a_yes
    CHECK (authorised_at IS NOT NULL OR captured_minor + released_minor = 0);
ALTER TABLE payment ADD CONSTRAINT what_is_over_is_not_due CHECK (closing_reason IS NULL OR due_at IS NULL);
-- Customers who are asked, and holds: what time does something to.
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_open ON payment (account_id, created_at) WHERE due_at IS NOT NULL;

-- What a till gave back today.
ALTER TABLE terminal ADD COLUMN refund_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE terminal ADD COLUMN refunded_today_minor BIGINT NOT NULL DEFAULT 0
    CHECK (refunded_today_minor >= 0);
