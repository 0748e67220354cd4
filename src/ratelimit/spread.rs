//! From how many accounts somebody calls at one place: an origin that touches too many is no household
//! and no carrier's gateway, but somebody with a pile of stolen keys.
//!
//! Counted by the hour. A source may err by a few in a hundred.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::ratelimit::source::{BucketKey, SourceUnavailable};

/// A place to count at, and its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub key: BucketKey,
    /// As many accounts in an hour are usual.
    pub accounts_max: u32,
}

/// How many accounts a place has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A usual number.
    Within,
    /// More.
    Over {
        /// Whether this answer is the first of the hour to say so.
        first: bool,
    },
}

/// The answer of a source of counts, to be awaited: one for each place.
pub type TouchFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Seen>, SourceUnavailable>> + Send + 'a>>;

/// Counts accounts by place and hour.
pub trait Spread: Send + Sync {
    /// Counts an account at these places; `hour` since the epoch.
    fn touch<'a>(&'a self, hour: i64, account: BucketKey, places: &'a [Place]) -> TouchFuture<'a>;
}

/// Counts in the memory of one process: exact, up to a bound on all of them together. Past that bound
/// accounts are no longer counted until the hour is over: the alarm goes blind then, the limits don't.
pub struct MemorySpread {
    accounts_max: usize,
    present: Mutex<Hour>,
}

#[derive(Default)]
struct Hour {
    number: i64,
    places: HashMap<BucketKey, HashSet<u64>>,
    told: HashSet<BucketKey>,
    accounts: usize,
}

impl MemorySpread {
    /// Counts at most so many accounts an hour, over all places. About 30 bytes each.
    pub fn new(accounts_max: usize) -> Self {
        Self { accounts_max, present: Mutex::new(Hour::default()) }
    }

    /// The same as [`Spread::touch`], at once; and whether the account was new at any of the places.
    pub fn touch_now(&self, hour: i64, account: BucketKey, places: &[Place]) -> (Vec<Seen>, bool) {
        let mut now = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that is set back a little does not begin an hour anew.
        if hour > now.number {
            *now = Hour { number: hour, ..Hour::default() };
        }
        let mut is_new = false;
        let seen =
            places.iter().map(|place| now.touch(place, account, self.accounts_max, &mut is_new)).collect();
        (seen, is_new)
    }
}

impl Spread for MemorySpread {
    fn touch<'a>(&'a self, hour: i64, account: BucketKey, places: &'a [Place]) -> TouchFuture<'a> {
        Box::pin(async move { Ok(self.touch_now(hour, account, places).0) })
    }
}

impl Hour {
    fn touch(&mut self, place: &Place, account: BucketKey, accounts_max: usize, is_new: &mut bool) -> Seen {
        let most = usize::try_from(place.accounts_max).unwrap_or(usize::MAX);
        let known = self.places.get(&place.key);
        let seen = known.map_or(0, HashSet::len);
        let mark = first_half(account);
        if seen <= most && !known.is_some_and(|accounts| accounts.contains(&mark)) {
            *is_new = true;
            if self.accounts < accounts_max {
                self.places.entry(place.key).or_default().insert(mark);
                self.accounts += 1;
            }
        }
        if self.places.get(&place.key).is_none_or(|accounts| accounts.len() <= most) {
            return Seen::Within;
        }
        Seen::Over { first: self.told.insert(place.key) }
    }
}

fn first_half(key: BucketKey) -> u64 {
    u64::from_be_bytes(*key.bytes().first_chunk().expect("16 bytes have 8"))
}

#[cfg(test)]
pub(crate) mod suite {
    //! What every source of counts must do. Where it may err, there is room to.

    use super::*;

    pub(crate) fn account(number: u32) -> BucketKey {
        BucketKey::new("account", &number.to_be_bytes())
    }

    pub(crate) fn place(name: &str, accounts_max: u32) -> Place {
        Place { key: BucketKey::new("place", name.as_bytes()), accounts_max }
    }

    async fn touch(spread: &dyn Spread, hour: i64, number: u32, places: &[Place]) -> Vec<Seen> {
        spread.touch(hour, account(number), places).await.expect("the counts under test are there")
    }

    /// Runs all of it.
    pub(crate) async fn counts_conform(spread: &dyn Spread) {
        accounts_are_counted_once_each_and_too_many_are_told_once(spread).await;
        each_place_has_its_own_count_and_bound(spread).await;
        an_hour_begins_anew(spread).await;
    }

    async fn accounts_are_counted_once_each_and_too_many_are_told_once(spread: &dyn Spread) {
        let places = [place("once", 1_000)];
        for number in (0..900).chain(0..900) {
            assert_eq!(touch(spread, 1, number, &places).await, [Seen::Within], "{number}");
        }
        let mut told = Vec::new();
        for number in 900..1_200 {
            if touch(spread, 1, number, &places).await == [Seen::Over { first: true }] {
                told.push(number);
            }
        }
        assert!(told.len() == 1 && (950..1_050).contains(&told[0]), "{told:?}");
        assert_eq!(touch(spread, 1, 0, &places).await, [Seen::Over { first: false }]);
    }

    async fn each_place_has_its_own_count_and_bound(spread: &dyn Spread) {
        let (narrow, wide) = (place("narrow", 2), place("wide", 100));
        assert_eq!(touch(spread, 2, 0, &[narrow, wide]).await, [Seen::Within; 2]);
        assert_eq!(touch(spread, 2, 1, &[narrow]).await, [Seen::Within]);
        let over = Seen::Over { first: true };
        assert_eq!(touch(spread, 2, 2, &[wide, narrow]).await, [Seen::Within, over]);
        assert_eq!(touch(spread, 2, 2, &[place("another", 2)]).await, [Seen::Within]);
    }

    async fn an_hour_begins_anew(spread: &dyn Spread) {
        let places = [place("hourly", 1)];
        for hour in [3, 4] {
            assert_eq!(touch(spread, hour, 0, &places).await, [Seen::Within]);
            assert_eq!(touch(spread, hour, 1, &places).await, [Seen::Over { first: true }]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::suite::{account, counts_conform, place};
    use super::*;

    #[tokio::test]
    async fn counts_in_memory_do_what_all_counts_do() {
        counts_conform(&MemorySpread::new(100_000)).await;
    }

    #[test]
    fn past_its_bound_nothing_is_counted_until_the_hour_is_over() {
        let spread = MemorySpread::new(3);
        let places = [place("small", 3)];
        for number in 0..1_000 {
            assert_eq!(spread.touch_now(1, account(number), &places), (vec![Seen::Within], true));
        }
        assert_eq!(spread.present.lock().unwrap().accounts, 3);
        assert_eq!(spread.touch_now(1, account(0), &places), (vec![Seen::Within], false));
        assert_eq!(spread.touch_now(2, account(0), &places), (vec![Seen::Within], true));
        assert_eq!(spread.touch_now(1, account(0), &places), (vec![Seen::Within], false), "set back");
    }

    #[test]
    fn a_place_that_has_too_many_takes_no_more_memory() {
        let spread = MemorySpread::new(100);
        for number in 0..50 {
            spread.touch_now(1, account(number), &[place("crowded", 5)]);
        }
        assert_eq!(spread.present.lock().unwrap().accounts, 6);
    }
}
