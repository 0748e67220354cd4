-- Reversals are for minutes after a capture, a till's cash is counted by the calendar day, and business days that
-- tills leave open are closed for them.

-- When something of it was captured first.
ALTER TABLE payment ADD COLUMN captured_at BIGINT;
UPDATE payment SET captured_at = authorised_at WHERE hold_until IS NULL AND captured_minor > 0;
CREATE INDEX movement_payment ON movement (payment_id, at) WHERE kind = 1;
UPDATE payment SET captured_at = (
    SELECT MIN(movement.at) FROM movement WHERE movement.payment_id = payment.payment_id AND movement.kind = 1)
    WHERE hold_until IS NOT NULL;
DROP INDEX movement_payment;

-- The day that its cash is counted of, which was its business day before.
ALTER TABLE terminal ADD COLUMN cash_day BIGINT NOT NULL DEFAULT 0;
UPDATE terminal SET cash_day = COALESCE(
    (SELECT MAX(credited_at) / 86400000000 FROM cash_top_up WHERE cash_top_up.terminal_id = terminal.terminal_id), 0);
UPDATE terminal SET cash_today_minor = COALESCE(
    (SELECT SUM(amount_minor) FROM cash_top_up WHERE cash_top_up.terminal_id = terminal.terminal_id
        AND cash_top_up.credited_at / 86400000000 = terminal.cash_day AND cash_top_up.reversed_at IS NULL), 0);

-- When the business day that it is in had its first entry, and which till's began longest ago.
ALTER TABLE terminal ADD COLUMN day_began_at BIGINT;
UPDATE terminal SET day_began_at = (SELECT MIN(began.at) FROM (
    SELECT authorised_at AS at, terminal_id, business_day FROM payment WHERE hold_until IS NULL
    UNION ALL SELECT at, terminal_id, business_day FROM movement
    UNION ALL SELECT credited_at, terminal_id, business_day FROM cash_top_up) AS began
    WHERE began.terminal_id = terminal.terminal_id AND began.business_day = terminal.business_day);
CREATE INDEX terminal_day ON terminal (day_began_at) WHERE day_began_at IS NOT NULL;

-- Whether the system closed it, since its till did not.
ALTER TABLE closed_day ADD COLUMN by_system BIGINT NOT NULL DEFAULT 0 CHECK (by_system IN (0, 1));
