-- Merchants are paid: fees by versions of a rule, days that are settled, payouts and what became of them.

ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_check;
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_kind_check CHECK (kind BETWEEN 2 AND 9);

-- What is owed to a merchant may be below zero: a refund may come after the payout.
UPDATE ledger_account SET may_be_negative = 1 WHERE kind = 2;
-- Ordered of the bank for merchants, and paid out by it: in a database from before they were among the first.
INSERT INTO ledger_account
    SELECT decode('73616966752d7061796f7574732d6131', 'hex'), tenant_id, 8, asset, 0, 0, 0, 0, 0
    FROM ledger_account WHERE kind = 3;
INSERT INTO ledger_account
    SELECT decode('73616966752d62616e6b2d6163632d31', 'hex'), tenant_id, 9, asset, 0, 0, 0, 0, 0
    FROM ledger_account WHERE kind = 3;

-- What was captured of a payment after a movement, less what was given back: its fee follows from that.
ALTER TABLE movement ADD COLUMN fee_rule_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE movement ADD COLUMN net_after_minor BIGINT NOT NULL DEFAULT 0 CHECK (net_after_minor >= 0);
CREATE INDEX movement_payment ON movement (payment_id, at, movement_id);
UPDATE movement SET net_after_minor = (
    SELECT (CASE WHEN payment.hold_until IS NULL THEN payment.authorised_minor ELSE 0 END) + (
        SELECT COALESCE(SUM(CASE earlier.kind WHEN 1 THEN earlier.amount_minor ELSE -earlier.amount_minor END), 0)
        FROM movement AS earlier
        WHERE earlier.payment_id = movement.payment_id
            AND (earlier.at, earlier.movement_id) <= (movement.at, movement.movement_id))
    FROM payment WHERE payment.payment_id = movement.payment_id);
DROP INDEX movement_payment;

-- A merchant's lines by time.
CREATE INDEX movement_merchant ON movement (merchant_id, at, movement_id);
CREATE INDEX cash_top_up_merchant ON cash_top_up (merchant_id, credited_at, cash_top_up_id);

CREATE TABLE fee_rule (
    merchant_id BYTEA NOT NULL REFERENCES merchant (merchant_id),
    version BIGINT NOT NULL CHECK (version >= 1),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    basis_points BIGINT NOT NULL CHECK (basis_points BETWEEN 0 AND 3000),
    since BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, version)
);

CREATE TABLE payable (
    merchant_id BYTEA PRIMARY KEY REFERENCES merchant (merchant_id),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    day BIGINT NOT NULL,
    settled_until BIGINT NOT NULL,
    cash_until BIGINT NOT NULL,
    carried_minor BIGINT NOT NULL
);

CREATE TABLE settlement (
    merchant_id BYTEA NOT NULL REFERENCES merchant (merchant_id),
    day BIGINT NOT NULL,
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    lines_from BIGINT NOT NULL,
    lines_until BIGINT NOT NULL,
    cash_from BIGINT NOT NULL,
    cash_until BIGINT NOT NULL,
    captures BIGINT NOT NULL CHECK (captures >= 0),
    captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
    refunds BIGINT NOT NULL CHECK (refunds >= 0),
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0),
    fee_minor BIGINT NOT NULL,
    cash_minor BIGINT NOT NULL CHECK (cash_minor >= 0),
    carried_minor BIGINT NOT NULL,
    payout_minor BIGINT NOT NULL CHECK (payout_minor >= 0),
    state BIGINT NOT NULL CHECK (state BETWEEN 0 AND 3),
    settled_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (merchant_id, day),
    CONSTRAINT a_settlement_has_an_end CHECK (lines_until > lines_from AND cash_until >= cash_from),
    CONSTRAINT a_day_is_over_when_it_is_settled CHECK (settled_at >= lines_until),
    CONSTRAINT nothing_is_no_payout CHECK ((state = 0) = (payout_minor = 0)),
    CONSTRAINT what_is_closed_was_closed_once CHECK ((state IN (2, 3)) = (closed_at IS NOT NULL)),
    CONSTRAINT no_more_is_paid_than_is_owed CHECK (payout_minor = 0 OR
        payout_minor <= carried_minor + captured_minor - refunded_minor - fee_minor - cash_minor)
);
CREATE INDEX settlement_payout ON settlement (day, merchant_id) WHERE payout_minor > 0;
