//! PosService/GetPayment: what became of an order of this till.

use std::net::IpAddr;

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
    let state = match (slot.reversed_at, slot.payment_id) {
        (Some(_), _) => pb::OrderState::Reversed,
        (None, Some(_)) => pb::OrderState::Paid,
        (None, None) => pb::OrderState::Open,
    };
    let payment = fetched.scanned::<Payment>().next().map(status_of);
    Ok(pb::PosGetPaymentReply { state: state.into(), payment })
}
