//! PosService/CloseDay: nothing is added to a business day any more, and its totals are compared with
//! the till's.

use std::net::IpAddr;

use super::day;
use crate::domain::command::TerminalAction;
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::{Admitted, Caller};
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;

pub struct CloseDay;

impl Operation for CloseDay {
    type Body = pb::CloseDayRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/CloseDay";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for CloseDay {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<TerminalAction, Rejection> {
        if call.body.business_day < 1 {
            return Err(Rejection::malformed("business_day", "the day that the till is in, from 1"));
        }
        day::claimed(&call.body.totals)?;
        Ok(TerminalAction::CloseDay { business_day: call.body.business_day })
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::CloseDayReply, Rejection> {
    let (call, done) = gate.change_of::<CloseDay>(&envelope, peer).await?;
    let Caller::Terminal { terminal_id, .. } = &call.caller else { return Err(Rejection::Internal) };
    let (business_day, closed_at, closed_by_system) = closed(&done.outcome).ok_or(Rejection::Internal)?;
    // The day is closed by now: what its rows amount to is the same whenever this is asked again.
    let totals = day::totals(gate, *terminal_id, business_day).await?;
    Ok(pb::CloseDayReply {
        business_day,
        closed_at: Some(time(closed_at)),
        agrees: totals == day::claimed(&call.body.totals)?,
        totals: day::told(&totals),
        closed_by_system,
    })
}

/// Which day is closed, since when, and whether the system closed it.
#[expect(clippy::wildcard_enum_match_arm, reason = "closing a day comes to these two alone")]
fn closed(outcome: &Outcome) -> Option<(i64, Timestamp, bool)> {
    match outcome {
        Outcome::DayClosed { business_day, closed_at } => Some((*business_day, *closed_at, false)),
        Outcome::DayWasClosed { business_day, closed_at } => Some((*business_day, *closed_at, true)),
        _ => None,
    }
}
