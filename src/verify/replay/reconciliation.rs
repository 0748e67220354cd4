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

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::domain::id::ReconciliationItemId;
    use crate::domain::journal::Versions;
    use crate::domain::ledger::Postings;
    use crate::domain::rows::Journal;
    use crate::store::tests::examples;

    const ITEM: ReconciliationItemId = ReconciliationItemId([9; 16]);

    /// Who did what about which version: taken, or with a note resolved.
    type Done = (u8, i64, Option<&'static str>);

    /// What the journal's last of these rows is told to be, after the ones before it.
    fn told(rows: &[Done], signed_version: impl Fn(i64) -> i64) -> Checked {
        let row = Journal { entry_account_id: None, ..examples::journal() };
        let mut replay = Replay::default();
        let mut last = Ok(());
        for (operator, version, note) in rows {
            let (item_id, signed) = (ITEM.0.to_vec(), signed_version(*version));
            let (kind, outcome, body) = match note {
                None => (
                    Kind::TakeReconciliationItem,
                    ReconciliationOutcome::Taken { item_id: ITEM, version: *version },
                    pb::TakeReconciliationItemRequest { item_id, version: signed }.encode_to_vec(),
                ),
                Some(note) => {
                    let note = (*note).to_owned();
                    let body = pb::ResolveReconciliationItemRequest { item_id, version: signed, note };
                    let outcome = ReconciliationOutcome::Resolved { item_id: ITEM, version: *version };
                    (Kind::ResolveReconciliationItem, outcome, body.encode_to_vec())
                }
            };
            let entry = Entry {
                row: &row,
                kind,
                outcome: Outcome::Reconciliation(outcome),
                postings: Postings::default(),
                versions: Versions::default(),
            };
            let call = pb::Call { body, ..pb::Call::default() };
            last = replay.reconciliation(&entry, &call, OperatorId([*operator; 16]));
        }
        last
    }

    #[test]
    fn what_decide_would_never_do_about_a_difference_is_told() {
        let resolved = Some("paid by hand");
        for (rows, expected) in [
            (&[(1, 1, None)][..], Ok(())),
            (&[(1, 1, None), (2, 1, None)], Ok(())),
            (&[(1, 1, None), (1, 1, resolved)], Ok(())),
            (&[(1, 1, None), (1, 1, resolved), (2, 2, None)], Ok(())),
            (&[(1, 1, resolved)], Err("it resolves a difference that another operator has, or none")),
            (
                &[(1, 1, None), (2, 1, resolved)],
                Err("it resolves a difference that another operator has, or none"),
            ),
            (
                &[(1, 1, None), (2, 1, None), (1, 1, resolved)],
                Err("it resolves a difference that another operator has, or none"),
            ),
            (
                &[(1, 1, None), (1, 1, resolved), (2, 1, None)],
                Err("it is about a difference that was resolved"),
            ),
            (&[(1, 2, None), (2, 1, None)], Err("it is about an older difference than the one before it")),
        ] {
            assert_eq!(told(rows, |version| version), expected, "{rows:?}");
        }
        let other = told(&[(1, 1, None)], |version| version + 1);
        assert_eq!(other, Err("it is about another difference than was signed for"));
    }
}
