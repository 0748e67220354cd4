//! Fees: a share of what a payment brings its merchant, in basis points.
//!
//! The fee of a payment follows from what was captured of it less what was given back, rounded down to a
//! minor unit. A line of it bears what it changes of that: so its lines sum up to its fee exactly, in
//! however many parts it was captured, and what is given back whole costs nothing.

use super::record::{ColumnType, Corrupt, Field, Value};

/// A share, in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(i64);

impl BasisPoints {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The most that a merchant is charged: 30 %.
    pub const MAX: i64 = 3_000;

    /// At most [`BasisPoints::MAX`]; nothing otherwise.
    pub fn new(basis_points: i64) -> Option<Self> {
        (0..=Self::MAX).contains(&basis_points).then_some(Self(basis_points))
    }

    /// As a number.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The fee of a payment that brought so much, both in minor units.
    pub fn of_payment(self, net_minor: i64) -> i64 {
        let share = i128::from(net_minor) * i128::from(self.0) / 10_000;
        i64::try_from(share).unwrap_or(i64::MAX)
    }

    /// The fee of a line that takes its payment from one net sum to another: less than nothing where it gives
    /// back.
    pub fn of_line(self, before_minor: i64, after_minor: i64) -> i64 {
        self.of_payment(after_minor) - self.of_payment(before_minor)
    }
}

impl Field for BasisPoints {
    const COLUMN: ColumnType = ColumnType::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(self.0)
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        Self::new(i64::read(value)?).ok_or(Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(basis_points: i64) -> BasisPoints {
        BasisPoints::new(basis_points).expect("a share")
    }

    #[test]
    fn a_share_is_between_nothing_and_its_most() {
        for (number, is_one) in [(-1, false), (0, true), (3_000, true), (3_001, false)] {
            assert_eq!(BasisPoints::new(number).is_some(), is_one, "{number}");
        }
    }

    #[test]
    fn a_fee_is_rounded_down() {
        for (net_minor, basis_points, fee_minor) in
            [(0, 198, 0), (50, 198, 0), (51, 198, 1), (1_000, 198, 19), (10_000, 198, 198), (999, 0, 0)]
        {
            assert_eq!(share(basis_points).of_payment(net_minor), fee_minor, "{net_minor} at {basis_points}");
        }
    }

    proptest! {
        /// The rule: the sum of parts equals the whole, whatever the parts.
        #[test]
        fn the_fees_of_the_parts_are_the_fee_of_the_whole(
            parts in prop::collection::vec(-5_000_i64..10_000, 1..40),
            basis_points in 0..=BasisPoints::MAX,
        ) {
            let (share, mut net_minor, mut fees_minor) = (share(basis_points), 0, 0);
            for part in parts {
                // Never more is given back than was captured.
                let after = (net_minor + part).max(0);
                fees_minor += share.of_line(net_minor, after);
                net_minor = after;
            }
            prop_assert_eq!(fees_minor, share.of_payment(net_minor));
        }
    }
}
