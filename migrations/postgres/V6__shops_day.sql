-- A shop's day: orders that customers pay, cash over the counter, what each till moved in its business
-- day, and days that are closed.

-- Business days are counted per till.
ALTER TABLE terminal ADD COLUMN business_day BIGINT NOT NULL DEFAULT 1 CHECK (business_day >= 1);
-- Cash that it took in its business day, less what it gave back.
ALTER TABLE terminal ADD COLUMN cash_today_minor BIGINT NOT NULL DEFAULT 0 CHECK (cash_today_minor >= 0);
-- When its key was last used from two places at once, and how often it was.
ALTER TABLE terminal ADD COLUMN alarmed_at BIGINT;
ALTER TABLE terminal ADD COLUMN alarms BIGINT NOT NULL DEFAULT 0 CHECK (alarms >= 0);

-- The till's business day in which it was taken.
ALTER TABLE payment ADD COLUMN business_day BIGINT;
UPDATE payment SET business_day = 1 WHERE terminal_id IS NOT NULL;
CREATE INDEX payment_till ON payment (terminal_id, business_day) WHERE terminal_id IS NOT NULL;

-- What two operators allow a store: cash that it may hold for us, and that a till may take in a day.
CREATE TABLE cash_desk (
    store_id BYTEA PRIMARY KEY REFERENCES store (store_id),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    ledger_account_id BYTEA NOT NULL REFERENCES ledger_account (ledger_account_id),
    ceiling_minor BIGINT NOT NULL CHECK (ceiling_minor >= 0),
    till_day_minor BIGINT NOT NULL CHECK (till_day_minor >= 0),
    held_minor BIGINT NOT NULL CHECK (held_minor >= 0)
);

-- Orders that customers pay by their code, and orders that cash was taken for.
ALTER TABLE order_slot DROP CONSTRAINT order_slot_check;
ALTER TABLE order_slot ADD COLUMN cash_top_up_id BYTEA;
ALTER TABLE order_slot ADD COLUMN asked_minor BIGINT CHECK (asked_minor > 0);
ALTER TABLE order_slot ADD COLUMN payable_until BIGINT;
ALTER TABLE order_slot ADD COLUMN receipt_line TEXT;
ALTER TABLE order_slot ADD COLUMN external_reference TEXT;
ALTER TABLE order_slot ADD CONSTRAINT one_thing_at_most CHECK (payment_id IS NULL OR cash_top_up_id IS NULL);
ALTER TABLE order_slot ADD CONSTRAINT whoever_took_part CHECK
    ((payment_id IS NULL AND cash_top_up_id IS NULL) = (account_id IS NULL));
ALTER TABLE order_slot ADD CONSTRAINT an_order_has_an_end CHECK ((asked_minor IS NULL) = (payable_until IS NULL));

-- Money that was captured of a hold, or given back. What was captured at once is told by its payment.
CREATE TABLE movement (
    movement_id BYTEA PRIMARY KEY CHECK (length(movement_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    payment_id BYTEA NOT NULL REFERENCES payment (payment_id),
    merchant_id BYTEA NOT NULL CHECK (length(merchant_id) = 16),
    store_id BYTEA NOT NULL CHECK (length(store_id) = 16),
    order_id TEXT,
    terminal_id BYTEA,
    business_day BIGINT,
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 3),
    asset BIGINT NOT NULL REFERENCES asset (asset),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    at BIGINT NOT NULL,
    CHECK ((terminal_id IS NULL) = (business_day IS NULL))
);
CREATE INDEX movement_till ON movement (terminal_id, business_day) WHERE terminal_id IS NOT NULL;

CREATE TABLE cash_top_up (
    cash_top_up_id BYTEA PRIMARY KEY CHECK (length(cash_top_up_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    account_id BYTEA NOT NULL REFERENCES account (account_id),
    device_id BYTEA NOT NULL CHECK (length(device_id) = 16),
    merchant_id BYTEA NOT NULL CHECK (length(merchant_id) = 16),
    store_id BYTEA NOT NULL REFERENCES store (store_id),
    terminal_id BYTEA NOT NULL REFERENCES terminal (terminal_id),
    order_id TEXT NOT NULL,
    asset BIGINT NOT NULL REFERENCES asset (asset),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    business_day BIGINT NOT NULL,
    credited_at BIGINT NOT NULL,
    reversed_at BIGINT
);
CREATE INDEX cash_top_up_till ON cash_top_up (terminal_id, business_day);

CREATE TABLE closed_day (
    terminal_id BYTEA NOT NULL REFERENCES terminal (terminal_id),
    business_day BIGINT NOT NULL,
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    closed_at BIGINT NOT NULL,
    PRIMARY KEY (terminal_id, business_day)
);
