//! PosService/Charge: a customer's one-time code, charged within its cap; above it, he is asked. The
//! reply tells nothing of him.

use std::net::IpAddr;

use super::sale::draft;
use crate::domain::command::TerminalAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;

pub struct Charge;

impl Operation for Charge {
    type Body = pb::ChargeRequest;
    type Private = pb::ChargePrivate;
    const METHOD: &'static str = "/saifu.v1.PosService/Charge";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Charge {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<TerminalAction, Rejection> {
        Ok(TerminalAction::Charge(draft(&call.body, &call.private, tools)?))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a charge comes to these two alone")]
pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ChargeReply, Rejection> {
    match gate.change::<Charge>(&envelope, peer).await?.outcome {
        Outcome::Charged { payment_id, at, amount_minor, .. } => Ok(pb::ChargeReply {
            payment_id: payment_id.0.to_vec(),
            captured_at: Some(time(at)),
            amount_minor,
            state: pb::PaymentState::Captured.into(),
            awaiting_until: None,
        }),
        Outcome::PaymentAsked { payment_id, amount_minor, awaiting_until, .. } => Ok(pb::ChargeReply {
            payment_id: payment_id.0.to_vec(),
            captured_at: None,
            amount_minor,
            state: pb::PaymentState::AwaitingCustomer.into(),
            awaiting_until: Some(time(awaiting_until)),
        }),
        _ => Err(Rejection::Internal),
    }
}
