//! PosService/CompareDay: what a business day differs in from the till's own account of it, order by order.

use std::net::IpAddr;

use super::day;
use crate::domain::day::{Difference, Line, Lines};
use crate::domain::rows::Terminal;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::store::query::Query;

pub struct CompareDay;

impl Operation for CompareDay {
    type Body = pb::CompareDayRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PosService/CompareDay";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// So many lines fit into a call, and so many differences into a reply.
const LINES: usize = 500;

impl Read for CompareDay {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        tills_lines(&call.body)?;
        Ok(Query::default())
    }
}

fn tills_lines(body: &pb::CompareDayRequest) -> Result<Lines, Rejection> {
    if body.lines.len() > LINES {
        return Err(Rejection::malformed("lines", "at most 500: compare a range of order ids at a time"));
    }
    let (after, to) = (body.after_order_id.as_str(), body.to_order_id.as_str());
    let mut lines = Lines::default();
    for line in &body.lines {
        let order_id = order_id(&line.order_id)?;
        if order_id.as_str() <= after || (!to.is_empty() && order_id.as_str() > to) {
            return Err(Rejection::malformed("lines.order_id", "within after_order_id and to_order_id"));
        }
        if line.amount_minor < 1 {
            return Err(Rejection::malformed("lines.amount_minor", "at least 1"));
        }
        let kind = day::read_kind(line.kind(), "lines.kind")?;
        lines.add(&Line { order_id: &order_id, kind, amount_minor: line.amount_minor });
    }
    Ok(lines)
}

fn told(one: Difference) -> pb::DayDifference {
    pb::DayDifference {
        order_id: one.order_id,
        kind: day::kind(one.kind).into(),
        our_count: one.ours.count,
        our_sum_minor: one.ours.sum_minor,
        till_count: one.tills.count,
        till_sum_minor: one.tills.sum_minor,
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CompareDayReply, Rejection> {
    let (call, fetched) = gate.read::<CompareDay>(&envelope, peer).await?;
    let terminal = fetched.get::<Terminal>().ok_or(Rejection::Internal)?;
    let business_day = call.body.business_day;
    if !(1..=terminal.business_day).contains(&business_day) {
        return Err(Rejection::NotFound);
    }
    let body = &call.body;
    let range = (body.after_order_id.as_str(), body.to_order_id.as_str());
    let ours = day::lines(gate, terminal.terminal_id, business_day, range).await?;
    let mut differences = ours.differences(&tills_lines(body)?);
    let more = differences.len() > LINES;
    differences.truncate(LINES);
    Ok(pb::CompareDayReply { differences: differences.into_iter().map(told).collect(), more })
}
