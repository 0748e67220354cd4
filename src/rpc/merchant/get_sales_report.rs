//! MerchantService/GetSalesReport: counts and sums by day and store, of the payments as they stand.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::domain::id::{PaymentId, StoreId};
use crate::domain::money::Asset;
use crate::domain::rows::Payment;
use crate::domain::time::{DAY_US, MINUTE_US, Timestamp, date};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, moment};
use crate::store::query::{MerchantScan, PaymentScan, Query, Scan};

pub struct GetSalesReport;

impl Operation for GetSalesReport {
    type Body = pb::GetSalesReportRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/GetSalesReport";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// As many payments are read at a time.
const PAGE: usize = 1_000;
/// A report over more payments is asked for in parts.
const PAYMENTS_MAX: usize = 50_000;
const RANGE_MAX_US: i64 = 31 * DAY_US;

impl Read for GetSalesReport {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        offset_us(&call.body)?;
        Ok(Query::scan(Scan::Merchant(MerchantScan::Payments(scan(call, None)?))))
    }
}

fn scan(
    call: &Admitted<GetSalesReport>,
    before: Option<(Timestamp, PaymentId)>,
) -> Result<PaymentScan, Rejection> {
    let body = &call.body;
    let (from, until) = (moment(body.from.as_ref(), "from")?, moment(body.until.as_ref(), "until")?);
    let from = from.ok_or(Rejection::malformed("from", "given"))?;
    let until = until
        .filter(|until| (1..=RANGE_MAX_US).contains(&until.since_us(from)))
        .ok_or(Rejection::malformed("until", "later than from, by 31 days at most"))?;
    let store_id = match body.store_id.as_slice() {
        [] => None,
        bytes => Some(StoreId(id16(bytes, "store_id")?)),
    };
    let (merchant_id, limit) = (call.merchant()?, i64::try_from(PAGE).unwrap_or(0));
    Ok(PaymentScan { merchant_id, from, until, store_id, state: None, order_id: None, before, limit })
}

fn offset_us(body: &pb::GetSalesReportRequest) -> Result<i64, Rejection> {
    match body.utc_offset_minutes {
        minutes @ -720..=840 => Ok(i64::from(minutes) * MINUTE_US),
        _ => Err(Rejection::malformed("utc_offset_minutes", "from -720 to 840; 540 in Japan")),
    }
}

/// What one line adds up.
#[derive(Default)]
struct Sums {
    payments: i64,
    captured_minor: i64,
    refunds: i64,
    refunded_minor: i64,
}

type Lines = BTreeMap<(i64, StoreId), Sums>;

fn add(lines: &mut Lines, row: &Payment, offset_us: i64) {
    // What was only asked for or held is no sale.
    if row.captured_minor == 0 {
        return;
    }
    let sums = lines.entry((row.created_at.plus_us(offset_us).day(), row.store_id)).or_default();
    sums.payments += 1;
    sums.captured_minor += row.captured_minor;
    sums.refunds += i64::from(row.refunded_minor > 0);
    sums.refunded_minor += row.refunded_minor;
}

fn line(((day, store_id), sums): ((i64, StoreId), Sums)) -> pb::SalesLine {
    pb::SalesLine {
        day: date(day),
        store_id: store_id.0.to_vec(),
        currency: Asset::PrepaidJpy.code().to_owned(),
        payments: sums.payments,
        captured_minor: sums.captured_minor,
        refunds: sums.refunds,
        refunded_minor: sums.refunded_minor,
        net_minor: sums.captured_minor - sums.refunded_minor,
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::GetSalesReportReply, Rejection> {
    let (call, mut fetched) = gate.read::<GetSalesReport>(&envelope, peer).await?;
    let offset_us = offset_us(&call.body)?;
    let (mut lines, mut read) = (Lines::new(), 0);
    loop {
        let rows: Vec<&Payment> = fetched.scanned().collect();
        read += rows.len();
        if read > PAYMENTS_MAX {
            return Err(Rejection::malformed("until", "nearer to from: that are more than 50,000 payments"));
        }
        for row in &rows {
            add(&mut lines, row, offset_us);
        }
        let before = rows.last().map(|last| (last.created_at, last.payment_id));
        let Some(before) = before.filter(|_| rows.len() >= PAGE) else {
            return Ok(pb::GetSalesReportReply { lines: lines.into_iter().map(line).collect() });
        };
        let next = Scan::Merchant(MerchantScan::Payments(scan(&call, Some(before))?));
        // Whose they are was checked with the first page.
        fetched = gate.fetch(Query::scan(next)).await?;
    }
}
