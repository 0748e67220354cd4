//! MerchantService/ListSettlements: what the merchant was owed and paid, newest first.

use std::net::IpAddr;

use crate::domain::money::Asset;
use crate::domain::rows::Settlement;
use crate::domain::settlement::PayoutState;
use crate::domain::time::date;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{page_size, time};
use crate::rpc::page::Page;
use crate::store::query::{Query, Scan, SettlementScan};

pub struct ListSettlements;

impl Operation for ListSettlements {
    type Body = pb::ListSettlementsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListSettlements";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

fn page<'a>(call: &Admitted<ListSettlements>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    let question = pb::ListSettlementsRequest::default();
    Ok(Page::of(&tools.keys.page, "settlements", call.merchant()?, &question))
}

impl Read for ListSettlements {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let place = page(call, tools)?.place::<8>(&call.body.page_token)?;
        let before = place.map(i64::from_be_bytes);
        let (merchant_id, limit) = (call.merchant()?, page_size(call.body.page_size)? + 1);
        Ok(Query::scan(Scan::Settlement(SettlementScan::Settlements { merchant_id, before, limit })))
    }
}

fn state(state: PayoutState) -> pb::PayoutState {
    match state {
        PayoutState::Nothing => pb::PayoutState::Nothing,
        PayoutState::Ordered => pb::PayoutState::Ordered,
        PayoutState::Paid => pb::PayoutState::Paid,
        PayoutState::Returned => pb::PayoutState::Returned,
    }
}

fn settlement(row: &Settlement) -> pb::Settlement {
    pb::Settlement {
        day: date(row.day),
        currency: Asset::PrepaidJpy.code().to_owned(),
        lines_from: Some(time(row.lines_from)),
        lines_until: Some(time(row.lines_until)),
        captures: row.captures,
        captured_minor: row.captured_minor,
        refunds: row.refunds,
        refunded_minor: row.refunded_minor,
        fee_minor: row.fee_minor,
        cash_minor: row.cash_minor,
        net_minor: row.captured_minor - row.refunded_minor - row.fee_minor - row.cash_minor,
        carried_minor: row.carried_minor,
        payout_minor: row.payout_minor,
        payout_state: state(row.state).into(),
        settled_at: Some(time(row.settled_at)),
        closed_at: row.closed_at.map(time),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListSettlementsReply, Rejection> {
    let (call, fetched) = gate.read::<ListSettlements>(&envelope, peer).await?;
    let rows: Vec<&Settlement> = fetched.scanned().collect();
    let place = |row: &&Settlement| row.day.to_be_bytes().to_vec();
    let (rows, next_page_token) = page(&call, gate.tools())?.cut(&rows, call.body.page_size, place)?;
    Ok(pb::ListSettlementsReply {
        settlements: rows.iter().map(|row| settlement(row)).collect(),
        next_page_token,
    })
}
