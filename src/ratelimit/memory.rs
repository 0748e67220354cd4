//! Buckets in the memory of one process: for a single server, and for the time that a shared source
//! is away.
//!
//! The number of buckets is bounded. When a part is full, buckets that have filled up again are
//! forgotten (an absent bucket is a full one); if none has, the call is denied. So whoever invents
//! origins can neither take all memory nor wash a spent bucket out of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ratelimit::gcra::{Verdict, decide};
use crate::ratelimit::source::{BucketKey, Charge, Source, TakeFuture, Taken};

const SHARDS: usize = 16;

/// What a call is told when there is no room for its bucket.
const FULL_RETRY_US: i64 = 1_000_000;

/// Keeps buckets in memory.
pub struct MemorySource {
    shards: [Mutex<Shard>; SHARDS],
    shard_buckets_max: usize,
}

struct Shard {
    tats_us: HashMap<BucketKey, i64>,
    // No bucket in here is full again before this time, so looking for one would be in vain.
    next_expiry_us: i64,
}

impl MemorySource {
    /// Keeps at most `max_buckets` buckets, rounded up to a multiple of 16. About 40 bytes each.
    pub fn new(max_buckets: usize) -> Self {
        let shard = || Mutex::new(Shard { tats_us: HashMap::new(), next_expiry_us: i64::MAX });
        Self {
            shards: std::array::from_fn(|_| shard()),
            shard_buckets_max: max_buckets.div_ceil(SHARDS).max(1),
        }
    }

    /// The same as [`Source::take`], at once.
    pub fn take_now(&self, now_us: i64, charges: &[Charge]) -> Taken {
        let mut held = self.lock(charges);
        // Arrival times to be kept if every charge passes, the last word on each bucket.
        let mut staged: HashMap<BucketKey, i64> = HashMap::with_capacity(charges.len());
        let mut longest_us = None;
        for charge in charges {
            let kept = || held.of(charge.key).tats_us.get(&charge.key);
            let tat_us = staged.get(&charge.key).or_else(kept).copied();
            match decide(tat_us, now_us, &charge.limit, charge.cost) {
                Verdict::Allowed { new_tat_us } => {
                    staged.insert(charge.key, new_tat_us);
                }
                Verdict::Denied { retry_after_us } => longest_us = longest_us.max(Some(retry_after_us)),
            }
        }
        if let Some(retry_after_us) = longest_us {
            return Taken::Denied { retry_after_us };
        }
        if !held.make_room(&staged, now_us, self.shard_buckets_max) {
            return Taken::Denied { retry_after_us: FULL_RETRY_US };
        }
        for (key, tat_us) in staged {
            held.of_mut(key).keep(key, tat_us);
        }
        Taken::Allowed
    }

    // In the order of the shards, whatever the order of the charges: two calls cannot wait for each
    // other.
    fn lock(&self, charges: &[Charge]) -> Held<'_> {
        let mut guards = [const { None }; SHARDS];
        let mut wanted = [false; SHARDS];
        for charge in charges {
            wanted[shard_of(charge.key)] = true;
        }
        for ((guard, shard), wanted) in guards.iter_mut().zip(&self.shards).zip(wanted) {
            // A panic cannot leave a bucket half written: each is one number.
            *guard = wanted.then(|| shard.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Held { guards }
    }
}

impl Source for MemorySource {
    fn take<'a>(&'a self, now_us: i64, charges: &'a [Charge]) -> TakeFuture<'a> {
        Box::pin(async move { Ok(self.take_now(now_us, charges)) })
    }
}

struct Held<'a> {
    guards: [Option<MutexGuard<'a, Shard>>; SHARDS],
}

impl Held<'_> {
    fn of(&self, key: BucketKey) -> &Shard {
        self.guards[shard_of(key)].as_ref().expect("the shards of all charges are locked")
    }

    fn of_mut(&mut self, key: BucketKey) -> &mut Shard {
        self.guards[shard_of(key)].as_mut().expect("the shards of all charges are locked")
    }

    fn make_room(&mut self, staged: &HashMap<BucketKey, i64>, now_us: i64, buckets_max: usize) -> bool {
        self.guards.iter_mut().enumerate().all(|(index, guard)| {
            guard.as_mut().is_none_or(|shard| {
                let keys: Vec<BucketKey> =
                    staged.keys().copied().filter(|key| shard_of(*key) == index).collect();
                shard.has_room(&keys, buckets_max) || {
                    shard.forget_full_buckets(now_us);
                    shard.has_room(&keys, buckets_max)
                }
            })
        })
    }
}

impl Shard {
    fn has_room(&self, keys: &[BucketKey], buckets_max: usize) -> bool {
        let new = keys.iter().filter(|key| !self.tats_us.contains_key(key)).count();
        new == 0 || self.tats_us.len() + new <= buckets_max
    }

    fn forget_full_buckets(&mut self, now_us: i64) {
        if now_us < self.next_expiry_us {
            return;
        }
        self.tats_us.retain(|_, tat_us| *tat_us > now_us);
        self.next_expiry_us = self.tats_us.values().copied().min().unwrap_or(i64::MAX);
    }

    fn keep(&mut self, key: BucketKey, tat_us: i64) {
        self.tats_us.insert(key, tat_us);
        self.next_expiry_us = self.next_expiry_us.min(tat_us);
    }
}

fn shard_of(key: BucketKey) -> usize {
    usize::from(key.bytes()[0]) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::conformance::a_source_conforms;
    use crate::ratelimit::gcra::Limit;

    const SECOND_US: i64 = 1_000_000;

    fn charge(bucket: u32, limit: Limit) -> Charge {
        Charge { key: BucketKey::new("test", &bucket.to_be_bytes()), limit, cost: 1 }
    }

    #[tokio::test]
    async fn it_does_what_every_source_does() {
        a_source_conforms(&MemorySource::new(10_000)).await;
    }

    #[test]
    fn threads_that_draw_in_opposite_orders_share_one_burst() {
        let source = MemorySource::new(10_000);
        let forward: Vec<Charge> = (0..32).map(|bucket| charge(bucket, Limit::per_day(1, 100))).collect();
        let backward: Vec<Charge> = forward.iter().rev().copied().collect();
        let allowed = std::thread::scope(|scope| {
            let threads: Vec<_> = [&forward, &backward, &forward, &backward]
                .map(|charges| {
                    let source = &source;
                    scope.spawn(move || {
                        (0..50).filter(|_| source.take_now(0, charges) == Taken::Allowed).count()
                    })
                })
                .into_iter()
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(allowed, 100);
    }

    #[test]
    fn when_it_is_full_new_buckets_are_denied_and_known_ones_go_on() {
        let source = MemorySource::new(SHARDS);
        let limit = Limit::per_second(1, 5);
        let (mut admitted, mut denied) = (Vec::new(), 0);
        for bucket in 0..1_000 {
            match source.take_now(0, &[charge(bucket, limit)]) {
                Taken::Allowed => admitted.push(bucket),
                Taken::Denied { retry_after_us } => {
                    assert_eq!(retry_after_us, FULL_RETRY_US);
                    denied += 1;
                }
            }
        }
        assert_eq!((admitted.len(), denied), (SHARDS, 1_000 - SHARDS));
        for bucket in admitted {
            assert_eq!(source.take_now(0, &[charge(bucket, limit)]), Taken::Allowed);
        }
    }

    #[test]
    fn a_full_source_forgets_buckets_once_they_are_full_again() {
        let source = MemorySource::new(1);
        let slow = Limit::per_second(1, 1);
        let same_shard: Vec<u32> =
            (0..).filter(|bucket| shard_of(charge(*bucket, slow).key) == 0).take(3).collect();
        let take = |now_us, bucket: usize| source.take_now(now_us, &[charge(same_shard[bucket], slow)]);
        assert_eq!(take(0, 0), Taken::Allowed);
        assert_eq!(take(SECOND_US - 1, 1), Taken::Denied { retry_after_us: FULL_RETRY_US });
        assert_eq!(take(SECOND_US, 1), Taken::Allowed);
        assert_eq!(take(SECOND_US, 0), Taken::Denied { retry_after_us: FULL_RETRY_US });
        assert_eq!(take(2 * SECOND_US, 2), Taken::Allowed);
    }

    #[test]
    fn a_call_that_finds_no_room_charges_none_of_its_buckets() {
        let source = MemorySource::new(SHARDS);
        let limit = Limit::per_day(1, 1);
        let in_shard = |shard| (0..1_000).map(|b| charge(b, limit)).filter(move |c| shard_of(c.key) == shard);
        let (here, there) = (in_shard(0).next().unwrap(), in_shard(1).next().unwrap());
        let other = in_shard(1).nth(1).unwrap();
        assert_eq!(source.take_now(0, &[there]), Taken::Allowed);
        assert_eq!(source.take_now(0, &[here, other]), Taken::Denied { retry_after_us: FULL_RETRY_US });
        assert_eq!(source.take_now(0, &[here]), Taken::Allowed);
    }
}
