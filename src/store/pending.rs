//! What a batch writes, while it is decided: net rows, credits, and the journal's rows, each chained to the
//! one before it.

use std::collections::HashMap;

use super::backend::{Change, Net};
use super::{Answer, Committed};
use crate::crypto::hash::sha256;
use crate::domain::command::Command;
use crate::domain::decide::Decision;
use crate::domain::id::{FIRST_TENANT, LedgerAccountId, MerchantId};
use crate::domain::journal::{Entry, chained_bytes};
use crate::domain::record::Record as _;
use crate::domain::rows::{Finished, Journal, Lane, Row, RowKey};
use crate::domain::view::View;
use crate::domain::write::Write;

/// The writes of a batch under way.
#[derive(Default)]
pub(super) struct Pending {
    changes: Vec<(RowKey, bool, Option<Row>)>,
    places: HashMap<RowKey, usize>,
    pub(super) credits: HashMap<LedgerAccountId, (i64, i64)>,
    pub(super) committed: Vec<Committed>,
    pub(super) touched: Vec<RowKey>,
    pub(super) contradiction: bool,
}

impl Pending {
    /// Takes a decision in: its writes, its journal row, its answer.
    pub(super) fn take(
        &mut self,
        command: &Command,
        decision: Decision,
        view: &mut View,
        head: &mut Lane,
    ) -> Answer {
        match decision {
            Decision::Repeat(outcome) => Answer::Final(outcome),
            Decision::RepeatOpen(answer) => Answer::Open(answer),
            Decision::Commit { writes, entry } | Decision::Refuse { writes, entry } => {
                let order = writes.iter().find_map(Write::order);
                self.push_all(writes, view);
                let outcome = entry.outcome.clone();
                self.journal(command, &entry, order, view, head);
                Answer::Final(outcome)
            }
            Decision::Reject { writes, answer } => {
                self.push_all(writes, view);
                Answer::Open(answer)
            }
            Decision::Keep { writes } => {
                self.push_all(writes, view);
                Answer::Kept
            }
            Decision::Stale(stale) => Answer::Stale(stale),
            Decision::Nothing(traceless) => Answer::Nothing(traceless),
        }
    }

    fn push_all(&mut self, writes: Vec<Write>, view: &mut View) {
        for write in writes {
            self.push(write, view);
        }
    }

    pub(super) fn push(&mut self, write: Write, view: &mut View) {
        view.fold(&write);
        let (key, existed, row) = match write {
            Write::Insert(row) => (row.key(), false, Some(row)),
            Write::Update(row) => (row.key(), true, Some(row)),
            Write::Delete(key) => (key, true, None),
            Write::Credit { ledger_account_id, debits_minor, credits_minor } => {
                let sums = self.credits.entry(ledger_account_id).or_default();
                sums.0 += debits_minor;
                sums.1 += credits_minor;
                return;
            }
        };
        if let Some(place) = self.places.get(&key) {
            let change = &mut self.changes[*place].2;
            // The database is shown net rows only, so it cannot see that a row was inserted twice,
            // or changed when it was gone.
            self.contradiction |= existed != change.is_some();
            *change = row;
        } else {
            self.touched.push(key.clone());
            self.places.insert(key.clone(), self.changes.len());
            self.changes.push((key, existed, row));
        }
    }

    /// Chains an entry onto its lane.
    fn journal(
        &mut self,
        command: &Command,
        entry: &Entry,
        order: Option<(MerchantId, String)>,
        view: &mut View,
        head: &mut Lane,
    ) {
        let Some(signed) = command.signed() else { return };
        let mut row = Journal {
            lane: head.lane,
            sequence: head.sequence + 1,
            tenant_id: FIRST_TENANT,
            command_id: command.id,
            kind: entry.kind.number(),
            at: view.now(),
            entry_account_id: entry.entry_account_id,
            request_id: signed.request_id,
            key_id: signed.key_id,
            digest: signed.digest,
            outcome: entry.outcome.encode(),
            postings: entry.postings.encode(),
            versions: entry.versions.encode(),
            method: signed.evidence.method.to_owned(),
            payload: signed.evidence.payload.clone(),
            signature: signed.evidence.signature.clone(),
            candidate_key: command.candidate_key(),
            accepted_step: entry.accepted_step,
            hash: [0; 32],
        };
        row.hash = chain_hash(&head.hash, &row);
        head.sequence = row.sequence;
        head.hash = row.hash;
        self.committed.push(Committed {
            lane: row.lane,
            sequence: row.sequence,
            hash: row.hash,
            kind: entry.kind,
            account_id: entry.versions.accounts.first().map(|(account_id, _)| *account_id),
            order,
        });
        let finished = Finished {
            request_id: row.request_id,
            key_id: row.key_id,
            digest: row.digest,
            outcome: row.outcome.clone(),
        };
        let key = RowKey::Finished(row.request_id, row.key_id);
        view.insert(key, Some(finished.into_row()));
        let key = RowKey::Journal(row.lane, row.sequence);
        self.changes.push((key, false, Some(row.into_row())));
    }

    pub(super) fn net(self) -> Net {
        let mut changes: Vec<_> = self
            .changes
            .into_iter()
            .filter_map(|(key, existed, row)| match (existed, row) {
                (false, Some(row)) => Some((key, Change::Insert(row))),
                (true, Some(row)) => Some((key, Change::Update(row))),
                (true, None) => Some((key.clone(), Change::Delete(key))),
                (false, None) => None,
            })
            .collect();
        changes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut credits: Vec<_> =
            self.credits.into_iter().map(|(id, (debits, credits))| (id, debits, credits)).collect();
        credits.sort_unstable();
        Net { changes: changes.into_iter().map(|(_, change)| change).collect(), credits }
    }
}

/// A journal row's hash, given the one before it.
pub fn chain_hash(previous: &[u8; 32], row: &Journal) -> [u8; 32] {
    sha256(&[b"saifu journal v1", previous, &chained_bytes(row, |bytes| sha256(&[bytes]))])
}
