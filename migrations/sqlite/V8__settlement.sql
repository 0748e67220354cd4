-- Merchants are paid: fees by versions of a rule, days that are settled, payouts and what became of them.

CREATE TABLE ledger_account_two (
    ledger_account_id BLOB PRIMARY KEY NOT NULL CHECK (length(ledger_account_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 2 AND 9),
    asset INTEGER NOT NULL REFERENCES asset (asset),
    may_be_negative INTEGER NOT NULL CHECK (may_be_negative IN (0, 1)),
    debits_posted_minor INTEGER NOT NULL CHECK (debits_posted_minor >= 0),
    credits_posted_minor INTEGER NOT NULL CHECK (credits_posted_minor >= 0),
    debits_pending_minor INTEGER NOT NULL CHECK (debits_pending_minor >= 0),
    credits_pending_minor INTEGER NOT NULL CHECK (credits_pending_minor >= 0),
    CONSTRAINT no_balance_below_zero
        CHECK (may_be_negative = 1 OR credits_posted_minor - debits_posted_minor - debits_pending_minor >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_account_two SELECT * FROM ledger_account;
DROP TABLE ledger_account;
ALTER TABLE ledger_account_two RENAME TO ledger_account;

-- What is owed to a merchant may be below zero: a refund may come after the payout.
UPDATE ledger_account SET may_be_negative = 1 WHERE kind = 2;
-- Ordered of the bank for merchants, and paid out by it: in a database from before they were among the first.
INSERT INTO ledger_account
    SELECT x'73616966752d7061796f7574732d6131', tenant_id, 8, asset, 0, 0, 0, 0, 0
    FROM ledger_account WHERE kind = 3;
INSERT INTO ledger_account
    SELECT x'73616966752d62616e6b2d6163632d31', tenant_id, 9, asset, 0, 0, 0, 0, 0
    FROM ledger_account WHERE kind = 3;

-- What was captured of a payment after a movement, less what was given back: its fee follows from that.
ALTER TABLE movement ADD COLUMN fee_rule_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE movement ADD COLUMN net_after_minor INTEGER NOT NULL DEFAULT 0 CHECK (net_after_minor >= 0);
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
    merchant_id BLOB NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    version INTEGER NOT NULL CHECK (version >= 1),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    basis_points INTEGER NOT NULL CHECK (basis_points BETWEEN 0 AND 3000),
    since INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE payable (
    merchant_id BLOB PRIMARY KEY NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    day INTEGER NOT NULL,
    settled_until INTEGER NOT NULL,
    cash_until INTEGER NOT NULL,
    carried_minor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement (
    merchant_id BLOB NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    day INTEGER NOT NULL,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    lines_from INTEGER NOT NULL,
    lines_until INTEGER NOT NULL,
    cash_from INTEGER NOT NULL,
    cash_until INTEGER NOT NULL,
    captures INTEGER NOT NULL CHECK (captures >= 0),
    captured_minor INTEGER NOT NULL CHECK (captured_minor >= 0),
    refunds INTEGER NOT NULL CHECK (refunds >= 0),
    refunded_minor INTEGER NOT NULL CHECK (refunded_minor >= 0),
    fee_minor INTEGER NOT NULL,
    cash_minor INTEGER NOT NULL CHECK (cash_minor >= 0),
    carried_minor INTEGER NOT NULL,
    payout_minor INTEGER NOT NULL CHECK (payout_minor >= 0),
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    settled_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (merchant_id, day),
    CONSTRAINT a_settlement_has_an_end CHECK (lines_until > lines_from AND cash_until >= cash_from),
    CONSTRAINT a_day_is_over_when_it_is_settled CHECK (settled_at >= lines_until),
    CONSTRAINT nothing_is_no_payout CHECK ((state = 0) = (payout_minor = 0)),
    CONSTRAINT what_is_closed_was_closed_once CHECK ((state IN (2, 3)) = (closed_at IS NOT NULL)),
    CONSTRAINT no_more_is_paid_than_is_owed CHECK (payout_minor = 0 OR
        payout_minor <= carried_minor + captured_minor - refunded_minor - fee_minor - cash_minor)
) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_payout ON settlement (day, merchant_id) WHERE payout_minor > 0;
