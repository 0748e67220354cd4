//! What a business day's RPCs have in common: its lines, and its totals as they are told.

use crate::domain::day::{LineKind, Lines, Total, Totals};
use crate::domain::id::TerminalId;
use crate::domain::rows::{CashTopUp, Movement, Payment, Row};
use crate::gate::Gate;
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::store::query::{OfDay, Query, Scan};

/// So many rows at a time.
const PAGE: i64 = 1_000;
/// A till's day has at most so many; a longer one is closed in parts.
const ROWS_MAX: usize = 100_000;

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

/// What a till moved in a day. Of a closed one it is the same for good.
pub async fn lines(gate: &Gate, terminal_id: TerminalId, business_day: i64) -> Result<Lines, Rejection> {
    let mut lines = Lines::default();
    for of in [OfDay::Payments, OfDay::Movements, OfDay::Cash] {
        let (mut after, mut read) = (None, 0);
        loop {
            let scan = Scan::OfDay { of, terminal_id, business_day, after, limit: PAGE };
            let rows = gate.fetch(Query::scan(scan)).await?.scanned;
            read += rows.len();
            if read > ROWS_MAX {
                return Err(Rejection::Unavailable);
            }
            after = rows.last().and_then(of_day_id);
            for row in &rows {
                add(&mut lines, row);
            }
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < PAGE {
                break;
            }
        }
    }
    Ok(lines)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a day has these three alone")]
fn of_day_id(row: &Row) -> Option<[u8; 16]> {
    match row {
        Row::Payment(row) => Some(row.payment_id.0),
        Row::Movement(row) => Some(row.movement_id.0),
        Row::CashTopUp(row) => Some(row.cash_top_up_id.0),
        _ => None,
    }
}

fn add(lines: &mut Lines, row: &Row) {
    use crate::domain::record::Record as _;
    if let Some(row) = Payment::of(row) {
        lines.add_payment(row);
    } else if let Some(row) = Movement::of(row) {
        lines.add_movement(row);
    } else if let Some(row) = CashTopUp::of(row) {
        lines.add_cash(row);
    }
}
