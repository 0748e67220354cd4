-- A payout file is told by the time at which its payouts were ordered, and differences are listed by their state.

DROP INDEX settlement_payout;
CREATE INDEX settlement_payout ON settlement (settled_at, merchant_id, day) WHERE payout_minor > 0;
CREATE INDEX reconciliation_item_state ON reconciliation_item (state, first_seen_at, item_id);
