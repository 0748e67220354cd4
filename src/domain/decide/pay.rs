//! A payment: subject, limits, balance, and then the posting, which cannot fail any more. The customer's
//! own Pay, his answer to a till that asked, and what a till's Charge and Authorize share with them.

use super::book::book;
use super::device::{Done, Halt, Turn};
use super::{day, order};
use crate::domain::command::PayableOrder;
use crate::domain::id::{DeviceId, PaymentId, StoreId};
use crate::domain::ledger::Postings;
use crate::domain::limits;
use crate::domain::lots::{Leg, Legs};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::{Intent, Moved, Sums, Verb, Wanted};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, Device, Merchant, OrderSlot, Payment, Store, Terminal};
use crate::domain::standing::{Deed, Shop};
use crate::domain::time::Timestamp;
use crate::domain::write::Write;

/// Who is to be paid, as the customer signed it.
pub(super) struct Payee<'a> {
    pub store_id: StoreId,
    pub name: &'a str,
    pub currency: &'a str,
}

/// What is sold where, and the till's words about it.
pub(super) struct Sale<'a> {
    pub payment_id: PaymentId,
    pub store: &'a Store,
    pub merchant: &'a Merchant,
    pub amount: Amount,
    pub intent: Intent,
    pub till: Option<Till<'a>>,
}

/// The till's words about a sale.
pub(super) struct Till<'a> {
    pub terminal: &'a Terminal,
    pub order_id: &'a str,
    pub receipt_line: Option<&'a str>,
    pub external_reference: Option<&'a str>,
}

/// What a till asked for, as the customer saw and signed it.
pub(super) struct Asked<'a> {
    pub payment_id: PaymentId,
    pub payee_name: &'a str,
    pub amount: Amount,
    pub currency: &'a str,
}

/// Decides and posts a payment: of an order, or of whatever its owner says to a store.
pub(super) fn post(
    turn: &mut Turn<'_>,
    payment_id: PaymentId,
    payee: &Payee<'_>,
    amount: Amount,
    named: Option<&PayableOrder>,
) -> Result<Done, Halt> {
    let (store, merchant) = subject(turn, payee)?;
    let order = named.map(|named| order::payable(named, store, amount, turn.view, turn.now)).transpose()?;
    let till = order.map(|(slot, terminal)| Till {
        terminal,
        order_id: &slot.order_id,
        receipt_line: slot.receipt_line.as_deref(),
        external_reference: slot.external_reference.as_deref(),
    });
    let sale = Sale { payment_id, store, merchant, amount, intent: Intent::Sale, till };
    let legs = take(turn.policy, &mut turn.account, &turn.device, amount, turn.now)?;
    if let Some((slot, terminal)) = order {
        turn.writes.extend(day::entered(terminal, turn.now));
        let account_id = Some(turn.account.account_id);
        let paid = OrderSlot { payment_id: Some(payment_id), account_id, ..slot.clone() };
        turn.writes.push(Write::Update(paid.into_row()));
    }
    let (postings, writes) = authorise(&mut turn.account, turn.device.device_id, &sale, legs, turn.now);
    turn.writes.extend(writes);
    let outcome = Outcome::Paid {
        payment_id,
        at: turn.now,
        amount_minor: amount.minor(),
        available_after_minor: turn.account.available_minor(),
    };
    Ok(Done { outcome, postings, keys: Vec::new() })
}

/// The store as it is now must be the one the customer saw and signed.
fn subject<'a>(turn: &Turn<'a>, payee: &Payee<'_>) -> Result<(&'a Store, &'a Merchant), Refusal> {
    let store = turn.view.get::<Store>((payee.store_id,)).ok_or(Refusal::NotFound)?;
    let merchant = turn.view.get::<Merchant>((store.merchant_id,)).ok_or(Refusal::NotFound)?;
    if store.name != payee.name {
        return Err(Refusal::PayeeChanged);
    }
    takes_part(store, merchant)?;
    if Asset::of_code(payee.currency) != Some(turn.account.asset) {
        return Err(Refusal::WrongCurrency);
    }
    Ok((store, merchant))
}

fn takes_part(store: &Store, merchant: &Merchant) -> Result<(), Refusal> {
    if store.takes_part() && merchant.takes_part() { Ok(()) } else { Err(Refusal::PayeeSuspended) }
}

/// Limits, then balance; then the value is out of the account's lots. Nothing is changed on a refusal.
pub(super) fn take(
    policy: &Policy,
    account: &mut Account,
    device: &Device,
    amount: Amount,
    now: Timestamp,
) -> Result<Vec<Leg>, Refusal> {
    limits::check_payment(policy, account, device, amount, now)?;
    if account.available_minor() < amount.minor() {
        return Err(Refusal::InsufficientBalance);
    }
    account.lots.take(amount.minor()).ok_or(Refusal::InsufficientBalance)
}

/// Holds what was taken, or captures it at once. The account's row itself is its caller's to write.
pub(super) fn authorise(
    account: &mut Account,
    device_id: DeviceId,
    sale: &Sale<'_>,
    legs: Vec<Leg>,
    now: Timestamp,
) -> (Postings, Vec<Write>) {
    let moved = Sums::authorised(sale.amount.minor(), sale.intent, now);
    let payment = begun(account, device_id, sale, &moved.after, now).after(&moved, now);
    let payment = Payment { legs: Legs(legs), ..payment };
    let (postings, mut writes) = book(account, &payment, &moved, sale.merchant.ledger_account_id, now);
    writes.push(Write::Insert(payment.into_row()));
    (postings, writes)
}

/// A payment with these sums, which took nothing yet.
pub(super) fn begun(
    account: &Account,
    device_id: DeviceId,
    sale: &Sale<'_>,
    sums: &Sums,
    now: Timestamp,
) -> Payment {
    let till = sale.till.as_ref();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Payment {
        payment_id: sale.payment_id,
        tenant_id: account.tenant_id,
        account_id: account.account_id,
        device_id,
        merchant_id: sale.store.merchant_id,
        store_id: sale.store.store_id,
        terminal_id: till.map(|till| till.terminal.terminal_id),
        order_id: owned(till.map(|till| till.order_id)),
        external_reference: owned(till.and_then(|till| till.external_reference)),
        receipt_line: owned(till.and_then(|till| till.receipt_line)),
        payee_name: sale.store.name.clone(),
        asset: account.asset,
        authorised_minor: sums.amount_minor,
        captured_minor: sums.captured_minor,
        refunded_minor: sums.refunded_minor,
        released_minor: sums.released_minor,
        closing_reason: sums.closing_reason,
        legs: Legs::default(),
        fee_rule_version: sale.merchant.fee_rule_version,
        tax_lines: Vec::new(),
        created_at: now,
        authorised_at: sums.authorised_at,
        awaiting_until: sums.awaiting_until,
        hold_until: sums.hold_until,
        due_at: sums.due_at(),
        business_day: till.map(|till| till.terminal.business_day),
        captured_at: None,
    }
}

/// Yes to a till that asked. The amount is taken now, under the limits of now: when nobody had said yes,
/// nothing was held.
pub(super) fn confirm(turn: &mut Turn<'_>, asked: &Asked<'_>) -> Result<Done, Halt> {
    let payment = own(turn, asked.payment_id)?;
    let moved = payment.sums().step(Verb::Confirm, &Wanted::all(turn.now))?;
    if payment.payee_name != asked.payee_name {
        return Err(Refusal::PayeeChanged.into());
    }
    if payment.authorised_minor != asked.amount.minor() {
        return Err(Refusal::AmountChanged.into());
    }
    if Asset::of_code(asked.currency) != Some(payment.asset) {
        return Err(Refusal::WrongCurrency.into());
    }
    let store = turn.view.get::<Store>((payment.store_id,)).ok_or(Refusal::NotFound)?;
    let merchant = turn.view.get::<Merchant>((payment.merchant_id,)).ok_or(Refusal::NotFound)?;
    takes_part(store, merchant)?;
    // It belongs to the day that its till is in by now: the one it was asked in may be closed.
    let till = payment.terminal_id.and_then(|terminal_id| turn.view.get::<Terminal>((terminal_id,)));
    if (Shop { merchant, store: Some(store), terminal: till }).is_barred_for(Deed::Pay) {
        return Err(Refusal::PayeeSuspended.into());
    }
    let legs = take(turn.policy, &mut turn.account, &turn.device, asked.amount, turn.now)?;
    let payment = Payment {
        legs: Legs(legs),
        device_id: turn.device.device_id,
        business_day: till.map(|terminal| terminal.business_day),
        ..payment.clone()
    };
    if moved.captured_minor > 0 {
        turn.writes.extend(till.and_then(|terminal| day::entered(terminal, turn.now)));
    }
    Ok(stepped(turn, &payment, &moved, merchant))
}

/// No to a till that asked. Of a frozen account as well: it only takes away.
pub(super) fn decline(turn: &mut Turn<'_>, payment_id: PaymentId) -> Result<Done, Halt> {
    let payment = own(turn, payment_id)?;
    let moved = payment.sums().step(Verb::Decline, &Wanted::all(turn.now))?;
    let merchant = turn.view.get::<Merchant>((payment.merchant_id,)).ok_or(Refusal::NotFound)?;
    Ok(stepped(turn, payment, &moved, merchant))
}

fn own<'a>(turn: &Turn<'a>, payment_id: PaymentId) -> Result<&'a Payment, Refusal> {
    turn.view
        .get::<Payment>((payment_id,))
        .filter(|payment| payment.account_id == turn.account.account_id)
        .ok_or(Refusal::NotFound)
}

fn stepped(turn: &mut Turn<'_>, payment: &Payment, moved: &Moved, merchant: &Merchant) -> Done {
    let (postings, writes) = book(&mut turn.account, payment, moved, merchant.ledger_account_id, turn.now);
    turn.writes.extend(writes);
    turn.writes.push(Write::Update(payment.after(moved, turn.now).into_row()));
    let outcome = Outcome::PaymentStepped {
        payment_id: payment.payment_id,
        at: turn.now,
        moved: *moved,
        available_after_minor: turn.account.available_minor(),
    };
    Done { outcome, postings, keys: Vec::new() }
}
