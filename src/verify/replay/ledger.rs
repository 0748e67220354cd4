//! What a row moves, posted anew: nobody's balance falls below zero, and whoever owes pays of what comes in.

use super::{Checked, Entry, Replay};
use crate::domain::id::{AccountId, LedgerAccountId};
use crate::domain::ledger::{LOSSES, Transfer};
use crate::domain::money::{Amount, Asset};

impl Replay {
    pub(super) fn post(&mut self, transfer: &Transfer) -> Checked {
        let amount_minor = transfer.amount.minor();
        self.ledger.entry(transfer.debit).or_default().0 += amount_minor;
        self.ledger.entry(transfer.credit).or_default().1 += amount_minor;
        if self.customers.contains(&transfer.debit) && self.balance(transfer.debit) < 0 {
            return Err("it takes a customer's balance below zero");
        }
        Ok(())
    }

    /// Posts what a row about an account must move, and after it what of that pays a debt: whoever owes has
    /// nothing to spend. The row must say just that.
    pub(super) fn posted(
        &mut self,
        entry: &Entry<'_>,
        account_id: AccountId,
        moved: impl IntoIterator<Item = Transfer>,
    ) -> Checked {
        let mut expected: Vec<Transfer> = moved.into_iter().collect();
        for transfer in &expected {
            self.post(transfer)?;
        }
        let account = self.account(account_id)?;
        let due_minor = account.debt_minor.min(self.available(account_id)?);
        if let Some(amount) = Amount::new(due_minor) {
            let asset = Asset::PrepaidJpy;
            let paid = Transfer { debit: account.ledger_account_id, credit: LOSSES, asset, amount };
            self.post(&paid)?;
            self.account_mut(account_id)?.debt_minor -= due_minor;
            expected.push(paid);
        }
        if entry.postings.0 == expected {
            Ok(())
        } else {
            Err("what was posted is not what was signed, less what was owed")
        }
    }

    /// Credits less debits.
    pub(in crate::verify) fn balance(&self, ledger_account_id: LedgerAccountId) -> i64 {
        self.ledger.get(&ledger_account_id).map_or(0, |(debits, credits)| credits - debits)
    }

    /// What an account's owner could spend: what is his, less what is held.
    pub(in crate::verify) fn available(&self, account_id: AccountId) -> Result<i64, &'static str> {
        let account = self.account(account_id)?;
        Ok(self.balance(account.ledger_account_id) - account.held_minor)
    }

    /// A row in which money moved, or was held, is listed under its account, and no other row is.
    pub(super) fn entry_of(entry: &Entry<'_>, account_id: AccountId) -> Checked {
        let expected = entry.outcome.is_entry().then_some(account_id);
        if entry.row.entry_account_id == expected {
            Ok(())
        } else {
            Err("it is listed under another account")
        }
    }
}
