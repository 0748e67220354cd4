//! PosService/GetDay: what a business day of this till amounts to.

use std::net::IpAddr;

use super::day;
use crate::domain::rows::{ClosedDay, RowKey, Terminal};
use crate::gate::Gate;
use crate::gate::admitted::{Admitted, Caller};
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::Query;

pub struct GetDay;

impl Operation for GetDay {
    type Body = pb::GetDayRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/GetDay";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for GetDay {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let Caller::Terminal { terminal_id, .. } = call.caller else {
            return Err(Rejection::PermissionDenied);
        };
        Ok(Query::row(RowKey::ClosedDay(terminal_id, call.body.business_day)))
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::GetDayReply, Rejection> {
    let (call, fetched) = gate.read::<GetDay>(&envelope, peer).await?;
    // Its own row is read with whether its key is good.
    let terminal = fetched.get::<Terminal>().ok_or(Rejection::Internal)?;
    let business_day = match call.body.business_day {
        0 => terminal.business_day,
        day if (1..=terminal.business_day).contains(&day) => day,
        _ => return Err(Rejection::NotFound),
    };
    let totals = day::totals(gate, terminal.terminal_id, business_day).await?;
    let closed = fetched.get::<ClosedDay>();
    Ok(pb::GetDayReply {
        business_day,
        closed_at: closed.map(|closed| time(closed.closed_at)),
        closed_by_system: closed.is_some_and(|closed| closed.by_system),
        totals: day::told(&totals),
    })
}
