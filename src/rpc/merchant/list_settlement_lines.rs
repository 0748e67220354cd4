//! MerchantService/ListSettlementLines: what a settlement consists of, each line with its fee.

use std::net::IpAddr;

use crate::domain::rows::{FeeRule, RowKey, Settlement};
use crate::domain::settlement::{FeeRules, Line};
use crate::domain::time::{Timestamp, day_of};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{page_size, time};
use crate::rpc::page::Page;
use crate::rpc::pos::day::kind;
use crate::store::query::{LinesOf, Query, Scan, SettlementScan};

pub struct ListSettlementLines;

impl Operation for ListSettlementLines {
    type Body = pb::ListSettlementLinesRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListSettlementLines";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// A row's place among a settlement's: what it is of, when it is sorted, and its id.
type Place = [u8; 25];

fn page<'a>(call: &Admitted<ListSettlementLines>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    let question = pb::ListSettlementLinesRequest { day: call.body.day.clone(), ..Default::default() };
    Ok(Page::of(&tools.keys.page, "settlement lines", call.merchant()?, &question))
}

impl Read for ListSettlementLines {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let day = day_of(&call.body.day).ok_or(Rejection::malformed("day", "a date such as 2026-01-31"))?;
        page_size(call.body.page_size)?;
        page(call, tools)?.place::<25>(&call.body.page_token)?;
        Ok(Query::row(RowKey::Settlement(call.merchant()?, day)))
    }
}

fn line(line: &Line) -> pb::SettlementLine {
    pb::SettlementLine {
        at: Some(time(line.at)),
        kind: kind(line.kind).into(),
        payment_id: line.payment_id.map_or(Vec::new(), |id| id.to_vec()),
        store_id: line.store_id.0.to_vec(),
        order_id: line.order_id.clone().unwrap_or_default(),
        amount_minor: line.amount_minor,
        fee_minor: line.fee_minor,
        net_minor: line.net_minor(),
    }
}

/// Lines after a place, `wanted` at most, each with its own place.
async fn lines(
    gate: &Gate,
    settlement: &Settlement,
    rules: &FeeRules,
    after: Option<Place>,
    wanted: usize,
) -> Result<Vec<(Place, Line)>, Rejection> {
    let first = after.map_or(0, |place| usize::from(place[0]));
    let mut lines = Vec::new();
    for (number, of) in LinesOf::ALL.into_iter().enumerate().skip(first) {
        let (from, until) = of.between(&settlement.span());
        let after = after.filter(|_| number == first).map(|place| {
            let at = place[1..9].try_into().map_or(0, i64::from_be_bytes);
            (Timestamp(at), place[9..].try_into().unwrap_or([0; 16]))
        });
        let limit = i64::try_from(wanted - lines.len()).unwrap_or(i64::MAX);
        let merchant_id = settlement.merchant_id;
        let asked_us = gate.tools().policy.payments.ask_us;
        let scan = SettlementScan::Lines { of, merchant_id, from, until, asked_us, after, limit };
        let fetched = gate.fetch(Query::scan(Scan::Settlement(scan))).await?;
        for row in &fetched.scanned {
            let line = Line::of(row, rules).map_err(|_corrupt| Rejection::Internal)?;
            let (Some(line), Some((at, id))) = (line, LinesOf::sorted(row)) else { continue };
            let mut place = [u8::try_from(number).unwrap_or(u8::MAX); 25];
            place[1..9].copy_from_slice(&at.0.to_be_bytes());
            place[9..].copy_from_slice(&id);
            lines.push((place, line));
        }
        if lines.len() >= wanted {
            break;
        }
    }
    Ok(lines)
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListSettlementLinesReply, Rejection> {
    let (call, fetched) = gate.read::<ListSettlementLines>(&envelope, peer).await?;
    let settlement = fetched.get::<Settlement>().ok_or(Rejection::NotFound)?;
    let page = page(&call, gate.tools())?;
    let after = page.place::<25>(&call.body.page_token)?;
    let scan = SettlementScan::FeeRules(settlement.merchant_id);
    let rules =
        FeeRules::of_rows(gate.fetch(Query::scan(Scan::Settlement(scan))).await?.scanned::<FeeRule>());
    let wanted = usize::try_from(page_size(call.body.page_size)? + 1).unwrap_or(usize::MAX);
    let lines = lines(gate, settlement, &rules, after, wanted).await?;
    let (lines, next_page_token) = page.cut(&lines, call.body.page_size, |(place, _)| place.to_vec())?;
    Ok(pb::ListSettlementLinesReply {
        lines: lines.iter().map(|(_, one)| line(one)).collect(),
        next_page_token,
    })
}
