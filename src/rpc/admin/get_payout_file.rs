//! AdminService/GetPayoutFile: what the bank is to pay for a day, part by part. The same bytes for good.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::domain::id::{MerchantId, hex};
use crate::domain::money::Asset;
use crate::domain::rows::Settlement;
use crate::domain::time::{date, day_of};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;
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

impl Read for GetPayoutFile {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let after = match call.body.after_merchant_id.as_slice() {
            [] => None,
            bytes => Some(MerchantId(id16(bytes, "after_merchant_id")?)),
        };
        let day = day(&call.body.day)?;
        Ok(Query::scan(Scan::Settlement(SettlementScan::Payouts { day, after, limit: PART })))
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
    let is_first = call.body.after_merchant_id.is_empty();
    let mut part = String::from(if is_first { HEADER } else { "" });
    for row in &rows {
        line(&mut part, row);
    }
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == PART);
    Ok(pb::GetPayoutFileReply {
        part: part.into_bytes(),
        payouts: rows.len().try_into().unwrap_or(u32::MAX),
        total_minor: rows.iter().fold(0, |sum: i64, row| sum.saturating_add(row.payout_minor)),
        last_merchant_id: rows
            .last()
            .filter(|_| is_full)
            .map_or(Vec::new(), |row| row.merchant_id.0.to_vec()),
    })
}
