//! WalletService/ListEntries: read from the journal itself.

use std::net::IpAddr;

use crate::domain::id::AccountId;
use crate::domain::ledger::Postings;
use crate::domain::money::Asset;
use crate::domain::outcome::Outcome;
use crate::domain::payment::Moved;
use crate::domain::rows::Journal;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{page_place, page_size, page_token, time};
use crate::store::query::{Query, Scan};

const LIST: &str = "entries";

pub struct ListEntries;

impl Operation for ListEntries {
    type Body = pb::ListEntriesRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.WalletService/ListEntries";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

fn before(tools: &Tools, owner: AccountId, token: &[u8]) -> Result<Option<(Timestamp, i64, i64)>, Rejection> {
    let place = page_place::<24>(&tools.keys.page, LIST, &owner.0, token)?;
    Ok(place.map(|place| {
        let int = |from: usize| place[from..from + 8].try_into().map_or(0, i64::from_be_bytes);
        (Timestamp(int(0)), int(8), int(16))
    }))
}

impl Read for ListEntries {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let (account_id, _, _) = call.device()?;
        let before = before(tools, account_id, &call.body.page_token)?;
        Ok(Query::scan(Scan::Entries { account_id, before, limit: page_size(call.body.page_size)? + 1 }))
    }
}

/// By what it moved.
fn step_kind(moved: &Moved) -> pb::EntryKind {
    match (moved.authorised_minor > 0, moved.captured_minor > 0, moved.refunded_minor > 0) {
        (true, true, _) => pb::EntryKind::Payment,
        (true, false, _) => pb::EntryKind::Hold,
        (false, true, _) => pb::EntryKind::Capture,
        (false, false, true) => pb::EntryKind::Refund,
        (false, false, false) => pb::EntryKind::Release,
    }
}

/// Only rows in which money moved have an account to be listed under.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome moves no money")]
fn entry(row: &Journal) -> Result<pb::Entry, Rejection> {
    let outcome = Outcome::decode(&row.outcome).map_err(|_| Rejection::Internal)?;
    let postings = Postings::decode(&row.postings).map_err(|_| Rejection::Internal)?;
    let (kind, amount_minor, subject_id, available_after_minor) = match outcome {
        Outcome::Paid { payment_id, amount_minor, available_after_minor, .. }
        | Outcome::Charged { payment_id, amount_minor, available_after_minor, .. } => {
            (pb::EntryKind::Payment, -amount_minor, payment_id.0, available_after_minor)
        }
        Outcome::Authorized { payment_id, amount_minor, available_after_minor, .. } => {
            (pb::EntryKind::Hold, -amount_minor, payment_id.0, available_after_minor)
        }
        Outcome::PaymentStepped { payment_id, moved, available_after_minor, .. } => {
            let amount_minor = moved.released_minor + moved.refunded_minor - moved.authorised_minor;
            (step_kind(&moved), amount_minor, payment_id.0, available_after_minor)
        }
        Outcome::Reversed { payment_id, refunded_minor, released_minor, available_after_minor, .. } => {
            let amount_minor = refunded_minor + released_minor;
            (pb::EntryKind::Reversal, amount_minor, payment_id.0, available_after_minor)
        }
        Outcome::TopUpSettled { top_up_id, credited_minor, available_after_minor } => {
            (pb::EntryKind::TopUp, credited_minor, top_up_id.0, available_after_minor)
        }
        Outcome::TopUpTakenBack { top_up_id, taken_minor, available_after_minor, .. } => {
            (pb::EntryKind::TopUpTakenBack, -taken_minor, top_up_id.0, available_after_minor)
        }
        Outcome::CashToppedUp { cash_top_up_id, amount_minor, available_after_minor, .. } => {
            (pb::EntryKind::CashTopUp, amount_minor, cash_top_up_id.0, available_after_minor)
        }
        Outcome::CashReversed { cash_top_up_id, amount_minor, available_after_minor, .. } => {
            (pb::EntryKind::CashTakenBack, -amount_minor, cash_top_up_id.0, available_after_minor)
        }
        _ => return Err(Rejection::Internal),
    };
    Ok(pb::Entry {
        at: Some(time(row.at)),
        kind: kind.into(),
        amount_minor,
        currency: Asset::PrepaidJpy.code().into(),
        subject_id: subject_id.to_vec(),
        available_after_minor,
        debt_paid_minor: postings.debt_paid_minor(),
    })
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListEntriesReply, Rejection> {
    let (call, fetched) = gate.read::<ListEntries>(&envelope, peer).await?;
    let (account_id, _, _) = call.device()?;
    let size = usize::try_from(page_size(call.body.page_size)?).unwrap_or(0);
    let rows: Vec<_> = fetched.scanned::<Journal>().take(size).collect();
    let next_page_token = match rows.last() {
        Some(last) if fetched.scanned.len() > size => {
            let place = [last.at.0, last.lane, last.sequence].map(i64::to_be_bytes).concat();
            page_token(&gate.tools().keys.page, LIST, &account_id.0, &place)
        }
        Some(_) | None => Vec::new(),
    };
    let entries = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(pb::ListEntriesReply { entries, next_page_token })
}
