//! What a till moved in a business day: its lines, their totals, and where two accounts of a day differ.

use std::collections::BTreeMap;

use super::payment::{Moved, State};
use super::record::stored_enum;
use super::rows::{MovementKind, Row};

stored_enum! {
    /// What a till moved.
    LineKind {
        /// Captured at once.
        Sale = 1,
        /// Captured of a hold.
        Capture = 2,
        /// Given back.
        Refund = 3,
        /// Given back by a reversal.
        Reversal = 4,
        /// Cash that it took.
        CashTopUp = 5,
        /// Cash that it gave back.
        CashReversal = 6,
    }
}

impl LineKind {
    /// All of them, by number.
    pub const ALL: [Self; 6] =
        [Self::Sale, Self::Capture, Self::Refund, Self::Reversal, Self::CashTopUp, Self::CashReversal];

    fn place(self) -> usize {
        match self {
            Self::Sale => 0,
            Self::Capture => 1,
            Self::Refund => 2,
            Self::Reversal => 3,
            Self::CashTopUp => 4,
            Self::CashReversal => 5,
        }
    }
}

/// How often, and how much in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How often.
    pub count: i64,
    /// In minor units.
    pub sum_minor: i64,
}

impl Total {
    fn add(&mut self, amount_minor: i64) {
        self.count = self.count.saturating_add(1);
        self.sum_minor = self.sum_minor.saturating_add(amount_minor);
    }
}

/// A total of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals([Total; 6]);

impl Totals {
    /// Of one kind.
    pub fn of(&self, kind: LineKind) -> Total {
        self.0[kind.place()]
    }

    /// One line more.
    pub fn add(&mut self, line: &Line<'_>) {
        self.0[line.kind.place()].add(line.amount_minor);
    }

    /// Says what one kind amounts to.
    pub fn set(&mut self, kind: LineKind, total: Total) {
        self.0[kind.place()] = total;
    }
}

/// What a step of a payment that is there moved between customer and shop: kind, amount, and the number of
/// its movement among the rows of its command.
pub fn parts(moved: &Moved) -> impl Iterator<Item = (MovementKind, i64, u8)> {
    let given_back =
        if moved.after.state() == State::Reversed { MovementKind::Reversal } else { MovementKind::Refund };
    [(MovementKind::Capture, moved.captured_minor, 2), (given_back, moved.refunded_minor, 3)]
        .into_iter()
        .filter(|(_, amount_minor, _)| *amount_minor > 0)
}

/// A line of a till's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which order.
    pub order_id: &'a str,
    /// What.
    pub kind: LineKind,
    /// In minor units.
    pub amount_minor: i64,
}

/// The lines that a row of a day is told by. What was captured at once is told by its payment, what was
/// captured of a hold or given back by its movements.
#[expect(clippy::wildcard_enum_match_arm, reason = "a day has rows of these three alone")]
pub fn lines_of(row: &Row) -> impl Iterator<Item = Line<'_>> {
    let lines = match row {
        Row::Payment(row) if row.hold_until.is_none() && row.authorised_at.is_some() => {
            let order_id = row.order_id.as_deref().unwrap_or("");
            [Some(Line { order_id, kind: LineKind::Sale, amount_minor: row.authorised_minor }), None]
        }
        Row::Movement(row) => {
            let kind = match row.kind {
                MovementKind::Capture => LineKind::Capture,
                MovementKind::Refund => LineKind::Refund,
                MovementKind::Reversal => LineKind::Reversal,
            };
            let order_id = row.order_id.as_deref().unwrap_or("");
            [Some(Line { order_id, kind, amount_minor: row.amount_minor }), None]
        }
        Row::CashTopUp(row) => {
            let line = |kind| Line { order_id: &row.order_id, kind, amount_minor: row.amount_minor };
            [Some(line(LineKind::CashTopUp)), row.reversed_at.map(|_| line(LineKind::CashReversal))]
        }
        _ => [None, None],
    };
    lines.into_iter().flatten()
}

/// One account of a day: what moved, by order and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<(String, i64), Total>);

/// An order and kind in which two accounts of a day differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which order.
    pub order_id: String,
    /// What.
    pub kind: LineKind,
    /// By our account.
    pub ours: Total,
    /// By the till's.
    pub tills: Total,
}

impl Lines {
    /// One more.
    pub fn add(&mut self, line: &Line<'_>) {
        self.0.entry((line.order_id.to_owned(), line.kind.number())).or_default().add(line.amount_minor);
    }

    /// Where the till's account of the same orders differs.
    pub fn differences(&self, tills: &Self) -> Vec<Difference> {
        let mut both: BTreeMap<&(String, i64), (Total, Total)> = BTreeMap::new();
        for (key, total) in &self.0 {
            both.entry(key).or_default().0 = *total;
        }
        for (key, total) in &tills.0 {
            both.entry(key).or_default().1 = *total;
        }
        both.into_iter()
            .filter(|(_, (ours, tills))| ours != tills)
            .filter_map(|((order_id, number), (ours, tills))| {
                let kind = LineKind::from_number(*number).ok()?;
                Some(Difference { order_id: order_id.clone(), kind, ours, tills })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[(&str, LineKind, i64)]) -> Lines {
        let mut account = Lines::default();
        for (order_id, kind, amount_minor) in lines {
            account.add(&Line { order_id, kind: *kind, amount_minor: *amount_minor });
        }
        account
    }

    #[test]
    fn totals_are_what_the_lines_amount_to() {
        let mut totals = Totals::default();
        for (kind, amount_minor) in [(LineKind::Sale, 500), (LineKind::Capture, 20), (LineKind::Capture, 30)]
        {
            totals.add(&Line { order_id: "a", kind, amount_minor });
        }
        assert_eq!(totals.of(LineKind::Sale), Total { count: 1, sum_minor: 500 });
        assert_eq!(totals.of(LineKind::Capture), Total { count: 2, sum_minor: 50 });
        assert_eq!(totals.of(LineKind::CashTopUp), Total::default());
    }

    #[test]
    fn a_difference_names_the_order_and_what_each_side_has() {
        let ours = lines(&[("a", LineKind::Sale, 500), ("b", LineKind::Sale, 70), ("c", LineKind::Sale, 9)]);
        let tills = lines(&[("a", LineKind::Sale, 500), ("b", LineKind::Sale, 7), ("d", LineKind::Sale, 9)]);
        let one = |sum_minor| Total { count: 1, sum_minor };
        let told: Vec<_> =
            ours.differences(&tills).into_iter().map(|one| (one.order_id, one.ours, one.tills)).collect();
        let expected = [
            ("b".to_owned(), one(70), one(7)),
            ("c".to_owned(), one(9), Total::default()),
            ("d".to_owned(), Total::default(), one(9)),
        ];
        assert_eq!(told, expected);
        assert_eq!(ours.differences(&ours), []);
    }

    #[test]
    fn a_sum_that_differs_by_its_parts_alone_is_a_difference() {
        let ours = lines(&[("b", LineKind::Capture, 20), ("b", LineKind::Capture, 30)]);
        let tills = lines(&[("b", LineKind::Capture, 50)]);
        assert_eq!(ours.differences(&tills).len(), 1);
    }
}
