//! MerchantService/ListTerminals: the merchant's own.

use std::net::IpAddr;

use crate::domain::id::{StoreId, TerminalId};
use crate::domain::rows::{Terminal, TerminalState};
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, page_size, time};
use crate::rpc::page::Page;
use crate::store::query::{MerchantScan, Query, Scan};

pub struct ListTerminals;

impl Operation for ListTerminals {
    type Body = pb::ListTerminalsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListTerminals";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// The list, of this caller and to this question.
fn page<'a>(call: &Admitted<ListTerminals>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    let question = pb::ListTerminalsRequest { page_size: 0, page_token: Vec::new(), ..call.body.clone() };
    Ok(Page::of(&tools.keys.page, "terminals", call.merchant()?, &question))
}

impl Read for ListTerminals {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let body = &call.body;
        Ok(Query::scan(Scan::Merchant(MerchantScan::Terminals {
            merchant_id: call.merchant()?,
            store_id: match body.store_id.as_slice() {
                [] => None,
                bytes => Some(StoreId(id16(bytes, "store_id")?)),
            },
            state: state(body.state)?,
            label: Some(body.label.clone()).filter(|label| !label.is_empty()),
            after: page(call, tools)?.place::<16>(&body.page_token)?.map(TerminalId),
            limit: page_size(body.page_size)? + 1,
        })))
    }
}

fn state(number: i32) -> Result<Option<TerminalState>, Rejection> {
    match pb::TerminalState::try_from(number) {
        Ok(pb::TerminalState::Unspecified) => Ok(None),
        Ok(pb::TerminalState::Registered) => Ok(Some(TerminalState::Registered)),
        Ok(pb::TerminalState::Active) => Ok(Some(TerminalState::Active)),
        Ok(pb::TerminalState::Suspended) => Ok(Some(TerminalState::Suspended)),
        Err(_) => Err(Rejection::malformed("state", "one of TerminalState")),
    }
}

fn terminal(row: &Terminal, tools: &Tools) -> pb::Terminal {
    let state = match row.state {
        TerminalState::Registered => pb::TerminalState::Registered,
        TerminalState::Active => pb::TerminalState::Active,
        TerminalState::Suspended => pb::TerminalState::Suspended,
    };
    let misses = tools.policy.payment_codes.misses_at(row.misses_until, Timestamp(tools.clock.now_us()));
    pb::Terminal {
        terminal_id: row.terminal_id.0.to_vec(),
        store_id: row.store_id.0.to_vec(),
        label: row.label.clone(),
        state: state.into(),
        unusable_codes: u32::try_from(misses).unwrap_or(u32::MAX),
        business_day: row.business_day,
        alarmed_at: row.alarmed_at.map(time),
        alarms: row.alarms,
        barred_at: row.barred_at.map(time),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListTerminalsReply, Rejection> {
    let (call, fetched) = gate.read::<ListTerminals>(&envelope, peer).await?;
    let rows: Vec<&Terminal> = fetched.scanned().collect();
    let (rows, next_page_token) =
        page(&call, gate.tools())?.cut(&rows, call.body.page_size, |row| row.terminal_id.0.to_vec())?;
    let terminals = rows.iter().map(|row| terminal(row, gate.tools())).collect();
    Ok(pb::ListTerminalsReply { terminals, next_page_token })
}
