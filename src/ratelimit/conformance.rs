//! What every source of buckets must do, whatever it keeps them in. A source's tests run this on a
//! fresh one.

use crate::ratelimit::gcra::Limit;
use crate::ratelimit::source::{BucketKey, Charge, Source, Taken};

const NOW_US: i64 = 1_800_000_000_000_000;
const SECOND_US: i64 = 1_000_000;
// Two at once, one a second.
const NARROW: Limit = Limit::per_second(1, 2);
const WIDE: Limit = Limit::per_second(1, 100);

fn charge(bucket: &str, limit: Limit, cost: u32) -> Charge {
    Charge { key: BucketKey::new("conformance", bucket.as_bytes()), limit, cost }
}

async fn take(source: &dyn Source, now_us: i64, charges: &[Charge]) -> Taken {
    source.take(now_us, charges).await.expect("the source under test is there")
}

fn denied_for(seconds: i64, at: usize) -> Taken {
    Taken::Denied { retry_after_us: seconds * SECOND_US, at }
}

/// Runs all of it. The source must take its time from the caller.
pub(crate) async fn a_source_conforms(source: &dyn Source) {
    a_burst_passes_and_time_earns_it_back(source).await;
    one_empty_bucket_spares_the_others(source).await;
    the_longest_wait_is_told(source).await;
    a_bucket_named_twice_pays_twice(source).await;
    nothing_charged_is_allowed(source).await;
    concurrent_calls_share_one_burst(source).await;
}

async fn a_burst_passes_and_time_earns_it_back(source: &dyn Source) {
    let charges = [charge("burst", NARROW, 1)];
    assert_eq!(take(source, NOW_US, &charges).await, Taken::Allowed);
    assert_eq!(take(source, NOW_US, &charges).await, Taken::Allowed);
    assert_eq!(take(source, NOW_US, &charges).await, denied_for(1, 0));
    assert_eq!(take(source, NOW_US, &[charge("another", NARROW, 1)]).await, Taken::Allowed);
    assert_eq!(
        take(source, NOW_US + SECOND_US - 1, &charges).await,
        Taken::Denied { retry_after_us: 1, at: 0 }
    );
    assert_eq!(take(source, NOW_US + SECOND_US, &charges).await, Taken::Allowed);
    assert_eq!(take(source, NOW_US + SECOND_US, &charges).await, denied_for(1, 0));
}

async fn one_empty_bucket_spares_the_others(source: &dyn Source) {
    let empty = charge("spare: empty", NARROW, 2);
    let full = charge("spare: full", NARROW, 2);
    assert_eq!(take(source, NOW_US, &[empty]).await, Taken::Allowed);
    assert_eq!(take(source, NOW_US, &[full, empty]).await, denied_for(2, 1));
    assert_eq!(take(source, NOW_US, &[empty, full]).await, denied_for(2, 0));
    assert_eq!(
        take(source, NOW_US, &[full]).await,
        Taken::Allowed,
        "it was not charged by the refused calls"
    );
}

async fn the_longest_wait_is_told(source: &dyn Source) {
    let (short, long) = (charge("wait: short", NARROW, 1), charge("wait: long", NARROW, 2));
    for spent in [short, short, long] {
        assert_eq!(take(source, NOW_US, &[spent]).await, Taken::Allowed);
    }
    assert_eq!(take(source, NOW_US, &[short, long]).await, denied_for(2, 1));
    assert_eq!(take(source, NOW_US, &[long, short]).await, denied_for(2, 0));
}

async fn a_bucket_named_twice_pays_twice(source: &dyn Source) {
    let one = charge("twice", NARROW, 1);
    assert_eq!(take(source, NOW_US, &[one, one, one]).await, denied_for(1, 2));
    assert_eq!(take(source, NOW_US, &[one, one]).await, Taken::Allowed);
    assert_eq!(take(source, NOW_US, &[one]).await, denied_for(1, 0));
}

async fn nothing_charged_is_allowed(source: &dyn Source) {
    assert_eq!(take(source, NOW_US, &[]).await, Taken::Allowed);
}

async fn concurrent_calls_share_one_burst(source: &dyn Source) {
    // Opposite orders: a source that locks bucket by bucket would deadlock or let both through.
    let forward: Vec<Charge> = (0..8).map(|i| charge(&format!("shared {i}"), WIDE, 1)).collect();
    let backward: Vec<Charge> = forward.iter().rev().copied().collect();
    let calls = (0..150).map(|i| source.take(NOW_US, if i % 2 == 0 { &forward } else { &backward }));
    let answers = futures_util::future::join_all(calls).await;
    let allowed = answers.iter().filter(|answer| **answer == Ok(Taken::Allowed)).count();
    assert_eq!(allowed, 100);
}
