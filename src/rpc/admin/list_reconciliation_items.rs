//! AdminService/ListReconciliationItems: in which a funding provider's list differs from ours, newest first.

use std::net::IpAddr;

use crate::domain::id::ReconciliationItemId;
use crate::domain::reconciliation::{Difference, ItemState};
use crate::domain::rows::{Reconciliation, ReconciliationItem, RowKey};
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{page_size, time};
use crate::rpc::page::Page;
use crate::store::query::{Query, ReconciliationScan, Scan};

pub struct ListReconciliationItems;

impl Operation for ListReconciliationItems {
    type Body = pb::ListReconciliationItemsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/ListReconciliationItems";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// The list, of this operator and to this question.
fn page<'a>(call: &Admitted<ListReconciliationItems>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    let question = pb::ListReconciliationItemsRequest { state: call.body.state, ..Default::default() };
    Ok(Page::of_operator(&tools.keys.page, "reconciliation items", call.operator()?, &question))
}

impl Read for ListReconciliationItems {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let body = &call.body;
        let before = page(call, tools)?.place::<24>(&body.page_token)?.map(|place| {
            let at = place[..8].try_into().map_or(0, i64::from_be_bytes);
            (Timestamp(at), ReconciliationItemId(place[8..].try_into().unwrap_or([0; 16])))
        });
        let scan = ReconciliationScan::Items {
            state: state(body.state)?,
            before,
            limit: page_size(body.page_size)? + 1,
        };
        Ok(Query {
            rows: vec![RowKey::Reconciliation(tools.provider.number())],
            ..Query::scan(Scan::Reconciliation(scan))
        })
    }
}

fn state(number: i32) -> Result<Option<ItemState>, Rejection> {
    use pb::ReconciliationState as Told;
    match Told::try_from(number) {
        Ok(Told::Unspecified) => Ok(None),
        Ok(Told::Open) => Ok(Some(ItemState::Open)),
        Ok(Told::Taken) => Ok(Some(ItemState::Taken)),
        Ok(Told::Resolved) => Ok(Some(ItemState::Resolved)),
        Ok(Told::Cleared) => Ok(Some(ItemState::Cleared)),
        Err(_) => Err(Rejection::malformed("state", "one of ReconciliationState")),
    }
}

fn told_state(state: ItemState) -> pb::ReconciliationState {
    match state {
        ItemState::Open => pb::ReconciliationState::Open,
        ItemState::Taken => pb::ReconciliationState::Taken,
        ItemState::Resolved => pb::ReconciliationState::Resolved,
        ItemState::Cleared => pb::ReconciliationState::Cleared,
    }
}

fn told_difference(difference: Difference) -> pb::ReconciliationDifference {
    use pb::ReconciliationDifference as Told;
    match difference {
        Difference::UnknownHere => Told::UnknownHere,
        Difference::NotChargedThere => Told::NotChargedThere,
        Difference::NotCreditedHere => Told::NotCreditedHere,
        Difference::Amount => Told::Amount,
        Difference::Currency => Told::Currency,
        Difference::RefundedThere => Told::RefundedThere,
        Difference::ChargedBackThere => Told::ChargedBackThere,
        Difference::NotTakenBackThere => Told::NotTakenBackThere,
    }
}

fn item(row: &ReconciliationItem) -> pb::ReconciliationItem {
    pb::ReconciliationItem {
        item_id: row.item_id.0.to_vec(),
        provider: row.provider,
        reference: row.reference.clone(),
        difference: told_difference(row.difference).into(),
        top_up_id: row.top_up_id.map_or(Vec::new(), |id| id.0.to_vec()),
        ours_minor: row.ours_minor.unwrap_or(0),
        theirs_minor: row.theirs_minor.unwrap_or(0),
        theirs_currency: row.theirs_currency.clone().unwrap_or_default(),
        version: row.version,
        first_seen_at: Some(time(row.first_seen_at)),
        last_seen_at: Some(time(row.last_seen_at)),
        state: told_state(row.state).into(),
        owner_id: row.owner_id.map_or(Vec::new(), |id| id.0.to_vec()),
        note: row.note.clone().unwrap_or_default(),
    }
}

fn place(row: &ReconciliationItem) -> Vec<u8> {
    [&row.first_seen_at.0.to_be_bytes()[..], &row.item_id.0].concat()
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListReconciliationItemsReply, Rejection> {
    let (call, fetched) = gate.read::<ListReconciliationItems>(&envelope, peer).await?;
    let rows: Vec<&ReconciliationItem> = fetched.scanned().collect();
    let (rows, next_page_token) =
        page(&call, gate.tools())?.cut(&rows, call.body.page_size, |row| place(row))?;
    Ok(pb::ListReconciliationItemsReply {
        items: rows.iter().map(|row| item(row)).collect(),
        next_page_token,
        compared_until: fetched.get::<Reconciliation>().map(|row| time(row.compared_until)),
    })
}
