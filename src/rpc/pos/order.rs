//! What a till's orders and its merchant's server's have in common: the order as it was signed, its code,
//! and how it is told.

use crate::domain::command::OrderDraft;
use crate::domain::id::{MerchantId, TerminalId};
use crate::domain::outcome::Outcome;
use crate::domain::payment::State;
use crate::domain::rows::{CashTopUp, OrderSlot, Payment, Store, Terminal};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::emvco::{self, MerchantCode};
use crate::gate::Gate;
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{NAME, REFERENCE, amount, currency, optional, order_id, time};
use crate::rpc::payment::status_of;
use crate::store::query::{Fetched, Query, Scan};

/// An order as it was signed.
pub fn draft(order: &pb::CreateOrderRequest, tools: &Tools) -> Result<OrderDraft, Rejection> {
    let payable_us = match order.payable_seconds {
        0 => tools.policy.payments.order_us,
        seconds @ 30..=86_400 => i64::from(seconds) * SECOND_US,
        _ => return Err(Rejection::malformed("payable_seconds", "30 to 86,400, or 0 for the usual time")),
    };
    let most = amount(order.amount_minor)?;
    // What its code has room for.
    if most.minor() > 9_999_999_999_999 {
        return Err(Rejection::malformed("amount_minor", "1 to 9,999,999,999,999"));
    }
    Ok(OrderDraft {
        order_id: order_id(&order.order_id)?,
        amount: most,
        currency: currency(order.currency.clone())?,
        receipt_line: optional(&order.receipt_line, &NAME, "receipt_line")?,
        external_reference: optional(&order.external_reference, &REFERENCE, "external_reference")?,
        payable_us,
    })
}

/// The code that a customer scans for an order.
pub async fn created(
    gate: &Gate,
    order_id: String,
    outcome: &Outcome,
) -> Result<pb::CreateOrderReply, Rejection> {
    let Outcome::OrderCreated { terminal_id, asked_minor, payable_until } = outcome else {
        return Err(Rejection::Internal);
    };
    let terminal = gate.row_of::<Terminal>((*terminal_id,)).await?.ok_or(Rejection::Internal)?;
    let store = gate.row_of::<Store>((terminal.store_id,)).await?.ok_or(Rejection::Internal)?;
    let code = MerchantCode {
        store_id: store.store_id.0,
        amount_minor: Some(*asked_minor),
        order_id: Some(order_id),
        name: store.name,
        city: store.city,
    };
    Ok(pb::CreateOrderReply { qr: emvco::make(&code), payable_until: Some(time(*payable_until)) })
}

/// What is read of an order: its row, and its payment.
pub fn query(merchant_id: MerchantId, order_id: String) -> Query {
    Query {
        rows: vec![crate::domain::rows::RowKey::OrderSlot(merchant_id, order_id.clone())],
        scan: Some(Scan::PaymentOfOrder { merchant_id, order_id }),
        caller: None,
    }
}

/// The order's row, if it is this till's, or whoever of its merchant's when no till asks.
pub fn own(fetched: &Fetched, terminal_id: Option<TerminalId>) -> Result<&OrderSlot, Rejection> {
    fetched
        .get::<OrderSlot>()
        .filter(|slot| terminal_id.is_none_or(|terminal_id| slot.terminal_id == terminal_id))
        .ok_or(Rejection::NotFound)
}

/// Where an order is, by what came of it.
fn state(slot: &OrderSlot, payment: Option<&Payment>, now: Timestamp) -> pb::OrderState {
    if slot.reversed_at.is_some() {
        return pb::OrderState::Reversed;
    }
    match payment.map(|payment| payment.sums().state()) {
        Some(State::AwaitingCustomer | State::Authorized) => pb::OrderState::Pending,
        Some(State::PartlyCaptured | State::Captured | State::PartlyRefunded | State::Refunded) => {
            pb::OrderState::Paid
        }
        Some(State::Declined | State::Voided | State::Expired) => pb::OrderState::Over,
        Some(State::Reversed) => pb::OrderState::Reversed,
        None if slot.cash_top_up_id.is_some() => pb::OrderState::Paid,
        None if slot.payable_until.is_some_and(|until| now < until) => pb::OrderState::Payable,
        None => pb::OrderState::Open,
    }
}

/// An order as it is told to its shop.
pub fn told(
    slot: &OrderSlot,
    payment: Option<&Payment>,
    cash: Option<&CashTopUp>,
    gate: &Gate,
) -> pb::PosGetPaymentReply {
    let tools = gate.tools();
    let now = Timestamp(tools.clock.now_us());
    // Whoever was asked and did not say yes is nobody's customer.
    let is_customer = cash.is_some() || payment.is_some_and(|payment| payment.authorised_at.is_some());
    let reference = slot
        .account_id
        .filter(|_| is_customer)
        .map(|account_id| tools.customer_reference(slot.merchant_id, account_id));
    pb::PosGetPaymentReply {
        state: state(slot, payment, now).into(),
        payment: payment.map(status_of),
        cash_minor: cash.map_or(0, |cash| cash.amount_minor),
        customer_reference: reference.unwrap_or_default(),
        payable_until: slot.payable_until.map(time),
    }
}
