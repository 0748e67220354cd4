//! Reversal: what an order came to is undone, or it is seen to that it comes to nothing. A till that got
//! no answer may ask for it before its payment arrives; then a tombstone waits for that payment.
//!
//! It is for what a till does not know, so for minutes: after that a known payment stays, and Refund is the
//! way, with its floor and its ceiling. An hour is the most, and a day is settled two hours after its end:
//! what is reversed was never paid out. Balance limits and the account's state are not asked.

use super::cash;
use super::day::By;
use super::ruling::Ruling;
use super::settlement;
use super::step::apply;
use super::terminal::written;
use crate::domain::id::{CommandId, FIRST_TENANT, MerchantId, TerminalId};
use crate::domain::outcome::{Late, Outcome, Refusal};
use crate::domain::payment::{Verb, Wanted};
use crate::domain::policy::Policy;
use crate::domain::rows::{Account, Merchant, OrderSlot, Payment, Terminal};
use crate::domain::time::Timestamp;
use crate::domain::view::View;

/// Which order of which till.
pub(super) struct Subject<'a> {
    pub command_id: CommandId,
    pub merchant: &'a Merchant,
    pub terminal: &'a Terminal,
    pub order_id: &'a str,
    /// The till itself asks, not its merchant's server for it.
    pub by_till: bool,
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
        cash_top_up_id: None,
        account_id: None,
        reversed_at: None,
        created_at: now,
        asked_minor: None,
        payable_until: None,
        receipt_line: None,
        external_reference: None,
    }
}

/// Decides a reversal. Whose order it is comes before anything that is told about it.
pub(super) fn decide(subject: &Subject<'_>, view: &View, policy: &Policy) -> Result<Ruling, Refusal> {
    let (merchant_id, terminal_id) = (subject.merchant.merchant_id, subject.terminal.terminal_id);
    let known = view.get::<OrderSlot>((merchant_id, subject.order_id.to_owned()));
    if known.is_some_and(|slot| slot.terminal_id != terminal_id) {
        return Err(Refusal::NotFound);
    }
    if known.is_some_and(|slot| slot.reversed_at.is_some()) {
        return Ok(Ruling::plain(Vec::new(), Outcome::AlreadyReversed));
    }
    let named =
        known.cloned().unwrap_or_else(|| slot(merchant_id, terminal_id, subject.order_id, view.now()));
    let reversed = written(OrderSlot { reversed_at: Some(view.now()), ..named.clone() }, known);
    if named.cash_top_up_id.is_some() {
        return cash::reverse(subject, &named, reversed, view, policy);
    }
    let (Some(payment_id), Some(account_id)) = (named.payment_id, named.account_id) else {
        return Ok(Ruling::plain(vec![reversed], Outcome::NothingFound));
    };
    let payment = view.get::<Payment>((payment_id,)).ok_or(Refusal::NotFound)?;
    let account = view.get::<Account>((account_id,)).ok_or(Refusal::NotFound)?;
    let now = view.now().max(account.last_at);
    if let Some(why) = late(payment, subject.terminal, now, policy) {
        let outcome = Outcome::ReversedTooLate { payment_id, sums: payment.sums(), why };
        return Ok(Ruling::plain(Vec::new(), outcome));
    }
    let moved = payment.sums().step(Verb::Reverse, &Wanted::all(now))?;
    settlement::within_reach(subject.merchant, moved.refunded_minor, view, policy)?;
    let undone = |available_after_minor| Outcome::Reversed {
        payment_id,
        at: now,
        refunded_minor: moved.refunded_minor,
        released_minor: moved.released_minor,
        available_after_minor,
    };
    let by = By { command_id: subject.command_id, terminal: subject.by_till.then_some(subject.terminal) };
    let payable = subject.merchant.ledger_account_id;
    let mut ruling = apply(&by, payment, account, &moved, payable, undone, now);
    ruling.writes.push(reversed);
    Ok(ruling)
}

/// Whether it is too late to undo what was captured. What is only held is nobody's pay yet: it may be
/// released as long as Void may.
fn late(payment: &Payment, terminal: &Terminal, now: Timestamp, policy: &Policy) -> Option<Late> {
    let captured_at = payment.captured_at?;
    if payment.business_day.is_some_and(|day| day < terminal.business_day) {
        Some(Late::DayClosed)
    } else {
        (now.since_us(captured_at) > policy.staff.reversal_us).then_some(Late::WindowOver)
    }
}
