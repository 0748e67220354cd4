//! The next step of a payment that is there: captured, voided, refunded by its shop, undone by its till,
//! ended by time. The state table says what is possible; who may ask, is asked here.
//!
//! Giving back asks neither for balance limits nor for the state of the customer's account, and what was
//! held before his account was frozen or recovered may be captured all the same.

use super::Traceless;
use super::book::book;
use super::day::{By, movements, with_entry};
use super::ruling::Ruling;
use super::settlement;
use crate::domain::command::ShopStep;
use crate::domain::id::{CommandId, LedgerAccountId, PaymentId};
use crate::domain::journal::Versions;
use crate::domain::money::Amount;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::{Moved, Verb, Wanted};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, Merchant, OrderSlot, Payment, Terminal};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Who asks, and about which order. A merchant's server asks for all its tills.
pub(super) struct Asking<'a> {
    pub command_id: CommandId,
    pub merchant: &'a Merchant,
    pub terminal: Option<&'a Terminal>,
    pub order_id: &'a str,
}

/// A shop's step. Whose order it is comes before anything that is told about it.
pub(super) fn by_shop(
    asking: &Asking<'_>,
    step: ShopStep,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Refusal> {
    let slot = view
        .get::<OrderSlot>((asking.merchant.merchant_id, asking.order_id.to_owned()))
        .filter(|slot| asking.terminal.is_none_or(|terminal| terminal.terminal_id == slot.terminal_id))
        .ok_or(Refusal::NotFound)?;
    let Some(payment) = slot.payment_id.and_then(|payment_id| view.get::<Payment>((payment_id,))) else {
        return Err(if slot.reversed_at.is_some() { Refusal::OrderReversed } else { Refusal::NotFound });
    };
    let account = view.get::<Account>((payment.account_id,)).ok_or(Refusal::NotFound)?;
    let now = view.now().max(account.last_at);
    let (verb, wanted) = match step {
        ShopStep::Capture { .. } if !asking.merchant.takes_part() => {
            return Err(Refusal::MerchantSuspended);
        }
        ShopStep::Capture { amount, is_final } => {
            (Verb::Capture, Wanted { amount_minor: amount.map(Amount::minor), is_final, now })
        }
        ShopStep::Void => (Verb::Void, Wanted::all(now)),
        ShopStep::Refund { amount } => {
            (Verb::Refund, Wanted { amount_minor: Some(amount.minor()), is_final: false, now })
        }
    };
    let moved = payment.sums().step(verb, &wanted)?;
    if moved.refunded_minor > 0 {
        settlement::within_floor(asking.merchant, moved.refunded_minor, view, policy)?;
    }
    let terminal = asking.terminal.map(|till| counted(till, &moved, view.now(), policy)).transpose()?;
    let payable = asking.merchant.ledger_account_id;
    let by = By { command_id: asking.command_id, terminal: terminal.as_ref() };
    Ok(apply(&by, payment, account, &moved, payable, stepped(payment, &moved, now), now))
}

/// A till with what it gave back today, this included; more than its ceiling is its merchant's server's to
/// give.
fn counted(terminal: &Terminal, moved: &Moved, now: Timestamp, policy: &Policy) -> Result<Terminal, Refusal> {
    if moved.refunded_minor == 0 {
        return Ok(terminal.clone());
    }
    let today = now.day();
    let before_minor = if terminal.refund_day == today { terminal.refunded_today_minor } else { 0 };
    let refunded_today_minor = before_minor + moved.refunded_minor;
    if refunded_today_minor > policy.staff.refund_day_minor {
        return Err(Refusal::RefundCeiling);
    }
    Ok(Terminal { refund_day: today, refunded_today_minor, ..terminal.clone() })
}

/// Time is over; by now it may not be so.
pub(super) fn by_time(
    command_id: CommandId,
    payment_id: PaymentId,
    view: &View,
) -> Result<Ruling, Traceless> {
    let payment = view.get::<Payment>((payment_id,)).ok_or(Traceless::NothingToDo)?;
    let account = view.get::<Account>((payment.account_id,)).ok_or(Traceless::NothingToDo)?;
    let merchant = view.get::<Merchant>((payment.merchant_id,)).ok_or(Traceless::NothingToDo)?;
    let now = view.now().max(account.last_at);
    let moved =
        payment.sums().step(Verb::Expire, &Wanted::all(now)).map_err(|_not_due| Traceless::NothingToDo)?;
    let payable = merchant.ledger_account_id;
    let by = By { command_id, terminal: None };
    Ok(apply(&by, payment, account, &moved, payable, stepped(payment, &moved, now), now))
}

/// Books a step and writes both rows, and its till's as it is given. The outcome tells what the customer
/// could spend after it.
pub(super) fn apply(
    by: &By<'_>,
    payment: &Payment,
    account: &Account,
    moved: &Moved,
    payable: LedgerAccountId,
    outcome: impl FnOnce(i64) -> Outcome,
    now: Timestamp,
) -> Ruling {
    let mut account = Account { last_at: now, version: account.version + 1, ..account.clone() };
    let (postings, mut writes) = book(&mut account, payment, moved, payable, now);
    let outcome = outcome(account.available_minor());
    let versions = Versions { accounts: vec![(account.account_id, account.version)], keys: Vec::new() };
    let entry_account_id = outcome.is_entry().then_some(account.account_id);
    let movements = movements(by, payment, moved, now);
    if let Some(terminal) = by.terminal.filter(|_| !movements.is_empty()) {
        writes.push(Write::Update(with_entry(terminal, now).into_row()));
    }
    writes.extend(movements);
    writes.push(Write::Update(payment.after(moved, now).into_row()));
    writes.push(Write::Update(account.into_row()));
    Ruling { entry_account_id, postings, versions, ..Ruling::plain(writes, outcome) }
}

/// A step as the journal keeps it.
fn stepped(payment: &Payment, moved: &Moved, now: Timestamp) -> impl FnOnce(i64) -> Outcome {
    let (payment_id, moved) = (payment.payment_id, *moved);
    move |available_after_minor| Outcome::PaymentStepped { payment_id, at: now, moved, available_after_minor }
}
