//! What settling merchants reads: lines by time, and what was settled.

use super::merchant::Condition;
use super::{Sql, bytes};
use crate::domain::id::MerchantId;
use crate::domain::record::Value;
use crate::domain::rows::{Row, Table};
use crate::domain::settlement::Span;
use crate::domain::time::{MINUTE_US, Timestamp};

/// Which of a merchant's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinesOf {
    /// Payments that were captured at once.
    Sales,
    /// What was captured of holds, and given back.
    Movements,
    /// Cash that was not given back.
    Cash,
}

impl LinesOf {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Sales, Self::Movements, Self::Cash];

    /// Those of a settlement are between these moments.
    pub fn between(self, span: &Span) -> (Timestamp, Timestamp) {
        match self {
            Self::Sales | Self::Movements => (span.lines_from, span.lines_until),
            Self::Cash => (span.cash_from, span.cash_until),
        }
    }

    /// Where a row is sorted among those of its kind.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a settlement has rows of these three alone")]
    pub fn sorted(row: &Row) -> Option<(Timestamp, [u8; 16])> {
        match row {
            Row::Payment(row) => Some((row.created_at, row.payment_id.0)),
            Row::Movement(row) => Some((row.at, row.movement_id.0)),
            Row::CashTopUp(row) => Some((row.credited_at, row.cash_top_up_id.0)),
            _ => None,
        }
    }
}

/// Several rows of a merchant's settlements, or of the work for all of them.
#[derive(Clone, Debug)]
pub enum SettlementScan {
    /// All merchants, by id.
    Merchants {
        /// After this one; from the first when absent.
        after: Option<MerchantId>,
        /// At most.
        limit: i64,
    },
    /// A merchant's fees, by version.
    FeeRules(MerchantId),
    /// A merchant's lines of one kind between two moments: sales by when they were begun, others by when they
    /// were.
    Lines {
        /// Which.
        of: LinesOf,
        /// Whose.
        merchant_id: MerchantId,
        /// From then on.
        from: Timestamp,
        /// Before then.
        until: Timestamp,
        /// A customer is asked for so long: what was captured then was begun less than this before it.
        asked_us: i64,
        /// After this row, as sorted; from the first when absent.
        after: Option<(Timestamp, [u8; 16])>,
        /// At most.
        limit: i64,
    },
    /// A merchant's settlements, newest first.
    Settlements {
        /// Whose.
        merchant_id: MerchantId,
        /// Before this day; from the last when absent.
        before: Option<i64>,
        /// At most.
        limit: i64,
    },
    /// Payouts that were ordered between two moments, by merchant and day.
    Payouts {
        /// From then on.
        from: Timestamp,
        /// Before then.
        until: Timestamp,
        /// After this one's day; from the first when absent.
        after: Option<(MerchantId, i64)>,
        /// At most.
        limit: i64,
    },
}

fn time(at: Timestamp) -> Value<'static> {
    Value::Int(at.0)
}

impl SettlementScan {
    pub(super) fn sql(&self) -> Sql {
        match self {
            Self::Merchants { after, limit } => Condition::new(Table::Merchant)
                .and("merchant_id > ?", [bytes(after.as_ref().map_or(&[][..], |id| &id.0))])
                .ordered("merchant_id", *limit),
            Self::FeeRules(merchant_id) => Condition::new(Table::FeeRule)
                .and("merchant_id = ?", [bytes(&merchant_id.0)])
                .ordered("version", i64::MAX),
            Self::Lines { of, merchant_id, from, until, asked_us, after, limit } => {
                lines(*of, *merchant_id, (*from, *until, *asked_us), after.as_ref(), *limit)
            }
            Self::Settlements { merchant_id, before, limit } => Condition::new(Table::Settlement)
                .and("merchant_id = ?", [bytes(&merchant_id.0)])
                .and("day < ?", [Value::Int(before.unwrap_or(i64::MAX))])
                .ordered("day DESC", *limit),
            Self::Payouts { from, until, after, limit } => {
                let mut condition = Condition::new(Table::Settlement)
                    .and("settled_at >= ? AND settled_at < ?", [time(*from), time(*until)])
                    .and("payout_minor > 0", []);
                if let Some((merchant_id, day)) = after {
                    let place = [bytes(&merchant_id.0), Value::Int(*day)];
                    condition = condition.and("(merchant_id, day) > (?, ?)", place);
                }
                condition.ordered("merchant_id, day", *limit)
            }
        }
    }
}

fn lines(
    of: LinesOf,
    merchant_id: MerchantId,
    (from, until, asked_us): (Timestamp, Timestamp, i64),
    after: Option<&(Timestamp, [u8; 16])>,
    limit: i64,
) -> Sql {
    let between = [time(from), time(until)];
    let (table, when, key) = match of {
        LinesOf::Sales => (Table::Payment, "created_at", "payment_id"),
        LinesOf::Movements => (Table::Movement, "at", "movement_id"),
        LinesOf::Cash => (Table::CashTopUp, "credited_at", "cash_top_up_id"),
    };
    let mut condition = Condition::new(table).and("merchant_id = ?", [bytes(&merchant_id.0)]);
    condition = match of {
        LinesOf::Sales => condition
            .and(
                "created_at > ? AND created_at < ?",
                [time(from.plus_us(-asked_us).plus_us(-MINUTE_US)), time(until)],
            )
            .and("hold_until IS NULL AND authorised_at >= ? AND authorised_at < ?", between),
        LinesOf::Movements => condition.and("at >= ? AND at < ?", between),
        LinesOf::Cash => {
            condition.and("credited_at >= ? AND credited_at < ? AND reversed_at IS NULL", between)
        }
    };
    if let Some((at, id)) = after {
        condition = condition.and(&format!("({when}, {key}) > (?, ?)"), [time(*at), bytes(id)]);
    }
    condition.ordered(&format!("{when}, {key}"), limit)
}
