-- A top-up's whole life: what its provider said, and when it is asked next.

ALTER TABLE top_up DROP CONSTRAINT top_up_state_check;
ALTER TABLE top_up DROP CONSTRAINT top_up_check;
ALTER TABLE top_up ADD COLUMN turn BIGINT NOT NULL DEFAULT 0 CHECK (turn >= 0);
-- One that is open may have been asked about before: it is looked for, and not asked for anew.
ALTER TABLE top_up ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0);
ALTER TABLE top_up ADD COLUMN due_at BIGINT;
UPDATE top_up SET attempts = 1, due_at = requested_at WHERE state = 1;
UPDATE top_up SET turn = 1 WHERE state <> 1;
ALTER TABLE top_up ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE top_up ADD COLUMN claimed_by BYTEA CHECK (length(claimed_by) = 16);
ALTER TABLE top_up ADD COLUMN sealed_action BYTEA;
ALTER TABLE top_up ADD CONSTRAINT top_up_state_check CHECK (state BETWEEN 1 AND 7);
ALTER TABLE top_up ADD CONSTRAINT top_up_check CHECK ((state IN (1, 4, 5)) = (settled_at IS NULL));
ALTER TABLE top_up ADD CONSTRAINT an_open_one_is_asked_about
    CHECK (state NOT IN (1, 4, 5) OR due_at IS NOT NULL);
ALTER TABLE top_up ADD CONSTRAINT money_has_a_name
    CHECK (state NOT IN (2, 6, 7) OR provider_reference IS NOT NULL);
ALTER TABLE top_up ADD CONSTRAINT an_action_is_its_owners CHECK (sealed_action IS NULL OR state = 4);
DROP INDEX top_up_requested;
CREATE INDEX top_up_due ON top_up (due_at) WHERE due_at IS NOT NULL;
