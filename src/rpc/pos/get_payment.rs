//! PosService/GetPayment: what became of an order of this till.

use std::net::IpAddr;

use crate::domain::rows::{CashTopUp, Payment};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::admitted::Caller;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::rpc::pos::order;
use crate::store::query::Query;

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
        Ok(order::query(call.merchant()?, order_id(&call.body.order_id)?))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::PosGetPaymentReply, Rejection> {
    let (call, fetched) = gate.read::<GetPayment>(&envelope, peer).await?;
    let Caller::Terminal { terminal_id, .. } = call.caller else { return Err(Rejection::PermissionDenied) };
    let slot = order::own(&fetched, Some(terminal_id))?;
    let cash = match slot.cash_top_up_id {
        Some(cash_top_up_id) => gate.row_of::<CashTopUp>((cash_top_up_id,)).await?,
        None => None,
    };
    Ok(order::told(slot, fetched.scanned::<Payment>().next(), cash.as_ref(), gate))
}
