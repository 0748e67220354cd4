//! Orders that customers pay by themselves: a till shows a code for one amount, and whoever pays it, pays
//! it once. The till keeps what every order of its has: it can be charged for, reversed and refunded.

use super::reverse;
use super::ruling::Ruling;
use super::terminal::written;
use crate::domain::command::{OrderDraft, PayableOrder};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Merchant, OrderSlot, Store, Terminal, TerminalState};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Where an order is made.
pub(super) struct Counter<'a> {
    pub merchant: &'a Merchant,
    pub store: &'a Store,
    pub terminal: &'a Terminal,
}

/// An order that nothing came of yet, and that this till may make something of: its row, when there is
/// one. Whose it is comes before anything that is told about it.
pub(super) fn free_slot<'a>(
    terminal: &Terminal,
    order_id: &str,
    view: &'a View,
) -> Result<Option<&'a OrderSlot>, Refusal> {
    let Some(slot) = view.get::<OrderSlot>((terminal.merchant_id, order_id.to_owned())) else {
        return Ok(None);
    };
    if slot.terminal_id != terminal.terminal_id {
        Err(Refusal::NotFound)
    } else if slot.account_id.is_some() {
        Err(Refusal::OrderTaken)
    } else if slot.reversed_at.is_some() {
        Err(Refusal::OrderReversed)
    } else {
        Ok(Some(slot))
    }
}

/// Makes an order payable.
pub(super) fn create(counter: &Counter<'_>, wanted: &OrderDraft, view: &View) -> Result<Ruling, Refusal> {
    let Counter { merchant, store, terminal } = counter;
    if !merchant.takes_part() || !store.takes_part() {
        return Err(Refusal::MerchantSuspended);
    }
    // A customer's account holds this one asset.
    if Asset::of_code(&wanted.currency) != Some(Asset::PrepaidJpy) {
        return Err(Refusal::WrongCurrency);
    }
    let known = free_slot(terminal, &wanted.order_id, view)?;
    if known.is_some_and(|slot| slot.payable_until.is_some()) {
        return Err(Refusal::OrderExists);
    }
    let now = view.now();
    let payable_until = now.plus_us(wanted.payable_us);
    let named = known
        .cloned()
        .unwrap_or_else(|| reverse::slot(merchant.merchant_id, terminal.terminal_id, &wanted.order_id, now));
    let order = OrderSlot {
        asked_minor: Some(wanted.amount.minor()),
        payable_until: Some(payable_until),
        receipt_line: wanted.receipt_line.clone(),
        external_reference: wanted.external_reference.clone(),
        ..named
    };
    let outcome = Outcome::OrderCreated {
        terminal_id: terminal.terminal_id,
        asked_minor: wanted.amount.minor(),
        payable_until,
    };
    Ok(Ruling::plain(vec![written(order, known)], outcome))
}

/// Nobody pays an order any more. One that is paid is given back by other means.
pub(super) fn cancel(
    merchant: &Merchant,
    terminal: Option<&Terminal>,
    order_id: &str,
    view: &View,
) -> Result<Ruling, Refusal> {
    let slot = view
        .get::<OrderSlot>((merchant.merchant_id, order_id.to_owned()))
        .filter(|slot| terminal.is_none_or(|terminal| terminal.terminal_id == slot.terminal_id))
        .ok_or(Refusal::NotFound)?;
    if slot.account_id.is_some() {
        return Err(Refusal::OrderTaken);
    }
    if slot.payable_until.is_none() {
        return Err(Refusal::OrderOver);
    }
    let cancelled = OrderSlot { reversed_at: slot.reversed_at.or(Some(view.now())), ..slot.clone() };
    Ok(Ruling::plain(vec![Write::Update(cancelled.into_row())], Outcome::OrderCancelled))
}

/// An order that this amount pays now, at this store, and the till whose it is.
pub(super) fn payable<'a>(
    named: &PayableOrder,
    store: &Store,
    amount: Amount,
    view: &'a View,
    now: Timestamp,
) -> Result<(&'a OrderSlot, &'a Terminal), Refusal> {
    let slot = view
        .get::<OrderSlot>((named.merchant_id, named.order_id.clone()))
        .filter(|slot| Some(slot.terminal_id) == named.terminal_id)
        .filter(|slot| slot.merchant_id == store.merchant_id)
        .ok_or(Refusal::NotFound)?;
    let terminal = view
        .get::<Terminal>((slot.terminal_id,))
        .filter(|terminal| terminal.store_id == store.store_id)
        .ok_or(Refusal::NotFound)?;
    let asked_minor = slot.asked_minor.ok_or(Refusal::OrderOver)?;
    if slot.account_id.is_some() {
        return Err(Refusal::OrderTaken);
    }
    if slot.reversed_at.is_some() {
        return Err(Refusal::OrderReversed);
    }
    if slot.payable_until.is_none_or(|until| now >= until) {
        return Err(Refusal::OrderOver);
    }
    if asked_minor != amount.minor() {
        return Err(Refusal::AmountChanged);
    }
    // Whoever shows its orders may not be its clerk any more.
    if terminal.state != TerminalState::Active || terminal.barred_at.is_some() {
        return Err(Refusal::PayeeSuspended);
    }
    Ok((slot, terminal))
}
