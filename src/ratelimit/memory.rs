//! Buckets in the memory of one process: for a single server, and for the time that a shared source
//! is away.
//!
//! The number of buckets is bounded. When a part is full, buckets that have filled up again are
//! forgotten (an absent bucket is a full one); if none has, the one that was drawn on least recently is,
//! those that nobody vouched for first. So whoever invents names neither takes all memory nor keeps anybody
//! out; what he can wash out is what others like him spent, and he had a full bucket for each name anyway.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ratelimit::gcra::{Verdict, decide};
use crate::ratelimit::source::{BucketKey, Charge, Source, TakeFuture, Taken};

const SHARDS: usize = 16;

/// Keeps buckets in memory.
pub struct MemorySource {
    shards: [Mutex<Shard>; SHARDS],
    shard_buckets_max: usize,
}

/// When a bucket was drawn on, in the order of its shard; those that were vouched for come last.
type Turn = (bool, u64);

#[derive(Clone, Copy)]
struct Bucket {
    tat_us: i64,
    turn: Turn,
}

#[derive(Default)]
struct Shard {
    buckets: HashMap<BucketKey, Bucket>,
    turns: BTreeMap<Turn, BucketKey>,
    turn: u64,
    // No bucket in here is full again before this time, so looking for one would be in vain.
    next_expiry_us: Option<i64>,
}

impl MemorySource {
    /// Keeps at most `max_buckets` buckets, rounded up to a multiple of 16. About 120 bytes each.
    pub fn new(max_buckets: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            shard_buckets_max: max_buckets.div_ceil(SHARDS).max(1),
        }
    }

    /// The same as [`Source::take`], at once.
    pub fn take_now(&self, now_us: i64, charges: &[Charge]) -> Taken {
        Self::take_of(now_us, &[(self, charges)])
    }

    /// The same over several sources: all draw, or none does. Each is named once, and whoever names the same
    /// ones names them in the same order: two calls cannot wait for each other.
    pub fn take_of(now_us: i64, parts: &[(&Self, &[Charge])]) -> Taken {
        let drafts: Vec<_> = parts.iter().map(|(source, charges)| source.draft(now_us, charges)).collect();
        let waits = drafts.iter().flat_map(|draft| &draft.waits_us);
        let mut longest = None;
        for (at, wait_us) in waits.enumerate() {
            if *wait_us > longest.map(|(longest_us, _)| longest_us) {
                longest = wait_us.map(|wait_us| (wait_us, at));
            }
        }
        if let Some((retry_after_us, at)) = longest {
            return Taken::Denied { retry_after_us, at };
        }
        for draft in drafts {
            draft.keep(now_us);
        }
        Taken::Allowed
    }

    fn draft(&self, now_us: i64, charges: &[Charge]) -> Draft<'_> {
        let mut held = self.lock(charges.iter().map(|charge| charge.key));
        let mut staged: HashMap<BucketKey, i64> = HashMap::with_capacity(charges.len());
        let mut waits_us = Vec::with_capacity(charges.len());
        for charge in charges {
            let kept = || held.of_mut(charge.key).buckets.get(&charge.key).map(|bucket| bucket.tat_us);
            let tat_us = staged.get(&charge.key).copied().or_else(kept);
            waits_us.push(match decide(tat_us, now_us, &charge.limit, charge.cost) {
                Verdict::Allowed { new_tat_us } => {
                    staged.insert(charge.key, new_tat_us);
                    None
                }
                Verdict::Denied { retry_after_us } => Some(retry_after_us),
            });
        }
        Draft { held, staged, waits_us, shard_buckets_max: self.shard_buckets_max }
    }

    /// Somebody proved something who draws on these: they are forgotten after all others. A bucket that is
    /// not there needs no keeping.
    pub fn vouch(&self, keys: &[BucketKey]) {
        let mut held = self.lock(keys.iter().copied());
        for key in keys {
            held.of_mut(*key).vouch(*key);
        }
    }

    // In the order of the shards, whatever the order of the keys: two calls cannot wait for each other.
    fn lock(&self, keys: impl Iterator<Item = BucketKey>) -> Held<'_> {
        let mut guards = [const { None }; SHARDS];
        let mut wanted = [false; SHARDS];
        for key in keys {
            wanted[shard_of(key)] = true;
        }
        for ((guard, shard), wanted) in guards.iter_mut().zip(&self.shards).zip(wanted) {
            // A panic between the map and its order leaves a bucket that is forgotten late, or a turn of
            // none: neither is relied on.
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

/// What one source would do of a call.
struct Draft<'a> {
    held: Held<'a>,
    /// Arrival times to be kept if every charge passes, the last word on each bucket.
    staged: HashMap<BucketKey, i64>,
    /// Of each charge, how long until it would pass; nothing for one that does.
    waits_us: Vec<Option<i64>>,
    shard_buckets_max: usize,
}

impl Draft<'_> {
    fn keep(mut self, now_us: i64) {
        for (key, tat_us) in self.staged {
            self.held.of_mut(key).keep(key, tat_us, now_us, self.shard_buckets_max);
        }
    }
}

struct Held<'a> {
    guards: [Option<MutexGuard<'a, Shard>>; SHARDS],
}

impl Held<'_> {
    fn of_mut(&mut self, key: BucketKey) -> &mut Shard {
        self.guards[shard_of(key)].as_mut().expect("the shards of all keys are locked")
    }
}

impl Shard {
    fn keep(&mut self, key: BucketKey, tat_us: i64, now_us: i64, buckets_max: usize) {
        let known = self.buckets.get(&key).map(|bucket| bucket.turn);
        if let Some(turn) = known {
            self.turns.remove(&turn);
        } else {
            self.make_room(now_us, buckets_max);
        }
        let is_vouched = known.is_some_and(|(is_vouched, _)| is_vouched);
        self.put(key, tat_us, is_vouched);
        self.next_expiry_us = Some(self.next_expiry_us.map_or(tat_us, |us| us.min(tat_us)));
    }

    fn put(&mut self, key: BucketKey, tat_us: i64, is_vouched: bool) {
        self.turn += 1;
        let turn = (is_vouched, self.turn);
        self.buckets.insert(key, Bucket { tat_us, turn });
        self.turns.insert(turn, key);
    }

    fn vouch(&mut self, key: BucketKey) {
        if let Some(bucket) = self.buckets.get(&key).copied()
            && !bucket.turn.0
        {
            self.turns.remove(&bucket.turn);
            self.put(key, bucket.tat_us, true);
        }
    }

    fn make_room(&mut self, now_us: i64, buckets_max: usize) {
        if self.buckets.len() >= buckets_max {
            self.forget_full_buckets(now_us);
        }
        while self.buckets.len() >= buckets_max {
            let Some((_, oldest)) = self.turns.pop_first() else { break };
            self.buckets.remove(&oldest);
        }
    }

    fn forget_full_buckets(&mut self, now_us: i64) {
        if self.next_expiry_us.is_some_and(|us| now_us < us) {
            return;
        }
        let Self { buckets, turns, .. } = self;
        buckets.retain(|_, bucket| {
            let is_spent = bucket.tat_us > now_us;
            if !is_spent {
                turns.remove(&bucket.turn);
            }
            is_spent
        });
        self.next_expiry_us = self.buckets.values().map(|bucket| bucket.tat_us).min();
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
    fn several_sources_draw_together_or_not_at_all() {
        let sources = [MemorySource::new(16), MemorySource::new(16)];
        let [one, two, spent] = [1, 2, 3].map(|bucket| charge(bucket, Limit::per_day(1, 1)));
        assert_eq!(sources[1].take_now(0, &[spent]), Taken::Allowed);
        let denied = MemorySource::take_of(0, &[(&sources[0], &[one]), (&sources[1], &[two, spent])]);
        assert_eq!(denied, Taken::Denied { retry_after_us: 86_400 * SECOND_US, at: 2 });
        let drawn = MemorySource::take_of(0, &[(&sources[0], &[one]), (&sources[1], &[two])]);
        assert_eq!(drawn, Taken::Allowed, "neither was drawn on by the refused call");
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

    /// Buckets of one shard, without a burst: each is spent by its first charge.
    fn of_one_shard(count: usize) -> Vec<Charge> {
        let charges = (0..).map(|bucket| charge(bucket, Limit::per_day(1, 1)));
        charges.filter(|charge| shard_of(charge.key) == 0).take(count).collect()
    }

    fn is_spent(source: &MemorySource, charge: &Charge) -> bool {
        source.shards[0].lock().unwrap().buckets.contains_key(&charge.key)
    }

    #[test]
    fn a_million_names_keep_nobody_out_and_take_no_more_memory() {
        let source = MemorySource::new(1_600);
        for bucket in 0..1_000_000 {
            assert_eq!(source.take_now(0, &[charge(bucket, Limit::per_day(1, 1))]), Taken::Allowed);
        }
        let kept: Vec<_> = source.shards.iter().map(|shard| shard.lock().unwrap().buckets.len()).collect();
        let turns: Vec<_> = source.shards.iter().map(|shard| shard.lock().unwrap().turns.len()).collect();
        assert_eq!((kept, turns), (vec![100; SHARDS], vec![100; SHARDS]));
    }

    #[test]
    fn the_least_recent_is_forgotten_and_whoever_was_vouched_for_last() {
        let source = MemorySource::new(3 * SHARDS);
        let buckets = of_one_shard(8);
        let take = |bucket: usize| source.take_now(0, &[buckets[bucket]]);
        for bucket in 0..3 {
            assert_eq!(take(bucket), Taken::Allowed);
        }
        source.vouch(&[buckets[0].key, buckets[7].key]);
        assert_eq!(take(3), Taken::Allowed);
        let spent = |bucket: usize| is_spent(&source, &buckets[bucket]);
        assert_eq!(
            [0, 1, 2, 3].map(spent),
            [true, false, true, true],
            "1 was the least recent of the others"
        );
        for bucket in 4..7 {
            assert_eq!(take(bucket), Taken::Allowed);
        }
        assert!(spent(0), "three more came, and it is kept");
        assert!(matches!(take(0), Taken::Denied { .. }), "spent as it is");
        // Vouched for all of them, the least recent goes.
        source.vouch(&[buckets[5].key, buckets[6].key]);
        assert_eq!(take(7), Taken::Allowed);
        assert_eq!([0, 5, 6, 7].map(spent), [false, true, true, true]);
    }

    #[test]
    fn a_full_source_forgets_first_what_is_full_again() {
        let source = MemorySource::new(2 * SHARDS);
        let buckets = of_one_shard(3);
        let quick = Charge { limit: Limit::per_second(1, 1), ..buckets[1] };
        assert_eq!(source.take_now(0, &[buckets[0]]), Taken::Allowed);
        assert_eq!(source.take_now(0, &[quick]), Taken::Allowed);
        assert_eq!(source.take_now(SECOND_US, &[buckets[2]]), Taken::Allowed);
        assert!(is_spent(&source, &buckets[0]), "the older one, which is not full yet");
        assert!(!is_spent(&source, &quick));
    }
}
