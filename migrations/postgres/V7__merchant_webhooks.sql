-- Merchants' webhooks and their deliveries, and a merchant's payments by time.

CREATE TABLE merchant_data_key (
    merchant_id BYTEA PRIMARY KEY REFERENCES merchant (merchant_id),
    kek_version BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE TABLE merchant_document (
    merchant_id BYTEA PRIMARY KEY REFERENCES merchant (merchant_id),
    version BIGINT NOT NULL CHECK (version >= 1),
    sealed BYTEA NOT NULL
);

CREATE TABLE webhook_endpoint (
    endpoint_id BYTEA PRIMARY KEY CHECK (length(endpoint_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BYTEA NOT NULL REFERENCES merchant (merchant_id),
    state BIGINT NOT NULL CHECK (state IN (1, 2)),
    created_at BIGINT NOT NULL,
    rotated_until BIGINT,
    replay_from BIGINT,
    replay_until BIGINT,
    replay_asked_at BIGINT,
    CHECK ((replay_from IS NULL) = (replay_until IS NULL)),
    CHECK ((replay_from IS NULL) = (replay_asked_at IS NULL))
);
CREATE INDEX webhook_endpoint_merchant ON webhook_endpoint (merchant_id, endpoint_id);

CREATE TABLE webhook_cursor (
    lane BIGINT PRIMARY KEY,
    sequence BIGINT NOT NULL CHECK (sequence >= 0)
);

-- What an endpoint was to be told outlives the endpoint: so it names none that must be there.
CREATE TABLE webhook_delivery (
    endpoint_id BYTEA NOT NULL CHECK (length(endpoint_id) = 16),
    payment_id BYTEA NOT NULL CHECK (length(payment_id) = 16),
    step BIGINT NOT NULL CHECK (step >= 1),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    merchant_id BYTEA NOT NULL CHECK (length(merchant_id) = 16),
    event BIGINT NOT NULL CHECK (event >= 1),
    at BIGINT NOT NULL,
    lane BIGINT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence >= 1),
    state BIGINT NOT NULL CHECK (state IN (0, 1, 2)),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    last_status BIGINT,
    tried_at BIGINT,
    due_at BIGINT,
    queued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, payment_id, step),
    CONSTRAINT what_is_due_is_due_at_a_time CHECK ((state = 0) = (due_at IS NOT NULL)),
    -- A row is not a delivery: its receiver said so, or it is none.
    CONSTRAINT delivered_is_what_was_answered CHECK (
        state <> 1 OR (tried_at IS NOT NULL AND last_status IS NOT NULL AND last_status BETWEEN 200 AND 299)
    )
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE state = 0;
CREATE INDEX webhook_delivery_merchant
    ON webhook_delivery (merchant_id, at, payment_id, step, endpoint_id);
CREATE INDEX webhook_delivery_expiry ON webhook_delivery (expires_at);

CREATE INDEX payment_merchant ON payment (merchant_id, created_at, payment_id);
