-- What is owed of top-ups that were taken back, and the operators' own freeze.

ALTER TABLE account ADD COLUMN debt_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD CONSTRAINT whoever_owes_has_nothing_to_spend CHECK (debt_minor >= 0
    AND (debt_minor = 0 OR credits_posted_minor - debits_posted_minor - debits_pending_minor = 0));
ALTER TABLE account ADD COLUMN halted_at BIGINT;
ALTER TABLE account ADD COLUMN halt_reason BIGINT;
ALTER TABLE account ADD CONSTRAINT a_halt_has_a_reason CHECK ((halt_reason IS NULL) = (halted_at IS NULL)
    AND (halt_reason IS NULL OR halt_reason BETWEEN 1 AND 2));

-- Which accounts a card tops up, and how much: a card is the keyed hash of what its provider knows it by.

CREATE TABLE card (
    card_tag BYTEA PRIMARY KEY CHECK (length(card_tag) = 32),
    tenant_id BYTEA NOT NULL CHECK (length(tenant_id) = 16),
    users BYTEA NOT NULL,
    top_ups BYTEA NOT NULL
);

-- Sources from before are of no card that is known.
ALTER TABLE funding ADD COLUMN card_tag BYTEA REFERENCES card (card_tag) CHECK (length(card_tag) = 32);
ALTER TABLE funding ADD COLUMN topped_up_at BIGINT;
UPDATE funding SET topped_up_at = (
    SELECT min(settled_at) FROM top_up WHERE top_up.funding_id = funding.funding_id AND state IN (2, 6, 7));
CREATE INDEX funding_card ON funding (card_tag) WHERE card_tag IS NOT NULL;

ALTER TABLE top_up ADD COLUMN card_tag BYTEA REFERENCES card (card_tag) CHECK (length(card_tag) = 32);
ALTER TABLE top_up ADD COLUMN wants_challenge BIGINT NOT NULL DEFAULT 0 CHECK (wants_challenge IN (0, 1));
