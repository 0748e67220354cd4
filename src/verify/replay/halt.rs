//! The operators' own freeze: one of them, or a charge-back, stops an account's outflow; two let it go on.

use super::{Checked, Entry, Replay, nothing_posted};
use crate::domain::id::{AccountId, TopUpId};
use crate::domain::outcome::{HaltOutcome, Outcome};
use crate::domain::rows::HaltReason;
use crate::domain::time::Timestamp;
use crate::pb;
use crate::verify::evidence;

impl Replay {
    /// What stands already stays, and payment codes are dead.
    pub(super) fn halted(
        &mut self,
        account_id: AccountId,
        told_at: Timestamp,
        reason: HaltReason,
    ) -> Checked {
        let account = self.account_mut(account_id)?;
        account.live_codes.clear();
        let (halted_at, _) = *account.halted.get_or_insert((told_at, reason));
        if halted_at == told_at { Ok(()) } else { Err("its outflow was stopped at another time") }
    }

    /// One operator stopped an account that he named, or whose top-up he named.
    pub(super) fn halted_by_operator(&mut self, entry: &Entry<'_>, call: &pb::Call) -> Checked {
        let Outcome::Halt(HaltOutcome::Halted { account_id, halted_at, reason }) = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let body: pb::FreezeAccountRequest = evidence::body(call)?;
        let is_named = body.account_id == account_id.0 && body.top_up_id.is_empty();
        let top_up = TopUpId::from_slice(&body.top_up_id).and_then(|id| self.top_ups.get(&id));
        let is_of_top_up =
            body.account_id.is_empty() && top_up.is_some_and(|top_up| top_up.account_id == account_id);
        if !is_named && !is_of_top_up {
            return Err("it stops another account than was signed for");
        }
        nothing_posted(entry)?;
        self.step_account(entry, account_id)?;
        self.halted(account_id, halted_at, HaltReason::Operator)?;
        if self.account(account_id)?.halted == Some((halted_at, reason)) {
            Ok(())
        } else {
            Err("its outflow was stopped for another reason")
        }
    }

    /// Two operators let it go on.
    pub(super) fn resumed(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::UnfreezeAccount,
        account_id: AccountId,
    ) -> Checked {
        if proposed.account_id != account_id.0 {
            return Err("it lets another account go on than was proposed");
        }
        nothing_posted(entry)?;
        self.step_account(entry, account_id)?;
        match self.account_mut(account_id)?.halted.take() {
            Some(_) => Ok(()),
            None => Err("it lets an account go on that nobody stopped"),
        }
    }
}
