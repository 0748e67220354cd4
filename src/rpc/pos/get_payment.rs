//! PosService/GetPayment: what became of an order of this till.

use std::net::IpAddr;

use crate::domain::payment::State;
use crate::domain::rows::{OrderSlot, Payment, RowKey};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::admitted::Caller;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::rpc::payment::status_of;
use crate::store::query::{Query, Scan};

pub struct GetPayment;

impl Operation for GetPayment {
    type Body = pb::PosGetPaymentRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/GetPayment";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for GetPayment {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let (merchant_id, order_id) = (call.merchant()?, order_id(&call.body.order_id)?);
        Ok(Query {
            rows: vec![RowKey::OrderSlot(merchant_id, order_id.clone())],
            scan: Some(Scan::PaymentOfOrder { merchant_id, order_id }),
            caller: None,
        })
    }
}

/// Where an order is, by its payment.
fn state(slot: &OrderSlot, payment: Option<&Payment>) -> pb::OrderState {
    let Some(payment) = payment.filter(|_| slot.reversed_at.is_none()) else {
        let reversed = slot.reversed_at.is_some();
        return if reversed { pb::OrderState::Reversed } else { pb::OrderState::Open };
    };
    match payment.sums().state() {
        State::AwaitingCustomer | State::Authorized => pb::OrderState::Pending,
        State::PartlyCaptured | State::Captured | State::PartlyRefunded | State::Refunded => {
            pb::OrderState::Paid
        }
        State::Declined | State::Voided | State::Expired => pb::OrderState::Over,
        State::Reversed => pb::OrderState::Reversed,
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::PosGetPaymentReply, Rejection> {
    let (call, fetched) = gate.read::<GetPayment>(&envelope, peer).await?;
    let Caller::Terminal { terminal_id, .. } = call.caller else { return Err(Rejection::PermissionDenied) };
    let slot = fetched
        .get::<OrderSlot>()
        .filter(|slot| slot.terminal_id == terminal_id)
        .ok_or(Rejection::NotFound)?;
    let payment = fetched.scanned::<Payment>().next();
    Ok(pb::PosGetPaymentReply { state: state(slot, payment).into(), payment: payment.map(status_of) })
}
