//! A real Redis, started by each test for itself.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, interval};

use super::redis_server::RedisServer;
use super::settings::{Pace, RedisSettings, TimeBase};
use super::*;
use crate::env::clock::{Clock as _, Stopwatch, SystemClock};
use crate::ratelimit::breaker;
use crate::ratelimit::conformance::a_source_conforms;
use crate::ratelimit::gcra::{Limit, Verdict, decide};
use crate::ratelimit::marks::suite::{NOW_US, marks_conform, read};
use crate::ratelimit::memory::MemorySource;
use crate::ratelimit::spread::suite::{account, counts_conform, place};

mod faults;

/// Nothing is about time here: a busy machine is not a Redis that is away.
const PATIENT: Pace = Pace { call: Duration::from_secs(20), ..Pace::standard() };
const SECOND_US: i64 = 1_000_000;

fn redis_on(url: &str, time: TimeBase, pace: Pace) -> Redis {
    Redis::new(&RedisSettings { pace, ..RedisSettings::new(url, None, time).unwrap() })
}

fn patient(server: &RedisServer, time: TimeBase) -> Redis {
    redis_on(&server.url(), time, PATIENT)
}

fn charge(bucket: &str, limit: Limit) -> Charge {
    Charge { key: BucketKey::new("test", bucket.as_bytes()), limit, cost: 1 }
}

#[tokio::test]
async fn buckets_in_redis_do_what_all_buckets_do() {
    let server = RedisServer::start();
    a_source_conforms(&patient(&server, TimeBase::Callers)).await;
}

#[tokio::test]
async fn marks_in_redis_do_what_all_marks_do() {
    let server = RedisServer::start();
    marks_conform(&patient(&server, TimeBase::Callers)).await;
}

#[tokio::test]
async fn counts_in_redis_do_what_all_counts_do() {
    let server = RedisServer::start();
    counts_conform(&patient(&server, TimeBase::Callers)).await;
}

/// Times of a call and what it draws: (µs since the last call, [(bucket, cost)]).
fn calls() -> impl Strategy<Value = Vec<(i64, Vec<(usize, u32)>)>> {
    let gap_us = prop_oneof![Just(0), Just(1), 0..50_000_000_i64, 0..100_000_000_000_i64, -5_000_000..0_i64];
    let drawn = proptest::collection::vec((0..4_usize, prop_oneof![0..4_u32, 0..200_u32]), 0..5);
    proptest::collection::vec((gap_us, drawn), 1..40)
}

fn limits() -> impl Strategy<Value = [Limit; 4]> {
    let interval_us = prop_oneof![1..10_i64, 1..30_000_000_i64, Just(28_800_000_000), Just(333_334)];
    let limit = (prop_oneof![1..4_u32, 1..1_000_u32], interval_us)
        .prop_map(|(burst, interval_us)| Limit::new(burst, interval_us).unwrap());
    [limit.clone(), limit.clone(), limit.clone(), limit]
}

#[test]
fn redis_decides_to_the_microsecond_as_the_memory_does() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let redis = patient(&server, TimeBase::Callers);
    let case = std::cell::Cell::new(0_u32);
    proptest!(ProptestConfig::with_cases(150), |(limits in limits(), calls in calls())| {
        case.set(case.get() + 1);
        let memory = MemorySource::new(1_000);
        // A time of this age, as it really is: 16 digits.
        let mut now_us = 1_790_000_000_123_457;
        for (gap_us, drawn) in calls {
            now_us += gap_us;
            let charges: Vec<Charge> = drawn
                .iter()
                .map(|(bucket, cost)| Charge {
                    cost: *cost,
                    ..charge(&format!("{} {bucket}", case.get()), limits[*bucket])
                })
                .collect();
            let told = runtime.block_on(redis.take(now_us, &charges)).unwrap();
            prop_assert_eq!(told, memory.take_now(now_us, &charges));
        }
    });
}

#[tokio::test]
async fn the_widest_limits_are_exact_up_to_seventy_years_and_stricter_beyond() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Callers);
    for (at, (burst, interval_us)) in
        [(2_048, 1 << 40), (1, LONGEST_US), (u32::MAX, 100_000)].into_iter().enumerate()
    {
        let limit = Limit::new(burst, interval_us).unwrap();
        let mut tat_us = None;
        for cost in [1, burst / 2, burst / 2, burst, 0, burst.saturating_add(1)] {
            let charge = Charge { cost, ..charge(&format!("wide {at}"), limit) };
            let told = redis.take(NOW_US, &[charge]).await.unwrap();
            match decide(tat_us, NOW_US, &limit, cost) {
                Verdict::Allowed { new_tat_us } => {
                    tat_us = Some(new_tat_us);
                    assert_eq!(told, Taken::Allowed, "{limit:?} {cost}");
                }
                Verdict::Denied { retry_after_us } => {
                    assert_eq!(told, Taken::Denied { retry_after_us, at: 0 }, "{limit:?} {cost}");
                }
            }
        }
    }
    for (burst, interval_us) in [(1, i64::MAX), (u32::MAX, i64::MAX), (3, LONGEST_US)] {
        let charge = charge(&format!("absurd {burst}"), Limit::new(burst, interval_us).unwrap());
        for cost in [burst.saturating_add(1), u32::MAX] {
            let told = redis.take(i64::MAX, &[Charge { cost, ..charge }]).await.unwrap();
            assert!(cost == burst || matches!(told, Taken::Denied { .. }), "{charge:?} {cost}");
        }
        let (first, second) = (redis.take(0, &[charge]).await, redis.take(0, &[charge]).await);
        assert_eq!(first, if interval_us > LONGEST_US { second } else { Ok(Taken::Allowed) });
        assert!(matches!(second, Ok(Taken::Denied { .. })), "{charge:?}");
    }
}

#[tokio::test]
async fn a_thousand_calls_at_once_over_two_connections_get_exactly_the_burst() {
    let server = RedisServer::start();
    let redis = [patient(&server, TimeBase::Redis), patient(&server, TimeBase::Redis)];
    let charges = [charge("race", Limit::per_day(100, 100))];
    let calls = (0..1_000).map(|call| redis[call % 2].take(0, &charges));
    let answers = futures_util::future::join_all(calls).await;
    let allowed = answers.iter().filter(|answer| **answer == Ok(Taken::Allowed)).count();
    assert_eq!(allowed, 100);
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test]
async fn its_own_clock_counts_whatever_the_caller_says() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Redis);
    let charges = [charge("clock", Limit::per_day(1, 1))];
    assert_eq!(redis.take(0, &charges).await, Ok(Taken::Allowed));
    let later_us = SystemClock.now_us() + 30 * 86_400 * SECOND_US;
    let Ok(Taken::Denied { retry_after_us, .. }) = redis.take(later_us, &charges).await else {
        panic!("allowed")
    };
    assert!((86_000 * SECOND_US..=86_400 * SECOND_US).contains(&retry_after_us), "{retry_after_us}");
}

#[tokio::test]
async fn a_bucket_is_there_until_it_is_full_again_and_no_longer() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Redis);
    redis.take(0, &[charge("an hour", Limit::new(1, 3_600 * SECOND_US).unwrap())]).await.unwrap();
    let key = name("bucket", BucketKey::new("test", b"an hour").bytes());
    let left_ms: i64 = server.say(&format!("PTTL {key}")).trim_start_matches(':').parse().unwrap();
    assert!((3_500_000..=3_600_000).contains(&left_ms), "{left_ms}");
    redis.take(0, &[charge("short", Limit::new(1, 20_000).unwrap())]).await.unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let mut ticks = interval(Duration::from_millis(10));
    while server.say("DBSIZE") != ":1" {
        assert!(Instant::now() < until, "a spent bucket that nobody needs any more is still there");
        ticks.tick().await;
    }
}

#[tokio::test]
async fn names_in_redis_are_digests_in_one_slot() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Callers);
    redis.take(NOW_US, &[charge("somebody@example.jp", Limit::per_second(1, 1))]).await.unwrap();
    redis.claim(&read(0xab, 7, NOW_US), Terms { kept_us: SECOND_US, reads_per_key: 1 }).await.unwrap();
    redis.touch(1, account(1), &[place("192.0.2.1", 0)]).await.unwrap();
    for kind in ["bucket", "reads", "spread", "spread-told"] {
        let found = server.say(&format!("EVAL \"return #redis.call('KEYS', '{{saifu}}:{kind}:*')\" 0"));
        assert_eq!(found, ":1", "{kind}");
    }
    assert_eq!(server.say("EXISTS {saifu}:reads-since"), ":1");
    assert_eq!(server.say("DBSIZE"), ":5", "and nothing else");
    assert_eq!(name("bucket", &[0x0f, 0xa0]), "{saifu}:bucket:0fa0");
}
