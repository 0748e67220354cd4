-- A funding provider's list against ours: how far it was compared, and each difference with its owner.

CREATE TABLE reconciliation (
    provider BIGINT PRIMARY KEY,
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    compared_until BIGINT NOT NULL,
    swept_until BIGINT NOT NULL,
    swept_at BIGINT NOT NULL,
    CONSTRAINT nothing_is_looked_at_again_before_once CHECK (swept_until <= compared_until)
);

CREATE TABLE reconciliation_item (
    item_id BYTEA PRIMARY KEY CHECK (length(item_id) = 16),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    provider BIGINT NOT NULL,
    reference TEXT NOT NULL CHECK (length(reference) >= 1),
    difference BIGINT NOT NULL CHECK (difference BETWEEN 1 AND 8),
    top_up_id BYTEA REFERENCES top_up (top_up_id),
    ours_minor BIGINT CHECK (ours_minor > 0),
    theirs_minor BIGINT CHECK (theirs_minor >= 0),
    theirs_currency TEXT,
    version BIGINT NOT NULL CHECK (version >= 1),
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 4),
    owner_id BYTEA REFERENCES operator (operator_id),
    note TEXT CHECK (length(note) BETWEEN 1 AND 500),
    UNIQUE (provider, reference),
    CHECK (last_seen_at >= first_seen_at),
    CHECK ((theirs_minor IS NULL) = (theirs_currency IS NULL)),
    -- Only what is no top-up's of ours has no amount of ours, and only what is not there has none of theirs.
    CONSTRAINT ours_is_what_is_known_here CHECK
        ((difference = 1) = (ours_minor IS NULL) AND (ours_minor IS NULL OR top_up_id IS NOT NULL)),
    CONSTRAINT theirs_is_what_is_known_there CHECK (difference = 2 OR theirs_minor IS NOT NULL),
    CONSTRAINT nobody_has_an_open_one CHECK (state <> 1 OR owner_id IS NULL),
    CONSTRAINT somebody_has_a_taken_one CHECK (state NOT IN (2, 3) OR owner_id IS NOT NULL),
    CONSTRAINT resolved_is_what_was_said CHECK ((state = 3) = (note IS NOT NULL))
);
CREATE INDEX reconciliation_item_list ON reconciliation_item (first_seen_at, item_id);
CREATE INDEX reconciliation_item_open ON reconciliation_item (provider, last_seen_at) WHERE state IN (1, 2);

CREATE INDEX top_up_credited ON top_up (requested_at, top_up_id) WHERE state = 2;
