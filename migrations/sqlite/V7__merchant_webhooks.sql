-- Merchants' webhooks and their deliveries, and a merchant's payments by time.

CREATE TABLE merchant_data_key (
    merchant_id BLOB PRIMARY KEY NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    kek_version INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant_document (
    merchant_id BLOB PRIMARY KEY NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    version INTEGER NOT NULL CHECK (version >= 1),
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE webhook_endpoint (
    endpoint_id BLOB PRIMARY KEY NOT NULL CHECK (length(endpoint_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BLOB NOT NULL REFERENCES merchant (merchant_id) DEFERRABLE INITIALLY DEFERRED,
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    created_at INTEGER NOT NULL,
    rotated_until INTEGER,
    replay_from INTEGER,
    replay_until INTEGER,
    replay_asked_at INTEGER,
    CHECK ((replay_from IS NULL) = (replay_until IS NULL)),
    CHECK ((replay_from IS NULL) = (replay_asked_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_endpoint_merchant ON webhook_endpoint (merchant_id, endpoint_id);

CREATE TABLE webhook_cursor (
    lane INTEGER PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 0)
) STRICT;

-- What an endpoint was to be told outlives the endpoint: so it names none that must be there.
CREATE TABLE webhook_delivery (
    endpoint_id BLOB NOT NULL CHECK (length(endpoint_id) = 16),
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    step INTEGER NOT NULL CHECK (step >= 1),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BLOB NOT NULL CHECK (length(merchant_id) = 16),
    event INTEGER NOT NULL CHECK (event >= 1),
    at INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    last_status INTEGER,
    tried_at INTEGER,
    due_at INTEGER,
    queued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, payment_id, step),
    CONSTRAINT what_is_due_is_due_at_a_time CHECK ((state = 0) = (due_at IS NOT NULL)),
    -- A row is not a delivery: its receiver said so, or it is none.
    CONSTRAINT delivered_is_what_was_answered CHECK (
        state <> 1 OR (tried_at IS NOT NULL AND last_status IS NOT NULL AND last_status BETWEEN 200 AND 299)
    )
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE state = 0;
CREATE INDEX webhook_delivery_merchant
    ON webhook_delivery (merchant_id, at, payment_id, step, endpoint_id);
CREATE INDEX webhook_delivery_expiry ON webhook_delivery (expires_at);

CREATE INDEX payment_merchant ON payment (merchant_id, created_at, payment_id);
