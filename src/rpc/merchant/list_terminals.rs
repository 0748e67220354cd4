//! MerchantService/ListTerminals: the merchant's own.

use std::net::IpAddr;

use crate::domain::id::TerminalId;
use crate::domain::rows::{Terminal, TerminalState};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{page_place, page_size, page_token, time};
use crate::store::query::{Query, Scan};

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

const LIST: &str = "terminals";

impl Read for ListTerminals {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let merchant_id = call.merchant()?;
        let after = page_place::<16>(&tools.keys.page, LIST, &merchant_id.0, &call.body.page_token)?;
        let limit = page_size(call.body.page_size)? + 1;
        Ok(Query::scan(Scan::Terminals { merchant_id, after: after.map(TerminalId), limit }))
    }
}

fn terminal(row: &Terminal) -> pb::Terminal {
    let state = match row.state {
        TerminalState::Registered => pb::TerminalState::Registered,
        TerminalState::Active => pb::TerminalState::Active,
        TerminalState::Suspended => pb::TerminalState::Suspended,
    };
    pb::Terminal {
        terminal_id: row.terminal_id.0.to_vec(),
        store_id: row.store_id.0.to_vec(),
        label: row.label.clone(),
        state: state.into(),
        unusable_codes: u32::try_from(row.code_misses).unwrap_or(u32::MAX),
        business_day: row.business_day,
        alarmed_at: row.alarmed_at.map(time),
        alarms: row.alarms,
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListTerminalsReply, Rejection> {
    let (call, fetched) = gate.read::<ListTerminals>(&envelope, peer).await?;
    let size = usize::try_from(page_size(call.body.page_size)?).unwrap_or(0);
    let rows: Vec<_> = fetched.scanned::<Terminal>().take(size).collect();
    let next_page_token = match rows.last() {
        Some(last) if fetched.scanned.len() > size => {
            page_token(&gate.tools().keys.page, LIST, &call.merchant()?.0, &last.terminal_id.0)
        }
        Some(_) | None => Vec::new(),
    };
    Ok(pb::ListTerminalsReply { terminals: rows.into_iter().map(terminal).collect(), next_page_token })
}
