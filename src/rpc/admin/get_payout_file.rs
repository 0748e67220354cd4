//! AdminService/GetPayoutFile: what the bank is to pay for a day, part by part. It is available once nothing
//! can be added to it any more, so it has the same bytes for good.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use crate::domain::id::{MerchantId, hex};
use crate::domain::money::Asset;
use crate::domain::rows::Settlement;
use crate::domain::time::{HOUR_US, Timestamp, date, day_of};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::store::query::{Query, Scan, SettlementScan};

pub struct GetPayoutFile;

impl Operation for GetPayoutFile {
    type Body = pb::GetPayoutFileRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/GetPayoutFile";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// As many payouts are in a part: it fits well into a message.
const PART: i64 = 400;
/// RFC 4180.
const HEADER: &str = "day,merchant_id,amount_minor,currency,reference\r\n";

/// A day of a request.
pub fn day(text: &str) -> Result<i64, Rejection> {
    day_of(text).ok_or(Rejection::malformed("day", "a date such as 2026-01-31"))
}

/// Nothing is ordered any more for a time that is over for so long, whatever the servers' clocks say.
const FINAL_US: i64 = HOUR_US;

/// Where a payout stands in its file.
fn place(after: &[u8]) -> Result<Option<(MerchantId, i64)>, Rejection> {
    if after.is_empty() {
        return Ok(None);
    }
    let wrong = Rejection::malformed("after", "next of the part before, or empty");
    let (merchant_id, day) = after.split_at_checked(16).ok_or(wrong)?;
    let merchant_id = MerchantId::from_slice(merchant_id).ok_or(wrong)?;
    Ok(Some((merchant_id, day.try_into().map(i64::from_be_bytes).map_err(|_| wrong)?)))
}

impl Read for GetPayoutFile {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let after = place(&call.body.after)?;
        let Range { start: from, end: until } = tools.policy.settlement.ordered(day(&call.body.day)?);
        // A file that may grow could be paid twice.
        if Timestamp(tools.clock.now_us()) < until.plus_us(FINAL_US) {
            return Err(Rejection::malformed(
                "day",
                "a day whose payouts are all ordered: 27 hours after its end",
            ));
        }
        let scan = SettlementScan::Payouts { from, until, after, limit: PART };
        Ok(Query::scan(Scan::Settlement(scan)))
    }
}

/// A payout's line. The reference finds the settlement again, at the bank and here.
fn line(file: &mut String, row: &Settlement) {
    let (day, merchant, currency) = (date(row.day), hex(&row.merchant_id.0), Asset::PrepaidJpy.code());
    let reference = format!("{}-{}", day.replace('-', ""), &merchant);
    write!(file, "{day},{merchant},{},{currency},{reference}\r\n", row.payout_minor)
        .expect("a string takes any text");
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::GetPayoutFileReply, Rejection> {
    let (call, fetched) = gate.read::<GetPayoutFile>(&envelope, peer).await?;
    let rows: Vec<&Settlement> = fetched.scanned().collect();
    let is_first = call.body.after.is_empty();
    let mut part = String::from(if is_first { HEADER } else { "" });
    for row in &rows {
        line(&mut part, row);
    }
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == PART);
    Ok(pb::GetPayoutFileReply {
        part: part.into_bytes(),
        payouts: rows.len().try_into().unwrap_or(u32::MAX),
        total_minor: rows.iter().fold(0, |sum: i64, row| sum.saturating_add(row.payout_minor)),
        next: rows
            .last()
            .filter(|_| is_full)
            .map_or(Vec::new(), |row| [&row.merchant_id.0[..], &row.day.to_be_bytes()].concat()),
    })
}
