//! Reversal: what an order came to is undone, or it is seen to that it comes to nothing. A till that got
//! no answer may ask for it before its payment arrives; then a tombstone waits for that payment.
//!
//! Balance limits and the account's state are not asked: giving back is never refused.

use super::ruling::Ruling;
use super::step::apply;
use super::terminal::written;
use crate::domain::id::{FIRST_TENANT, MerchantId, TerminalId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::{Verb, Wanted};
use crate::domain::rows::{Account, Merchant, OrderSlot, Payment};
use crate::domain::time::Timestamp;
use crate::domain::view::View;

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
    let now = view.now().max(account.last_at);
    let moved = payment.sums().step(Verb::Reverse, &Wanted::all(now))?;
    let undone = |available_after_minor| Outcome::Reversed {
        payment_id,
        at: now,
        refunded_minor: moved.refunded_minor,
        released_minor: moved.released_minor,
        available_after_minor,
    };
    let payable = subject.merchant.ledger_account_id;
    let mut ruling = apply(payment, account, &moved, payable, undone, now);
    ruling.writes.push(reversed);
    Ok(ruling)
}
