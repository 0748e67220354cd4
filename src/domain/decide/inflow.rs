//! The one way in which value becomes a customer's to spend: credited to him, or held for a shop no more.
//! What he owes of top-ups that were taken back is paid of it in the same commit, before he could spend it.
//!
//! So nobody who owes has anything to spend. The schema says so too, and a test of the sources finds whoever
//! credits an account elsewhere.

use crate::domain::id::LedgerAccountId;
use crate::domain::ledger::{LOSSES, Transfer};
use crate::domain::lots::{Leg, Lot};
use crate::domain::money::Amount;
use crate::domain::rows::Account;
use crate::domain::write::Write;

/// Which lots value is put into.
pub(super) enum Place {
    /// One of its own.
    New(Lot),
    /// Those that a payment took it from.
    Back(Vec<Leg>),
}

impl Place {
    fn put(&self, account: &mut Account) {
        match self {
            Self::New(lot) => account.lots.add(*lot),
            Self::Back(legs) => account.lots.give_back(legs),
        }
    }
}

/// What came in, and is not settled with its owner's debt yet.
#[must_use = "what its owner owes is paid of it"]
#[derive(Default)]
pub(super) struct Inflow {
    transfers: Vec<Transfer>,
    writes: Vec<Write>,
}

impl Inflow {
    /// Value from another account of the ledger.
    pub(super) fn credit(
        mut self,
        account: &mut Account,
        from: LedgerAccountId,
        amount: Amount,
        into: &Place,
    ) -> Self {
        account.credits_posted_minor += amount.minor();
        into.put(account);
        let (credit, asset) = (account.ledger_account_id, account.asset);
        self.transfers.push(Transfer { debit: from, credit, asset, amount });
        self.writes.push(booked(from, amount.minor(), 0));
        self
    }

    /// Value that was held for a shop.
    pub(super) fn release(self, account: &mut Account, released_minor: i64, into: &Place) -> Self {
        account.debits_pending_minor -= released_minor;
        into.put(account);
        self
    }

    /// Pays what is owed, as far as it is there. It is no spending: no limit is asked, and none is used up.
    pub(super) fn settle(mut self, account: &mut Account) -> (Vec<Transfer>, Vec<Write>) {
        let due_minor = account.debt_minor.min(account.available_minor());
        // What is available is part of the lots, so they hold as much.
        if let Some(amount) = Amount::new(due_minor)
            && account.lots.take(due_minor).is_some()
        {
            account.debt_minor -= due_minor;
            account.debits_posted_minor += due_minor;
            let (debit, asset) = (account.ledger_account_id, account.asset);
            self.transfers.push(Transfer { debit, credit: LOSSES, asset, amount });
            self.writes.push(booked(LOSSES, 0, due_minor));
        }
        (self.transfers, self.writes)
    }
}

/// What an account of the ledger that is not a customer's is added.
pub(super) fn booked(ledger_account_id: LedgerAccountId, debits_minor: i64, credits_minor: i64) -> Write {
    Write::Credit { ledger_account_id, debits_minor, credits_minor }
}
