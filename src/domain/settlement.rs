//! What a merchant is owed for a day, and what it is paid of that: the lines between two moments, their fees,
//! and the cash that its stores hold for us.

use std::collections::BTreeMap;

use super::day::LineKind;
use super::fee::BasisPoints;
use super::id::{FIRST_TENANT, MerchantId, StoreId};
use super::record::{Corrupt, stored_enum};
use super::rows::{FeeRule, MovementKind, Payable, Row, Settlement};
use super::time::Timestamp;

stored_enum! {
    /// What became of a payout.
    PayoutState {
        /// Nothing is paid for that day.
        Nothing = 0,
        /// It is in the day's payout file; whether the bank paid it is not known.
        Ordered = 1,
        /// The bank paid it.
        Paid = 2,
        /// The bank gave it back: it is owed again.
        Returned = 3,
    }
}

/// Which lines a settlement is about. What was settled once is not settled again: each begins where the one
/// before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Sales, captures and what was given back, from then on.
    pub lines_from: Timestamp,
    /// Before then.
    pub lines_until: Timestamp,
    /// Cash that was taken from then on. It is settled when it can no longer go back over the counter.
    pub cash_from: Timestamp,
    /// Before then.
    pub cash_until: Timestamp,
}

impl Span {
    /// What comes after what was settled up to these moments, until `lines_until`: cash is settled when it
    /// can no longer be given back, `cash_back_us` after it was taken.
    pub fn after(
        lines_from: Timestamp,
        cash_from: Timestamp,
        lines_until: Timestamp,
        cash_back_us: i64,
    ) -> Self {
        let cash_until = lines_until.plus_us(-cash_back_us).max(cash_from);
        Self { lines_from, lines_until, cash_from, cash_until }
    }
}

impl Settlement {
    /// Which lines it is about.
    pub fn span(&self) -> Span {
        let (lines_from, lines_until) = (self.lines_from, self.lines_until);
        Span { lines_from, lines_until, cash_from: self.cash_from, cash_until: self.cash_until }
    }
}

impl Payable {
    /// What the merchant owes of what is settled.
    pub fn debt_minor(&self) -> i64 {
        (-self.carried_minor).max(0)
    }

    /// Of a merchant that never was settled.
    pub fn unsettled(merchant_id: MerchantId) -> Self {
        Self {
            merchant_id,
            tenant_id: FIRST_TENANT,
            day: i64::MIN,
            settled_until: Timestamp(0),
            cash_until: Timestamp(0),
            carried_minor: 0,
        }
    }
}

/// The shares that fees are, by the version of the merchant's rule. Version 0 is no fee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeRules(BTreeMap<i64, BasisPoints>);

impl FeeRules {
    /// One more version.
    pub fn add(&mut self, version: i64, basis_points: BasisPoints) {
        self.0.insert(version, basis_points);
    }

    /// All versions of a merchant's.
    pub fn of_rows<'a>(rows: impl Iterator<Item = &'a FeeRule>) -> Self {
        Self(rows.map(|rule| (rule.version, rule.basis_points)).collect())
    }

    /// Of a version; corrupt when there is none.
    pub fn of(&self, version: i64) -> Result<BasisPoints, Corrupt> {
        match version {
            0 => Ok(BasisPoints::NONE),
            _ => self.0.get(&version).copied().ok_or(Corrupt),
        }
    }
}

/// One line of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Its row: a payment, a movement or a cash top-up.
    pub row_id: [u8; 16],
    /// The payment that it is of; absent for cash.
    pub payment_id: Option<[u8; 16]>,
    /// Where.
    pub store_id: StoreId,
    /// The merchant's name for it, if there is one.
    pub order_id: Option<String>,
    /// What.
    pub kind: LineKind,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// The fee that it bears, in minor units; less than nothing where a fee goes back.
    pub fee_minor: i64,
}

impl Line {
    /// What it adds to what the merchant is owed, in minor units.
    pub fn net_minor(&self) -> i64 {
        match self.kind {
            LineKind::Sale | LineKind::Capture => self.amount_minor - self.fee_minor,
            LineKind::Refund | LineKind::Reversal => -self.amount_minor - self.fee_minor,
            LineKind::CashTopUp => -self.amount_minor,
            LineKind::CashReversal => 0,
        }
    }

    /// The line that a row makes: a payment that was captured at once, a movement, cash that was not given
    /// back.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a settlement has rows of these three alone")]
    pub fn of(row: &Row, rules: &FeeRules) -> Result<Option<Self>, Corrupt> {
        Ok(match row {
            Row::Payment(row) => match (row.authorised_at, row.hold_until) {
                (Some(at), None) => Some(Self {
                    at,
                    row_id: row.payment_id.0,
                    payment_id: Some(row.payment_id.0),
                    store_id: row.store_id,
                    order_id: row.order_id.clone(),
                    kind: LineKind::Sale,
                    amount_minor: row.authorised_minor,
                    fee_minor: rules.of(row.fee_rule_version)?.of_line(0, row.authorised_minor),
                }),
                (_, _) => None,
            },
            Row::Movement(row) => {
                let (kind, before_minor) = match row.kind {
                    MovementKind::Capture => (LineKind::Capture, row.net_after_minor - row.amount_minor),
                    MovementKind::Refund => (LineKind::Refund, row.net_after_minor + row.amount_minor),
                    MovementKind::Reversal => (LineKind::Reversal, row.net_after_minor + row.amount_minor),
                };
                Some(Self {
                    at: row.at,
                    row_id: row.movement_id.0,
                    payment_id: Some(row.payment_id.0),
                    store_id: row.store_id,
                    order_id: row.order_id.clone(),
                    kind,
                    amount_minor: row.amount_minor,
                    fee_minor: rules.of(row.fee_rule_version)?.of_line(before_minor, row.net_after_minor),
                })
            }
            Row::CashTopUp(row) if row.reversed_at.is_none() => Some(Self {
                at: row.credited_at,
                row_id: row.cash_top_up_id.0,
                payment_id: None,
                store_id: row.store_id,
                order_id: Some(row.order_id.clone()),
                kind: LineKind::CashTopUp,
                amount_minor: row.amount_minor,
                fee_minor: 0,
            }),
            _ => None,
        })
    }
}

/// What a settlement's lines amount to, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Sales and captures.
    pub captures: i64,
    /// What they brought.
    pub captured_minor: i64,
    /// Refunds and reversals.
    pub refunds: i64,
    /// What they took back.
    pub refunded_minor: i64,
    /// The fees of all of them.
    pub fee_minor: i64,
    /// Cash that the stores took for us and keep: it is owed to us.
    pub cash: BTreeMap<StoreId, i64>,
}

impl Sums {
    /// One line more.
    pub fn add(&mut self, line: &Line) {
        match line.kind {
            LineKind::Sale | LineKind::Capture => {
                self.captures += 1;
                self.captured_minor = self.captured_minor.saturating_add(line.amount_minor);
            }
            LineKind::Refund | LineKind::Reversal => {
                self.refunds += 1;
                self.refunded_minor = self.refunded_minor.saturating_add(line.amount_minor);
            }
            LineKind::CashTopUp => {
                let cash = self.cash.entry(line.store_id).or_default();
                *cash = cash.saturating_add(line.amount_minor);
            }
            LineKind::CashReversal => {}
        }
        self.fee_minor = self.fee_minor.saturating_add(line.fee_minor);
    }

    /// All stores' cash.
    pub fn cash_minor(&self) -> i64 {
        self.cash.values().fold(0, |sum, minor| sum.saturating_add(*minor))
    }

    /// What the merchant is owed for these lines, or owes when it is less than nothing.
    pub fn net_minor(&self) -> i64 {
        self.captured_minor
            .saturating_sub(self.refunded_minor)
            .saturating_sub(self.fee_minor)
            .saturating_sub(self.cash_minor())
    }

    /// Whether there are lines at all.
    pub fn has_lines(&self) -> bool {
        self.captures + self.refunds > 0 || !self.cash.is_empty()
    }
}

/// What is paid of what is owed: nothing to whoever takes no part at present or owes us, and never more than
/// is there for it, since what was given back after the day is gone by now.
pub fn payout_minor(owed_minor: i64, there_minor: i64, may_be_paid: bool) -> i64 {
    if may_be_paid { owed_minor.min(there_minor).max(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payout_is_what_is_owed_and_there_and_never_less_than_nothing() {
        for (owed_minor, there_minor, may_be_paid, expected) in [
            (500, 900, true, 500),
            (500, 300, true, 300),
            (500, -20, true, 0),
            (-40, 900, true, 0),
            (500, 900, false, 0),
        ] {
            assert_eq!(payout_minor(owed_minor, there_minor, may_be_paid), expected);
        }
    }

    fn line(kind: LineKind, amount_minor: i64, fee_minor: i64) -> Line {
        Line {
            at: Timestamp(0),
            row_id: [0; 16],
            payment_id: None,
            store_id: StoreId([1; 16]),
            order_id: None,
            kind,
            amount_minor,
            fee_minor,
        }
    }

    #[test]
    fn the_net_of_the_lines_is_the_net_of_their_sums() {
        let lines = [
            line(LineKind::Sale, 1_000, 30),
            line(LineKind::Capture, 500, 15),
            line(LineKind::Refund, 200, -6),
            line(LineKind::Reversal, 500, -15),
            line(LineKind::CashTopUp, 300, 0),
        ];
        let mut sums = Sums::default();
        for line in &lines {
            sums.add(line);
        }
        assert_eq!(sums.net_minor(), lines.iter().map(Line::net_minor).sum::<i64>());
        assert_eq!((sums.net_minor(), sums.fee_minor, sums.cash_minor()), (476, 24, 300));
        assert_eq!((sums.captures, sums.refunds), (2, 2));
    }

    #[test]
    fn a_rule_that_is_not_there_is_no_rule_of_nothing() {
        let mut rules = FeeRules::default();
        let share = BasisPoints::new(198).expect("a share");
        rules.add(1, share);
        assert_eq!((rules.of(0), rules.of(1), rules.of(2)), (Ok(BasisPoints::NONE), Ok(share), Err(Corrupt)));
    }
}
