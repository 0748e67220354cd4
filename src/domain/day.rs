//! What a till moved in a business day: its lines, their totals, and where two accounts of a day differ.

use std::collections::BTreeMap;

use super::codec::{Decoder, Encoder};
use super::record::{Corrupt, stored_enum};
use super::rows::{CashTopUp, Movement, MovementKind, Payment};

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

/// A total of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals([Total; 6]);

impl Totals {
    /// Of one kind.
    pub fn of(&self, kind: LineKind) -> Total {
        self.0[kind.place()]
    }

    /// Says what one kind amounts to.
    pub fn set(&mut self, kind: LineKind, total: Total) {
        self.0[kind.place()] = total;
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().fold(Encoder::new(), |encoder, one| encoder.int(one.count).int(one.sum_minor)).finish()
    }

    /// Back from the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let mut totals = Self::default();
        for total in &mut totals.0 {
            *total = Total { count: decoder.int()?, sum_minor: decoder.int()? };
        }
        decoder.finish()?;
        Ok(totals)
    }
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
    pub fn add(&mut self, order_id: &str, kind: LineKind, amount_minor: i64) {
        let total = self.0.entry((order_id.to_owned(), kind.number())).or_default();
        total.count = total.count.saturating_add(1);
        total.sum_minor = total.sum_minor.saturating_add(amount_minor);
    }

    /// A payment's own line: what was captured at once. Holds are told by their movements.
    pub fn add_payment(&mut self, row: &Payment) {
        if row.hold_until.is_none() && row.authorised_at.is_some() {
            self.add(row.order_id.as_deref().unwrap_or(""), LineKind::Sale, row.authorised_minor);
        }
    }

    /// A movement's line.
    pub fn add_movement(&mut self, row: &Movement) {
        let kind = match row.kind {
            MovementKind::Capture => LineKind::Capture,
            MovementKind::Refund => LineKind::Refund,
            MovementKind::Reversal => LineKind::Reversal,
        };
        self.add(row.order_id.as_deref().unwrap_or(""), kind, row.amount_minor);
    }

    /// The lines of cash that was taken, and perhaps given back.
    pub fn add_cash(&mut self, row: &CashTopUp) {
        self.add(&row.order_id, LineKind::CashTopUp, row.amount_minor);
        if row.reversed_at.is_some() {
            self.add(&row.order_id, LineKind::CashReversal, row.amount_minor);
        }
    }

    /// How many orders and kinds there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing moved.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What all of them amount to.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for ((_, number), line) in &self.0 {
            // Only numbers of kinds are put in.
            let Ok(kind) = LineKind::from_number(*number) else { continue };
            let total = totals.of(kind);
            let sum = Total {
                count: total.count.saturating_add(line.count),
                sum_minor: total.sum_minor.saturating_add(line.sum_minor),
            };
            totals.set(kind, sum);
        }
        totals
    }

    /// Where the till's account of a range of orders differs: above `after`, and not above `to` unless
    /// that is empty.
    pub fn differences(&self, tills: &Self, after: &str, to: &str) -> Vec<Difference> {
        let mut both: BTreeMap<&(String, i64), (Total, Total)> = BTreeMap::new();
        for (key, total) in &self.0 {
            both.entry(key).or_default().0 = *total;
        }
        for (key, total) in &tills.0 {
            both.entry(key).or_default().1 = *total;
        }
        both.into_iter()
            .filter(|((order_id, _), (ours, tills))| {
                ours != tills && order_id.as_str() > after && (to.is_empty() || order_id.as_str() <= to)
            })
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
            account.add(order_id, *kind, *amount_minor);
        }
        account
    }

    #[test]
    fn totals_are_what_the_lines_amount_to() {
        let day = lines(&[
            ("a", LineKind::Sale, 500),
            ("b", LineKind::Capture, 20),
            ("b", LineKind::Capture, 30),
            ("a", LineKind::Refund, 100),
        ]);
        let totals = day.totals();
        assert_eq!(totals.of(LineKind::Sale), Total { count: 1, sum_minor: 500 });
        assert_eq!(totals.of(LineKind::Capture), Total { count: 2, sum_minor: 50 });
        assert_eq!(totals.of(LineKind::Refund), Total { count: 1, sum_minor: 100 });
        assert_eq!(totals.of(LineKind::CashTopUp), Total::default());
        assert_eq!(Totals::decode(&totals.encode()), Ok(totals));
    }

    #[test]
    fn a_difference_names_the_order_and_what_each_side_has() {
        let ours = lines(&[("a", LineKind::Sale, 500), ("b", LineKind::Sale, 70), ("c", LineKind::Sale, 9)]);
        let tills = lines(&[("a", LineKind::Sale, 500), ("b", LineKind::Sale, 7), ("d", LineKind::Sale, 9)]);
        let one = |sum_minor| Total { count: 1, sum_minor };
        let told: Vec<_> = ours
            .differences(&tills, "", "")
            .into_iter()
            .map(|one| (one.order_id, one.ours, one.tills))
            .collect();
        let expected = [
            ("b".to_owned(), one(70), one(7)),
            ("c".to_owned(), one(9), Total::default()),
            ("d".to_owned(), Total::default(), one(9)),
        ];
        assert_eq!(told, expected);
        assert_eq!(ours.differences(&ours, "", ""), []);
        assert_eq!(ours.differences(&tills, "b", "c").len(), 1);
    }

    #[test]
    fn a_sum_that_differs_by_its_parts_alone_is_a_difference() {
        let ours = lines(&[("b", LineKind::Capture, 20), ("b", LineKind::Capture, 30)]);
        let tills = lines(&[("b", LineKind::Capture, 50)]);
        assert_eq!(ours.differences(&tills, "", "").len(), 1);
    }
}
