//! PosService/Capture: a part of what is held, or all, becomes the shop's.

use std::net::IpAddr;

use crate::domain::command::TerminalAction;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{capture, order_id};
use crate::rpc::payment::step_reply;

pub struct Capture;

impl Operation for Capture {
    type Body = pb::CaptureRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/Capture";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Capture {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<TerminalAction, Rejection> {
        let step = capture(&call.body)?;
        Ok(TerminalAction::Step { order_id: order_id(&call.body.order_id)?, step })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::PaymentStepReply, Rejection> {
    step_reply(&gate.change::<Capture>(&envelope, peer).await?.outcome)
}
