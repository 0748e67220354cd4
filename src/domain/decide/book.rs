//! What a payment's step does to its customer's account and its shop's: the one place where a payment
//! becomes postings. Nothing is decided here any more, and nothing can fail.

use super::inflow::{Inflow, Place, booked};
use crate::domain::id::LedgerAccountId;
use crate::domain::ledger::{Postings, SUSPENSE, Transfer};
use crate::domain::money::Amount;
use crate::domain::payment::{Moved, State, refunded_legs, released_legs};
use crate::domain::rows::{Account, AccountState, Payment};
use crate::domain::time::Timestamp;
use crate::domain::write::Write;

/// Books what a step of `payment`, as it was before it, moves. The rows of account and payment are
/// their caller's to write.
pub(super) fn book(
    account: &mut Account,
    payment: &Payment,
    moved: &Moved,
    payable: LedgerAccountId,
    now: Timestamp,
) -> (Postings, Vec<Write>) {
    let mut transfers = Vec::with_capacity(1);
    let mut writes = Vec::with_capacity(4);
    if moved.authorised_minor > 0 {
        account.debits_pending_minor += moved.authorised_minor;
        account.spent_total_minor += moved.authorised_minor;
        account.payments_total += 1;
        account.spending.add(now, moved.authorised_minor);
    }
    if let Some(amount) = Amount::new(moved.captured_minor) {
        account.debits_pending_minor -= amount.minor();
        account.debits_posted_minor += amount.minor();
        transfers.push(transfer(account.ledger_account_id, payable, payment, amount));
        writes.push(booked(payable, 0, amount.minor()));
    }
    let mut inflow = Inflow::default();
    if moved.released_minor > 0 {
        let legs = released_legs(&payment.legs.0, &payment.sums(), moved);
        inflow = inflow.release(account, moved.released_minor, &Place::Back(legs));
        counted_no_more(account, payment, moved.released_minor);
    }
    if let Some(amount) = Amount::new(moved.refunded_minor) {
        match account.state {
            // Its owner is gone: where nobody's money is kept.
            AccountState::Closed => {
                transfers.push(transfer(payable, SUSPENSE, payment, amount));
                writes.extend([booked(payable, amount.minor(), 0), booked(SUSPENSE, 0, amount.minor())]);
            }
            AccountState::Pending | AccountState::Active => {
                let legs = refunded_legs(&payment.legs.0, &payment.sums(), moved);
                inflow = inflow.credit(account, payable, amount, &Place::Back(legs));
            }
        }
        // A refund does not raise what may be spent again; a reversal does.
        if moved.after.state() == State::Reversed {
            counted_no_more(account, payment, amount.minor());
        }
    }
    let (received, settled) = inflow.settle(account);
    transfers.extend(received);
    writes.extend(settled);
    (Postings(transfers), writes)
}

fn counted_no_more(account: &mut Account, payment: &Payment, amount_minor: i64) {
    if let Some(then) = payment.authorised_at {
        account.spending.give_back(then, amount_minor);
    }
}

fn transfer(debit: LedgerAccountId, credit: LedgerAccountId, payment: &Payment, amount: Amount) -> Transfer {
    Transfer { debit, credit, asset: payment.asset, amount }
}
