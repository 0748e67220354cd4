-- What is owed of top-ups that were taken back, and the operators' own freeze.

ALTER TABLE account ADD COLUMN debt_minor INTEGER NOT NULL DEFAULT 0
    CONSTRAINT whoever_owes_has_nothing_to_spend CHECK (debt_minor >= 0
        AND (debt_minor = 0 OR credits_posted_minor - debits_posted_minor - debits_pending_minor = 0));
ALTER TABLE account ADD COLUMN halted_at INTEGER;
ALTER TABLE account ADD COLUMN halt_reason INTEGER
    CONSTRAINT a_halt_has_a_reason CHECK ((halt_reason IS NULL) = (halted_at IS NULL)
        AND (halt_reason IS NULL OR halt_reason BETWEEN 1 AND 2));
