//! The same for differences from a funding provider's list.

use crate::domain::id::{FIRST_TENANT, OperatorId, ReconciliationItemId, TopUpId};
use crate::domain::reconciliation::{Difference, ItemState};
use crate::domain::record::Record as _;
use crate::domain::rows::{Reconciliation, ReconciliationItem, Row};
use crate::domain::tests::fixture::NOW;

pub(super) fn rows() -> Vec<Row> {
    let resolved = ReconciliationItem {
        item_id: ReconciliationItemId([1; 16]),
        tenant_id: FIRST_TENANT,
        provider: 2,
        reference: "pi_1".into(),
        difference: Difference::Amount,
        top_up_id: Some(TopUpId([1; 16])),
        ours_minor: Some(700),
        theirs_minor: Some(500),
        theirs_currency: Some("JPY".into()),
        version: 3,
        first_seen_at: NOW,
        last_seen_at: NOW.plus_us(1),
        state: ItemState::Resolved,
        owner_id: Some(OperatorId([1; 16])),
        note: Some("a part was given back by hand".into()),
    };
    let open = ReconciliationItem {
        item_id: ReconciliationItemId([2; 16]),
        reference: "pi_2".into(),
        difference: Difference::UnknownHere,
        top_up_id: None,
        ours_minor: None,
        state: ItemState::Open,
        owner_id: None,
        note: None,
        ..resolved.clone()
    };
    vec![
        Reconciliation {
            provider: 2,
            tenant_id: FIRST_TENANT,
            compared_until: NOW.plus_us(3),
            swept_until: NOW.plus_us(2),
            swept_at: NOW,
        }
        .into_row(),
        open.into_row(),
        resolved.into_row(),
    ]
}

/// What every schema refuses.
pub(super) fn broken() -> Vec<String> {
    [
        // Nothing is looked at again before it was once.
        "UPDATE reconciliation SET swept_until = compared_until + 1",
        // Whoever has one, and what he said.
        "UPDATE reconciliation_item SET state = 2, owner_id = NULL, note = NULL WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET state = 3, owner_id = NULL, note = 'a note' WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET note = NULL WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET state = 1, note = NULL WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET state = 4 WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET note = '' WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET state = 5, note = NULL",
        // What is whose.
        "UPDATE reconciliation_item SET difference = 9 WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET ours_minor = 0 WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET theirs_minor = -1 WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET reference = '' WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET difference = 1 WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET difference = 4 WHERE reference = 'pi_2'",
        "UPDATE reconciliation_item SET top_up_id = NULL WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET theirs_minor = NULL, theirs_currency = NULL WHERE reference = 'pi_1'",
        "UPDATE reconciliation_item SET theirs_currency = NULL",
        "UPDATE reconciliation_item SET reference = 'pi_1'",
        "UPDATE reconciliation_item SET version = 0",
        "UPDATE reconciliation_item SET last_seen_at = first_seen_at - 1",
    ]
    .map(str::to_owned)
    .into()
}
