//! Rows about differences from a funding provider's list: who took one, and what its operator said of it.
//! What the provider said is no journal's, and so neither is what the difference was.

use super::{Checked, Entry, Replay, nothing_moved};
use crate::domain::id::OperatorId;
use crate::domain::journal::Kind;
use crate::domain::outcome::{Outcome, ReconciliationOutcome};
use crate::pb;
use crate::verify::evidence;

/// What was last done about a difference.
pub(in crate::verify) struct ItemReplay {
    /// Of which version.
    pub version: i64,
    /// By whom.
    pub owner_id: OperatorId,
    /// What became of it; nothing while he looks after it.
    pub note: Option<String>,
}

impl Replay {
    pub(super) fn reconciliation(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        owner_id: OperatorId,
    ) -> Checked {
        nothing_moved(entry)?;
        let Outcome::Reconciliation(outcome) = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let (item_id, version, signed, note) = match (entry.kind, outcome) {
            (Kind::TakeReconciliationItem, ReconciliationOutcome::Taken { item_id, version }) => {
                let body: pb::TakeReconciliationItemRequest = evidence::body(call)?;
                (item_id, version, (body.item_id, body.version), None)
            }
            (Kind::ResolveReconciliationItem, ReconciliationOutcome::Resolved { item_id, version }) => {
                let body: pb::ResolveReconciliationItemRequest = evidence::body(call)?;
                (item_id, version, (body.item_id, body.version), Some(body.note))
            }
            (_, _) => return Err("its outcome does not fit its kind"),
        };
        if signed != (item_id.0.to_vec(), version) {
            return Err("it is about another difference than was signed for");
        }
        let known = self.reconciled.get(&item_id);
        if known.is_some_and(|known| version < known.version) {
            return Err("it is about an older difference than the one before it");
        }
        if known.is_some_and(|known| known.version == version && known.note.is_some()) {
            return Err("it is about a difference that was resolved");
        }
        let has_it = known.is_some_and(|known| known.owner_id == owner_id && known.note.is_none());
        if note.is_some() && !has_it {
            return Err("it resolves a difference that another operator has, or none");
        }
        self.reconciled.insert(item_id, ItemReplay { version, owner_id, note });
        Ok(())
    }
}
