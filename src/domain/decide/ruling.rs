//! What an action came to where there is no customer's device to account for: its writes, its outcome,
//! and what of it the journal keeps.

use super::{Decision, forget_open};
use crate::domain::command::Signed;
use crate::domain::id::AccountId;
use crate::domain::journal::{Entry, Kind, Versions};
use crate::domain::ledger::Postings;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::view::View;
use crate::domain::write::Write;

/// What an action came to.
pub(super) struct Ruling {
    pub writes: Vec<Write>,
    pub outcome: Outcome,
    pub entry_account_id: Option<AccountId>,
    pub postings: Postings,
    pub versions: Versions,
}

impl Ruling {
    /// No money moved.
    pub(super) fn plain(writes: Vec<Write>, outcome: Outcome) -> Self {
        Self {
            writes,
            outcome,
            entry_account_id: None,
            postings: Postings::default(),
            versions: Versions::default(),
        }
    }

    /// As a decision about a signed call.
    pub(super) fn decision(mut self, kind: Kind, signed: &Signed, view: &View) -> Decision {
        self.writes.extend(forget_open(signed, view));
        let entry = Box::new(Entry {
            kind,
            entry_account_id: self.entry_account_id,
            outcome: self.outcome,
            postings: self.postings,
            versions: self.versions,
            accepted_step: None,
        });
        if entry.outcome.is_refused() {
            Decision::Refuse { writes: self.writes, entry }
        } else {
            Decision::Commit { writes: self.writes, entry }
        }
    }
}

impl From<Refusal> for Ruling {
    fn from(refusal: Refusal) -> Self {
        Self::plain(Vec::new(), Outcome::refused(refusal))
    }
}
