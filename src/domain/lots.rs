//! The open lots of a prepaid balance: what was topped up when, and is not spent yet. Oldest first;
//! a payment's legs name the lots it took from, so that a refund can go back to them.

use super::codec::{Decoder, Encoder};
use super::id::LotId;
use super::record::{ColumnType, Corrupt, Field, Value};
use super::time::Timestamp;

/// As many lots are kept apart; past it the two oldest become one, with the later expiry.
const OPEN_LOTS: usize = 32;

/// Value of one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lot {
    /// Its name.
    pub lot_id: LotId,
    /// What is left of it, in minor units; above zero.
    pub remaining_minor: i64,
    /// When it lapses; never, so far.
    pub expires_at: Option<Timestamp>,
}

/// A part of a payment: how much of which lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leg {
    /// The lot it was taken from.
    pub lot_id: LotId,
    /// In minor units; above zero.
    pub amount_minor: i64,
}

/// An account's open lots, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lots(Vec<Lot>);

impl Lots {
    /// The sum of all lots: what is available and what is held.
    pub fn total_minor(&self) -> i64 {
        self.0.iter().map(|lot| lot.remaining_minor).sum()
    }

    /// Adds value that came in.
    pub fn add(&mut self, lot: Lot) {
        self.0.push(lot);
        self.merge_past_the_bound();
    }

    fn merge_past_the_bound(&mut self) {
        if self.0.len() > OPEN_LOTS {
            let oldest = self.0.remove(0);
            let next = &mut self.0[0];
            next.remaining_minor += oldest.remaining_minor;
            next.expires_at = match (oldest.expires_at, next.expires_at) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (None, _) | (_, None) => None,
            };
        }
    }

    /// Puts back what a payment took, into the lots it came from. A lot that was spent up meanwhile is
    /// the oldest again.
    pub fn give_back(&mut self, legs: &[Leg]) {
        for leg in legs.iter().rev() {
            if let Some(lot) = self.0.iter_mut().find(|lot| lot.lot_id == leg.lot_id) {
                lot.remaining_minor += leg.amount_minor;
            } else {
                let lot = Lot { lot_id: leg.lot_id, remaining_minor: leg.amount_minor, expires_at: None };
                self.0.insert(0, lot);
                self.merge_past_the_bound();
            }
        }
    }

    /// Takes `amount_minor` from the oldest lots; nothing, and no change, when there is less.
    pub fn take(&mut self, amount_minor: i64) -> Option<Vec<Leg>> {
        if self.total_minor() < amount_minor {
            return None;
        }
        let mut missing_minor = amount_minor;
        let mut legs = Vec::with_capacity(1);
        for lot in &mut self.0 {
            let taken_minor = missing_minor.min(lot.remaining_minor);
            if taken_minor == 0 {
                break;
            }
            lot.remaining_minor -= taken_minor;
            missing_minor -= taken_minor;
            legs.push(Leg { lot_id: lot.lot_id, amount_minor: taken_minor });
        }
        self.0.retain(|lot| lot.remaining_minor > 0);
        Some(legs)
    }
}

impl Field for Lots {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let blob = Encoder::new().list(&self.0, |encoder, lot| {
            encoder
                .fixed(&lot.lot_id.0)
                .int(lot.remaining_minor)
                .int(lot.expires_at.map_or(i64::MAX, |expiry| expiry.0))
        });
        Value::Bytes(blob.finish().into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::<u8>::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let lots = decoder.list(|decoder| {
            Ok(Lot {
                lot_id: LotId(decoder.fixed()?),
                remaining_minor: decoder.int()?,
                expires_at: Some(decoder.int()?).filter(|expiry| *expiry != i64::MAX).map(Timestamp),
            })
        })?;
        decoder.finish()?;
        Ok(Self(lots))
    }
}

/// A payment's legs as one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Legs(pub Vec<Leg>);

impl Field for Legs {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let write = |encoder: Encoder, leg: &Leg| encoder.fixed(&leg.lot_id.0).int(leg.amount_minor);
        Value::Bytes(Encoder::new().list(&self.0, write).finish().into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::<u8>::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let legs = decoder
            .list(|decoder| Ok(Leg { lot_id: LotId(decoder.fixed()?), amount_minor: decoder.int()? }))?;
        decoder.finish()?;
        Ok(Self(legs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(number: u8, remaining_minor: i64) -> Lot {
        Lot { lot_id: LotId([number; 16]), remaining_minor, expires_at: None }
    }

    #[test]
    fn the_oldest_value_is_spent_first_and_the_legs_say_so() {
        let mut lots = Lots(vec![lot(1, 300), lot(2, 500)]);
        let legs = lots.take(450).expect("800 are there");
        let parts: Vec<_> = legs.iter().map(|leg| (leg.lot_id.0[0], leg.amount_minor)).collect();
        assert_eq!(parts, [(1, 300), (2, 150)]);
        assert_eq!(lots, Lots(vec![lot(2, 350)]));
        assert_eq!(lots.take(351), None);
        assert_eq!(lots.total_minor(), 350);
    }

    #[test]
    fn what_is_given_back_is_in_its_lots_again() {
        let mut lots = Lots(vec![lot(1, 300), lot(2, 500)]);
        let before = lots.clone();
        let legs = lots.take(450).expect("800 are there");
        lots.give_back(&legs);
        assert_eq!(lots, before);
    }

    #[test]
    fn many_small_lots_stay_a_bounded_row_and_lose_nothing() {
        let mut lots = Lots::default();
        for number in 0..100 {
            lots.add(lot(number, 10));
        }
        assert_eq!(lots.0.len(), OPEN_LOTS);
        assert_eq!(lots.total_minor(), 1_000);
        assert_eq!(Lots::read(lots.value()), Ok(lots));
    }
}
