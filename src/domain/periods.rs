//! How much was moved in the last 24 hours and 30 days, in buckets that fit into the account's row.
//!
//! 25 hourly and 31 daily buckets: the partly covered oldest one counts whole, so a sum is never
//! too low. Sums are account-wide; which device moved the money makes no difference.

use super::codec::{Decoder, Encoder};
use super::record::{ColumnType, Corrupt, Field, Value};
use super::time::Timestamp;

const HOURS_KEPT: i64 = 25;
const DAYS_KEPT: i64 = 31;

/// What fell into one hour or one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Bucket {
    index: i64,
    amount_minor: i64,
    count: i64,
}

/// A sum of amounts and of movements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moved {
    /// In minor units.
    pub amount_minor: i64,
    /// How many movements.
    pub count: i64,
}

/// Movements of one kind, by hour and by day. Buckets without movements are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Periods {
    hours: Vec<Bucket>,
    days: Vec<Bucket>,
}

impl Periods {
    /// In the last 24 hours.
    pub fn last_day(&self, now: Timestamp) -> Moved {
        sum(&self.hours, now.hour() - HOURS_KEPT)
    }

    /// In the last 30 days.
    pub fn last_month(&self, now: Timestamp) -> Moved {
        sum(&self.days, now.day() - DAYS_KEPT)
    }

    /// Counts a movement at `now`.
    pub fn add(&mut self, now: Timestamp, amount_minor: i64) {
        add(&mut self.hours, now.hour(), HOURS_KEPT, amount_minor, 1);
        add(&mut self.days, now.day(), DAYS_KEPT, amount_minor, 1);
    }

    /// Gives the amount of a movement of `then` back, which is over without having moved anything.
    /// That it was tried stays counted: a stolen card cannot be tried without end.
    pub fn give_back(&mut self, then: Timestamp, amount_minor: i64) {
        for (buckets, index) in [(&mut self.hours, then.hour()), (&mut self.days, then.day())] {
            if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.index == index) {
                bucket.amount_minor -= amount_minor;
            }
        }
    }
}

impl Periods {
    /// Whether the same was moved, each movement in the same bucket or in the next one to it: servers' clocks
    /// are not quite one.
    pub fn is_like(&self, other: &Self) -> bool {
        are_like(&self.hours, &other.hours, HOURS_KEPT) && are_like(&self.days, &other.days, DAYS_KEPT)
    }
}

/// What the later of the two has forgotten, the earlier may still have. So the oldest bucket that is kept may
/// be in one of them alone: in the other its movements fell into the one before it.
fn are_like(one: &[Bucket], other: &[Bucket], kept: i64) -> bool {
    let newest = one.iter().chain(other).map(|bucket| bucket.index).max().unwrap_or(0);
    let edge = newest - kept + 1;
    // That no more is in the one than in the other, and no more in that than in this, makes them equal.
    let within = |a: &[Bucket], b: &[Bucket]| {
        a.iter().filter(|bucket| bucket.index > edge).all(|bucket| {
            let (least, most) = (sum(a, bucket.index - 1), sum(b, bucket.index - 2));
            least.amount_minor <= most.amount_minor && least.count <= most.count
        })
    };
    within(one, other) && within(other, one)
}

fn sum(buckets: &[Bucket], over: i64) -> Moved {
    buckets.iter().filter(|bucket| bucket.index > over).fold(Moved::default(), |sum, bucket| Moved {
        amount_minor: sum.amount_minor.saturating_add(bucket.amount_minor),
        count: sum.count.saturating_add(bucket.count),
    })
}

fn add(buckets: &mut Vec<Bucket>, index: i64, kept: i64, amount_minor: i64, count: i64) {
    buckets.retain(|bucket| bucket.index > index - kept);
    if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.index == index) {
        bucket.amount_minor = bucket.amount_minor.saturating_add(amount_minor);
        bucket.count += count;
    } else {
        buckets.push(Bucket { index, amount_minor, count });
    }
}

impl Field for Periods {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let write = |encoder: Encoder, bucket: &Bucket| {
            encoder.int(bucket.index).int(bucket.amount_minor).int(bucket.count)
        };
        Value::Bytes(Encoder::new().list(&self.hours, write).list(&self.days, write).finish().into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::<u8>::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let read = |decoder: &mut Decoder<'_>| {
            Ok(Bucket { index: decoder.int()?, amount_minor: decoder.int()?, count: decoder.int()? })
        };
        let periods = Self { hours: decoder.list(read)?, days: decoder.list(read)? };
        decoder.finish()?;
        Ok(periods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{DAY_US, HOUR_US};

    #[test]
    fn the_partly_covered_oldest_hour_counts_whole_and_then_not_at_all() {
        let start = Timestamp(HOUR_US * 1_000 + HOUR_US - 1);
        let mut periods = Periods::default();
        periods.add(start, 700);
        for (hours, expected) in [(0, 700), (24, 700), (25, 0)] {
            assert_eq!(periods.last_day(start.plus_us(hours * HOUR_US)).amount_minor, expected, "{hours} h");
        }
    }

    #[test]
    fn movements_a_bucket_apart_are_alike_and_no_others() {
        let at = |hour: i64| Timestamp(HOUR_US * hour);
        let of = |moved: &[(i64, i64)]| {
            let mut periods = Periods::default();
            for (hour, amount_minor) in moved {
                periods.add(at(*hour), *amount_minor);
            }
            periods
        };
        let one = of(&[(100, 5), (101, 7)]);
        for (other, is_like) in [
            (of(&[(100, 5), (101, 7)]), true),
            (of(&[(100, 5), (102, 7)]), true),
            (of(&[(100, 5), (100, 7)]), true),
            (of(&[(100, 5), (103, 7)]), false),
            (of(&[(98, 5), (101, 7)]), false),
            (of(&[(100, 5), (101, 6)]), false),
            (of(&[(100, 5), (101, 3), (101, 4)]), false),
            (Periods::default(), false),
        ] {
            assert_eq!((one.is_like(&other), other.is_like(&one)), (is_like, is_like), "{other:?}");
        }
    }

    #[test]
    fn what_only_one_of_two_has_forgotten_makes_no_difference() {
        let at = |hour: i64| Timestamp(HOUR_US * hour);
        let of = |moved: &[(i64, i64)]| {
            let mut periods = Periods::default();
            for (hour, amount_minor) in moved {
                periods.add(at(*hour), *amount_minor);
            }
            periods.days.clear();
            periods
        };
        for (one, other, is_like) in [
            // 25 hours later the first is forgotten, and a little before it is not.
            (&[(100, 5), (125, 7)][..], &[(100, 5), (124, 7)][..], true),
            // It fell into the hour before, and was forgotten there.
            (&[(100, 5), (125, 7)], &[(101, 5), (125, 7)], true),
            (&[(100, 5), (125, 7)], &[(101, 5), (125, 6)], false),
            (&[(125, 7)], &[(102, 5), (125, 7)], false),
            (&[(102, 4), (125, 7)], &[(102, 5), (125, 7)], false),
            (&[(101, 5), (125, 7)], &[(102, 5), (125, 7)], true),
            (&[(100, 5), (125, 7)], &[(100, 5), (123, 7)], false),
        ] {
            let (one, other) = (of(one), of(other));
            assert_eq!((one.is_like(&other), other.is_like(&one)), (is_like, is_like), "{one:?} {other:?}");
        }
    }

    #[test]
    fn thirty_days_are_counted_in_days() {
        let start = Timestamp(DAY_US * 100);
        let mut periods = Periods::default();
        periods.add(start, 5);
        periods.add(start.plus_us(DAY_US), 6);
        for (days, expected) in [(1, 11), (30, 11), (31, 6), (32, 0)] {
            assert_eq!(periods.last_month(start.plus_us(days * DAY_US)).amount_minor, expected, "{days} d");
        }
    }

    #[test]
    fn what_is_given_back_is_free_again_and_storage_keeps_all() {
        let now = Timestamp(DAY_US * 7);
        let mut periods = Periods::default();
        periods.add(now, 40);
        periods.add(now, 2);
        periods.give_back(now, 40);
        assert_eq!(periods.last_day(now), Moved { amount_minor: 2, count: 2 });
        assert_eq!(Periods::read(periods.value()), Ok(periods));
    }
}
