//! Reversal: what an order came to is undone, or it is seen to that it comes to nothing. A till that got
//! no answer may ask for it before its payment arrives; then a tombstone waits for that payment.
//!
//! Balance limits and the account's state are not asked: giving back is never refused.

use super::ruling::Ruling;
use super::terminal::written;
use crate::domain::id::{AccountId, FIRST_TENANT, LedgerAccountId, MerchantId, TerminalId};
use crate::domain::journal::Versions;
use crate::domain::ledger::{Postings, SUSPENSE, Transfer};
use crate::domain::money::Amount;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, AccountState, ClosingReason, Merchant, OrderSlot, Payment};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Which order of which till.
pub(super) struct Subject<'a> {
    pub merchant: &'a Merchant,
    pub terminal_id: TerminalId,
    pub order_id: &'a str,
    pub now: Timestamp,
}

/// An order that was just named for the first time.
pub(super) fn slot(
    merchant_id: MerchantId,
    terminal_id: TerminalId,
    order_id: &str,
    now: Timestamp,
) -> OrderSlot {
    OrderSlot {
        merchant_id,
        order_id: order_id.to_owned(),
        tenant_id: FIRST_TENANT,
        terminal_id,
        payment_id: None,
        account_id: None,
        reversed_at: None,
        created_at: now,
    }
}

/// Decides a reversal. Whose order it is comes before anything that is told about it.
pub(super) fn decide(subject: &Subject<'_>, view: &View) -> Result<Ruling, Refusal> {
    let merchant_id = subject.merchant.merchant_id;
    let known = view.get::<OrderSlot>((merchant_id, subject.order_id.to_owned()));
    if known.is_some_and(|slot| slot.terminal_id != subject.terminal_id) {
        return Err(Refusal::NotFound);
    }
    if known.is_some_and(|slot| slot.reversed_at.is_some()) {
        return Ok(Ruling::plain(Vec::new(), Outcome::AlreadyReversed));
    }
    let named = known
        .cloned()
        .unwrap_or_else(|| slot(merchant_id, subject.terminal_id, subject.order_id, subject.now));
    let reversed = written(OrderSlot { reversed_at: Some(subject.now), ..named.clone() }, known);
    let (Some(payment_id), Some(account_id)) = (named.payment_id, named.account_id) else {
        return Ok(Ruling::plain(vec![reversed], Outcome::NothingFound));
    };
    let payment = view.get::<Payment>((payment_id,)).ok_or(Refusal::NotFound)?;
    let account = view.get::<Account>((account_id,)).ok_or(Refusal::NotFound)?;
    let mut ruling = give_back(subject, payment, account, view.now().max(account.last_at))?;
    ruling.writes.push(reversed);
    Ok(ruling)
}

fn give_back(
    subject: &Subject<'_>,
    payment: &Payment,
    account: &Account,
    now: Timestamp,
) -> Result<Ruling, Refusal> {
    let left = payment.captured_minor - payment.refunded_minor;
    let amount = Amount::new(left).ok_or(Refusal::NotFound)?;
    let undone = Payment {
        refunded_minor: payment.captured_minor,
        closing_reason: Some(ClosingReason::Reversed),
        ..payment.clone()
    };
    let debit = Write::Credit {
        ledger_account_id: subject.merchant.ledger_account_id,
        debits_minor: amount.minor(),
        credits_minor: 0,
    };
    let received = match account.state {
        AccountState::Closed => to_nobody(account, amount),
        AccountState::Pending | AccountState::Active => to_its_owner(account, payment, amount, now),
    };
    let outcome = Outcome::Reversed {
        payment_id: payment.payment_id,
        at: now,
        refunded_minor: amount.minor(),
        available_after_minor: received.available_after_minor,
    };
    let transfer = Transfer {
        debit: subject.merchant.ledger_account_id,
        credit: received.into,
        asset: payment.asset,
        amount,
    };
    let writes = vec![Write::Update(undone.into_row()), debit, received.write];
    Ok(Ruling {
        entry_account_id: received.entry_account_id,
        versions: received.versions,
        postings: Postings(vec![transfer]),
        ..Ruling::plain(writes, outcome)
    })
}

/// Where the money went back to.
struct Received {
    into: LedgerAccountId,
    write: Write,
    available_after_minor: i64,
    entry_account_id: Option<AccountId>,
    versions: Versions,
}

/// Into the lots that it was taken from.
fn to_its_owner(account: &Account, payment: &Payment, amount: Amount, now: Timestamp) -> Received {
    let mut account = Account { last_at: now, version: account.version + 1, ..account.clone() };
    account.credits_posted_minor += amount.minor();
    account.lots.give_back(&payment.legs.0);
    account.spending.give_back(payment.created_at, amount.minor());
    Received {
        into: account.ledger_account_id,
        available_after_minor: account.available_minor(),
        entry_account_id: Some(account.account_id),
        versions: Versions { accounts: vec![(account.account_id, account.version)], keys: Vec::new() },
        write: Write::Update(account.into_row()),
    }
}

/// Its owner is gone.
fn to_nobody(account: &Account, amount: Amount) -> Received {
    Received {
        into: SUSPENSE,
        write: Write::Credit { ledger_account_id: SUSPENSE, debits_minor: 0, credits_minor: amount.minor() },
        available_after_minor: account.available_minor(),
        entry_account_id: None,
        versions: Versions::default(),
    }
}
