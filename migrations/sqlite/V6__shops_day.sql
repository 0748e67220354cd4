-- A shop's day: orders that customers pay, cash over the counter, what each till moved in its business
-- day, and days that are closed.

-- Business days are counted per till.
ALTER TABLE terminal ADD COLUMN business_day INTEGER NOT NULL DEFAULT 1 CHECK (business_day >= 1);
-- Cash that it took in its business day, less what it gave back.
ALTER TABLE terminal ADD COLUMN cash_today_minor INTEGER NOT NULL DEFAULT 0 CHECK (cash_today_minor >= 0);
-- When its key was last used from two places at once, and how often it was.
ALTER TABLE terminal ADD COLUMN alarmed_at INTEGER;
ALTER TABLE terminal ADD COLUMN alarms INTEGER NOT NULL DEFAULT 0 CHECK (alarms >= 0);

-- The till's business day in which it was taken.
ALTER TABLE payment ADD COLUMN business_day INTEGER;
UPDATE payment SET business_day = 1 WHERE terminal_id IS NOT NULL;
CREATE INDEX payment_till ON payment (terminal_id, business_day) WHERE terminal_id IS NOT NULL;

-- What two operators allow a store: cash that it may hold for us, and that a till may take in a day.
CREATE TABLE cash_desk (
    store_id BLOB PRIMARY KEY NOT NULL REFERENCES store (store_id) DEFERRABLE INITIALLY DEFERRED,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    ledger_account_id BLOB NOT NULL REFERENCES ledger_account (ledger_account_id) DEFERRABLE INITIALLY DEFERRED,
    ceiling_minor INTEGER NOT NULL CHECK (ceiling_minor >= 0),
    till_day_minor INTEGER NOT NULL CHECK (till_day_minor >= 0),
    held_minor INTEGER NOT NULL CHECK (held_minor >= 0)
) STRICT, WITHOUT ROWID;

-- Orders that customers pay by their code, and orders that cash was taken for.
CREATE TABLE order_slot_two (
    merchant_id BLOB NOT NULL CHECK (length(merchant_id) = 16),
    order_id TEXT NOT NULL,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    terminal_id BLOB NOT NULL REFERENCES terminal (terminal_id) DEFERRABLE INITIALLY DEFERRED,
    payment_id BLOB,
    cash_top_up_id BLOB,
    account_id BLOB,
    reversed_at INTEGER,
    created_at INTEGER NOT NULL,
    asked_minor INTEGER CHECK (asked_minor > 0),
    payable_until INTEGER,
    receipt_line TEXT,
    external_reference TEXT,
    PRIMARY KEY (merchant_id, order_id),
    CONSTRAINT one_thing_at_most CHECK (payment_id IS NULL OR cash_top_up_id IS NULL),
    CONSTRAINT whoever_took_part CHECK
        ((payment_id IS NULL AND cash_top_up_id IS NULL) = (account_id IS NULL)),
    CONSTRAINT an_order_has_an_end CHECK ((asked_minor IS NULL) = (payable_until IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO order_slot_two
    SELECT merchant_id, order_id, tenant_id, terminal_id, payment_id, NULL, account_id, reversed_at, created_at,
        NULL, NULL, NULL, NULL
    FROM order_slot;
DROP TABLE order_slot;
ALTER TABLE order_slot_two RENAME TO order_slot;

-- Money that was captured of a hold, or given back. What was captured at once is told by its payment.
CREATE TABLE movement (
    movement_id BLOB PRIMARY KEY NOT NULL CHECK (length(movement_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    payment_id BLOB NOT NULL REFERENCES payment (payment_id) DEFERRABLE INITIALLY DEFERRED,
    merchant_id BLOB NOT NULL CHECK (length(merchant_id) = 16),
    store_id BLOB NOT NULL CHECK (length(store_id) = 16),
    order_id TEXT,
    terminal_id BLOB,
    business_day INTEGER,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    asset INTEGER NOT NULL REFERENCES asset (asset),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    at INTEGER NOT NULL,
    CHECK ((terminal_id IS NULL) = (business_day IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX movement_till ON movement (terminal_id, business_day) WHERE terminal_id IS NOT NULL;

CREATE TABLE cash_top_up (
    cash_top_up_id BLOB PRIMARY KEY NOT NULL CHECK (length(cash_top_up_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    device_id BLOB NOT NULL CHECK (length(device_id) = 16),
    merchant_id BLOB NOT NULL CHECK (length(merchant_id) = 16),
    store_id BLOB NOT NULL REFERENCES store (store_id) DEFERRABLE INITIALLY DEFERRED,
    terminal_id BLOB NOT NULL REFERENCES terminal (terminal_id) DEFERRABLE INITIALLY DEFERRED,
    order_id TEXT NOT NULL,
    asset INTEGER NOT NULL REFERENCES asset (asset),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    business_day INTEGER NOT NULL,
    credited_at INTEGER NOT NULL,
    reversed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX cash_top_up_till ON cash_top_up (terminal_id, business_day);

CREATE TABLE closed_day (
    terminal_id BLOB NOT NULL REFERENCES terminal (terminal_id) DEFERRABLE INITIALLY DEFERRED,
    business_day INTEGER NOT NULL,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    closed_at INTEGER NOT NULL,
    PRIMARY KEY (terminal_id, business_day)
) STRICT, WITHOUT ROWID;
