//! PosService/Reverse: what the order came to is undone, or will come to nothing.

use std::net::IpAddr;

use crate::domain::command::TerminalAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;

pub struct Reverse;

impl Operation for Reverse {
    type Body = pb::ReverseRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/Reverse";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Reverse {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<TerminalAction, Rejection> {
        Ok(TerminalAction::Reverse { order_id: order_id(&call.body.order_id)? })
    }
}

/// A reversal's reply; the customer's balance is not in it.
#[expect(clippy::wildcard_enum_match_arm, reason = "a reversal comes to these three alone")]
pub fn reply(outcome: &Outcome) -> Result<pb::ReverseReply, Rejection> {
    let (result, payment_id, refunded_minor, released_minor) = match outcome {
        Outcome::NothingFound => (pb::ReverseResult::NothingFound, Vec::new(), 0, 0),
        Outcome::Reversed { payment_id, refunded_minor, released_minor, .. } => {
            (pb::ReverseResult::Reversed, payment_id.0.to_vec(), *refunded_minor, *released_minor)
        }
        Outcome::AlreadyReversed => (pb::ReverseResult::AlreadyReversed, Vec::new(), 0, 0),
        _ => return Err(Rejection::Internal),
    };
    Ok(pb::ReverseReply { result: result.into(), payment_id, refunded_minor, released_minor })
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ReverseReply, Rejection> {
    reply(&gate.change::<Reverse>(&envelope, peer).await?.outcome)
}
