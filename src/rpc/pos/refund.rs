//! PosService/Refund: a part of what was captured goes back.

use std::net::IpAddr;

use crate::domain::command::{ShopStep, TerminalAction};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{amount, order_id};
use crate::rpc::payment::step_reply;

pub struct Refund;

impl Operation for Refund {
    type Body = pb::RefundRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/Refund";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Refund {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<TerminalAction, Rejection> {
        let step = ShopStep::Refund { amount: amount(call.body.amount_minor)? };
        Ok(TerminalAction::Step { order_id: order_id(&call.body.order_id)?, step })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::PaymentStepReply, Rejection> {
    step_reply(&gate.change::<Refund>(&envelope, peer).await?.outcome)
}
