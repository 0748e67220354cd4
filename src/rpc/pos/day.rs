//! What a business day's RPCs have in common: its lines, and its totals as they are told.

use crate::domain::day::{Line, LineKind, Lines, Total, Totals, lines_of};
use crate::domain::id::TerminalId;
use crate::domain::rows::Row;
use crate::gate::Gate;
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::store::query::{OfDay, Query, Scan};

/// So many rows at a time.
const PAGE: i64 = 1_000;

/// A kind as it is told.
pub fn kind(kind: LineKind) -> pb::DayLineKind {
    match kind {
        LineKind::Sale => pb::DayLineKind::Sale,
        LineKind::Capture => pb::DayLineKind::Capture,
        LineKind::Refund => pb::DayLineKind::Refund,
        LineKind::Reversal => pb::DayLineKind::Reversal,
        LineKind::CashTopUp => pb::DayLineKind::CashTopUp,
        LineKind::CashReversal => pb::DayLineKind::CashReversal,
    }
}

/// A kind as it was signed.
pub fn read_kind(kind: pb::DayLineKind, field: &'static str) -> Result<LineKind, Rejection> {
    match kind {
        pb::DayLineKind::Sale => Ok(LineKind::Sale),
        pb::DayLineKind::Capture => Ok(LineKind::Capture),
        pb::DayLineKind::Refund => Ok(LineKind::Refund),
        pb::DayLineKind::Reversal => Ok(LineKind::Reversal),
        pb::DayLineKind::CashTopUp => Ok(LineKind::CashTopUp),
        pb::DayLineKind::CashReversal => Ok(LineKind::CashReversal),
        pb::DayLineKind::Unspecified => Err(Rejection::malformed(field, "one of the kinds of lines")),
    }
}

/// Totals as they are told: every kind.
pub fn told(totals: &Totals) -> Vec<pb::DayTotal> {
    LineKind::ALL
        .into_iter()
        .map(|of| {
            let Total { count, sum_minor } = totals.of(of);
            pb::DayTotal { kind: kind(of).into(), count, sum_minor }
        })
        .collect()
}

/// Totals as they were signed: each kind at most once, and what is left out is none.
pub fn claimed(totals: &[pb::DayTotal]) -> Result<Totals, Rejection> {
    let mut claimed = Totals::default();
    let mut seen = Vec::with_capacity(totals.len());
    for total in totals {
        let kind = read_kind(total.kind(), "totals.kind")?;
        if seen.contains(&kind) || total.count < 0 || total.sum_minor < 0 {
            return Err(Rejection::malformed("totals", "each kind at most once, count and sum from 0"));
        }
        seen.push(kind);
        claimed.set(kind, Total { count: total.count, sum_minor: total.sum_minor });
    }
    Ok(claimed)
}

/// What a till moved in a day, by kind. Of a closed one it is the same for good.
pub async fn totals(gate: &Gate, terminal_id: TerminalId, business_day: i64) -> Result<Totals, Rejection> {
    let mut totals = Totals::default();
    each(gate, terminal_id, business_day, |line| totals.add(&line)).await?;
    Ok(totals)
}

/// What a till moved in a day, by order and kind: of the orders above `after`, and not above `to` unless that
/// is empty.
pub async fn lines(
    gate: &Gate,
    terminal_id: TerminalId,
    business_day: i64,
    (after, to): (&str, &str),
) -> Result<Lines, Rejection> {
    let mut lines = Lines::default();
    let is_within = |order_id: &str| order_id > after && (to.is_empty() || order_id <= to);
    each(gate, terminal_id, business_day, |line| {
        if is_within(line.order_id) {
            lines.add(&line);
        }
    })
    .await?;
    Ok(lines)
}

/// A day's lines one after the other, a page of rows at a time: a day may be long.
async fn each(
    gate: &Gate,
    terminal_id: TerminalId,
    business_day: i64,
    mut take: impl FnMut(Line<'_>),
) -> Result<(), Rejection> {
    for of in [OfDay::Payments, OfDay::Movements, OfDay::Cash] {
        let mut after = None;
        loop {
            let scan = Scan::OfDay { of, terminal_id, business_day, after, limit: PAGE };
            let rows = gate.fetch(Query::scan(scan)).await?.scanned;
            rows.iter().flat_map(lines_of).for_each(&mut take);
            after = rows.last().and_then(id_of);
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < PAGE {
                break;
            }
        }
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a day has rows of these three alone")]
fn id_of(row: &Row) -> Option<[u8; 16]> {
    match row {
        Row::Payment(row) => Some(row.payment_id.0),
        Row::Movement(row) => Some(row.movement_id.0),
        Row::CashTopUp(row) => Some(row.cash_top_up_id.0),
        _ => None,
    }
}
