//! PosService/CreateOrder: an order that a customer pays by himself.

use std::net::IpAddr;

use super::order;
use crate::domain::command::TerminalAction;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct CreateOrder;

impl Operation for CreateOrder {
    type Body = pb::CreateOrderRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/CreateOrder";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for CreateOrder {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<TerminalAction, Rejection> {
        Ok(TerminalAction::CreateOrder(order::draft(&call.body, tools)?))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CreateOrderReply, Rejection> {
    let (call, done) = gate.change_of::<CreateOrder>(&envelope, peer).await?;
    order::created(gate, call.body.order_id, &done.outcome).await
}
