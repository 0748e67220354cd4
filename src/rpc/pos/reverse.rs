//! PosService/Reverse: what the order came to is undone, or will come to nothing.

use std::net::IpAddr;

use crate::domain::command::TerminalAction;
use crate::domain::outcome::{Late, Outcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::rpc::payment::state;

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
#[expect(clippy::wildcard_enum_match_arm, reason = "a reversal comes to these alone")]
pub fn reply(outcome: &Outcome) -> Result<pb::ReverseReply, Rejection> {
    let found = |result: pb::ReverseResult| pb::ReverseReply { result: result.into(), ..Default::default() };
    Ok(match outcome {
        Outcome::NothingFound => found(pb::ReverseResult::NothingFound),
        Outcome::Reversed { payment_id, refunded_minor, released_minor, .. } => pb::ReverseReply {
            payment_id: payment_id.0.to_vec(),
            refunded_minor: *refunded_minor,
            released_minor: *released_minor,
            ..found(pb::ReverseResult::Reversed)
        },
        Outcome::CashReversed { amount_minor, .. } => {
            pb::ReverseReply { cash_minor: *amount_minor, ..found(pb::ReverseResult::Reversed) }
        }
        Outcome::AlreadyReversed => found(pb::ReverseResult::AlreadyReversed),
        Outcome::ReversedTooLate { payment_id, sums, why } => pb::ReverseReply {
            payment_id: payment_id.0.to_vec(),
            state: state(sums.state()).into(),
            ..found(match why {
                Late::DayClosed => pb::ReverseResult::DayClosed,
                Late::WindowOver => pb::ReverseResult::TooLate,
            })
        },
        _ => return Err(Rejection::Internal),
    })
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ReverseReply, Rejection> {
    reply(&gate.change::<Reverse>(&envelope, peer).await?.outcome)
}
