//! PosService/Void: what is held is the customer's again.

use std::net::IpAddr;

use crate::domain::command::{ShopStep, TerminalAction};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::rpc::payment::step_reply;

pub struct Void;

impl Operation for Void {
    type Body = pb::VoidRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/Void";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Void {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<TerminalAction, Rejection> {
        let step = ShopStep::Void;
        Ok(TerminalAction::Step { order_id: order_id(&call.body.order_id)?, step })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::PaymentStepReply, Rejection> {
    step_reply(&gate.change::<Void>(&envelope, peer).await?.outcome)
}
