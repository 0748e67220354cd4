-- A top-up's whole life: what its provider said, and when it is asked next.

CREATE TABLE top_up_two (
    top_up_id BLOB PRIMARY KEY NOT NULL CHECK (length(top_up_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    account_id BLOB NOT NULL REFERENCES account (account_id) DEFERRABLE INITIALLY DEFERRED,
    funding_id BLOB NOT NULL REFERENCES funding (funding_id) DEFERRABLE INITIALLY DEFERRED,
    asset INTEGER NOT NULL REFERENCES asset (asset),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),
    requested_at INTEGER NOT NULL,
    settled_at INTEGER,
    provider_reference TEXT UNIQUE,
    turn INTEGER NOT NULL CHECK (turn >= 0),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    due_at INTEGER,
    claimed_until INTEGER NOT NULL,
    claimed_by BLOB CHECK (length(claimed_by) = 16),
    sealed_action BLOB,
    CHECK ((state IN (1, 4, 5)) = (settled_at IS NULL)),
    CONSTRAINT an_open_one_is_asked_about CHECK (state NOT IN (1, 4, 5) OR due_at IS NOT NULL),
    CONSTRAINT money_has_a_name CHECK (state NOT IN (2, 6, 7) OR provider_reference IS NOT NULL),
    CHECK (sealed_action IS NULL OR state = 4)
) STRICT, WITHOUT ROWID;
-- One that is open may have been asked about before: it is looked for, and not asked for anew.
INSERT INTO top_up_two
    SELECT top_up_id, tenant_id, account_id, funding_id, asset, amount_minor, state, requested_at, settled_at,
        provider_reference, CASE state WHEN 1 THEN 0 ELSE 1 END, CASE state WHEN 1 THEN 1 ELSE 0 END,
        CASE state WHEN 1 THEN requested_at ELSE NULL END, 0, NULL, NULL
    FROM top_up;
DROP TABLE top_up;
ALTER TABLE top_up_two RENAME TO top_up;
CREATE INDEX top_up_due ON top_up (due_at) WHERE due_at IS NOT NULL;
