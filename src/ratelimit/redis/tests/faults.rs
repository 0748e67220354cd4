//! Redis flushed, stopped, frozen, restarted, full, and with as few rights as the documentation gives it.

use super::*;

/// Little patience, but more than a busy machine needs for an answer.
const PACE: Pace = Pace {
    call: Duration::from_millis(300),
    connect: Duration::from_secs(5),
    breaker: breaker::Terms { failures: 3, pause_us: 200_000 },
};
const DAILY: Limit = Limit::per_day(2, 2);

fn hasty(server: &RedisServer) -> Redis {
    redis_on(&server.url(), TimeBase::Redis, PACE)
}

async fn ask(redis: &Redis) -> Result<Taken, SourceUnavailable> {
    redis.take(0, &[charge("fault", Limit::per_second(1_000, 1_000_000))]).await
}

/// Waits until it answers again, as it must by itself.
async fn healed(redis: &Redis) {
    let until = Instant::now() + Duration::from_secs(30);
    let mut ticks = interval(Duration::from_millis(20));
    while ask(redis).await.is_err() {
        assert!(Instant::now() < until, "Redis is back, and nobody notices");
        ticks.tick().await;
    }
}

#[tokio::test]
async fn a_flushed_redis_has_full_buckets_and_goes_on() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Redis);
    let charges = [charge("flushed", DAILY)];
    for expected in [true, true, false] {
        assert_eq!(redis.take(0, &charges).await == Ok(Taken::Allowed), expected);
    }
    server.flush();
    for expected in [true, true, false] {
        assert_eq!(redis.take(0, &charges).await == Ok(Taken::Allowed), expected);
    }
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Redis);
    assert_eq!(ask(&redis).await, Ok(Taken::Allowed));
    assert_eq!(server.say("SCRIPT FLUSH"), "+OK");
    assert_eq!(ask(&redis).await, Ok(Taken::Allowed));
}

#[tokio::test]
async fn after_a_flush_reads_signed_before_it_are_stale() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Redis);
    let terms = Terms { kept_us: 150 * SECOND_US, reads_per_key: 10 };
    let now_us = || SystemClock.now_us();
    let anew = |request| read(1, request, now_us());
    // The first claim ever begins the marks, and so may come a little too late for itself.
    redis.claim(&anew(0), terms).await.unwrap();
    let claimed = anew(1);
    assert_eq!(redis.claim(&claimed, terms).await, Ok(Claimed::Good));
    assert_eq!(redis.claim(&claimed, terms).await, Ok(Claimed::Used));
    server.flush();
    assert_eq!(redis.claim(&claimed, terms).await, Ok(Claimed::Stale));
    assert_eq!(redis.claim(&claimed, terms).await, Ok(Claimed::Stale), "and remains so");
    assert_eq!(redis.claim(&anew(2), terms).await, Ok(Claimed::Good), "but new ones are good");
}

#[tokio::test]
async fn a_server_starts_without_redis_and_finds_it_later() {
    let mut server = RedisServer::start();
    server.stop();
    let redis = hasty(&server);
    assert_eq!(ask(&redis).await, Err(SourceUnavailable));
    server.restart();
    healed(&redis).await;
}

#[tokio::test]
async fn a_stopped_redis_is_unavailable_and_a_restarted_one_is_found_again() {
    let mut server = RedisServer::start();
    let redis = hasty(&server);
    healed(&redis).await;
    server.stop();
    for _ in 0..10 {
        assert_eq!(ask(&redis).await, Err(SourceUnavailable));
    }
    // It has lost its scripts too.
    server.restart();
    healed(&redis).await;
}

#[tokio::test]
async fn a_frozen_redis_costs_each_call_its_budget_and_then_none() {
    let server = RedisServer::start();
    let slow = Pace { breaker: breaker::Terms { failures: 3, pause_us: 3_600 * SECOND_US }, ..PACE };
    let redis = redis_on(&server.url(), TimeBase::Redis, slow);
    healed(&redis).await;
    server.freeze();
    let budget_us = i64::try_from(PACE.call.as_micros()).unwrap();
    for call in 0..3 {
        let watch = Stopwatch::start();
        assert_eq!(ask(&redis).await, Err(SourceUnavailable));
        let took_us = watch.elapsed_us();
        assert!((budget_us..10 * budget_us).contains(&took_us), "call {call}: {took_us} µs");
    }
    let watch = Stopwatch::start();
    for _ in 0..50 {
        assert_eq!(ask(&redis).await, Err(SourceUnavailable));
    }
    assert!(watch.elapsed_us() < budget_us, "nobody waits for it any more: {} µs", watch.elapsed_us());
}

#[tokio::test]
async fn a_thawed_redis_is_found_again() {
    let server = RedisServer::start();
    let redis = hasty(&server);
    healed(&redis).await;
    server.freeze();
    for _ in 0..3 {
        assert_eq!(ask(&redis).await, Err(SourceUnavailable));
    }
    server.thaw();
    healed(&redis).await;
}

#[tokio::test]
async fn a_call_that_hangs_up_while_it_probes_leaves_the_probe_to_the_next() {
    let mut server = RedisServer::start();
    let redis = hasty(&server);
    server.stop();
    for _ in 0..3 {
        assert_eq!(ask(&redis).await, Err(SourceUnavailable));
    }
    server.restart();
    server.freeze();
    let until = Instant::now() + Duration::from_secs(30);
    let mut ticks = interval(Duration::from_millis(20));
    // Polled once and dropped, until one of them was a probe that waits.
    loop {
        let asked = futures_util::FutureExt::now_or_never(ask(&redis));
        if asked.is_none() {
            break;
        }
        assert!(Instant::now() < until, "the pause does not end");
        ticks.tick().await;
    }
    server.thaw();
    healed(&redis).await;
}

#[tokio::test]
async fn a_full_redis_is_unavailable_and_allows_nothing() {
    let server = RedisServer::start();
    let redis = redis_on(&server.url(), TimeBase::Redis, PATIENT);
    let terms = Terms { kept_us: 150 * SECOND_US, reads_per_key: 10 };
    assert_eq!(ask(&redis).await, Ok(Taken::Allowed));
    assert_eq!(server.say("CONFIG SET maxmemory-policy noeviction"), "+OK");
    assert_eq!(server.say("CONFIG SET maxmemory 1"), "+OK");
    assert_eq!(ask(&redis).await, Err(SourceUnavailable));
    assert_eq!(redis.claim(&read(1, 1, SystemClock.now_us()), terms).await, Err(SourceUnavailable));
    assert_eq!(redis.touch(1, account(1), &[place("full", 1)]).await, Err(SourceUnavailable));
    assert_eq!(server.say("CONFIG SET maxmemory 0"), "+OK");
    assert_eq!(ask(&redis).await, Ok(Taken::Allowed));
}

#[tokio::test]
async fn another_programs_value_allows_nothing() {
    let server = RedisServer::start();
    let redis = patient(&server, TimeBase::Redis);
    let charges = [charge("clean", DAILY), charge("foreign", DAILY)];
    let key = name("bucket", BucketKey::new("test", b"foreign").bytes());
    assert_eq!(server.say(&format!("SET {key} nonsense")), "+OK");
    assert_eq!(redis.take(0, &charges).await, Err(SourceUnavailable));
    assert_eq!(server.say("DBSIZE"), ":1", "and the other bucket was not charged");
}

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let operations = include_str!("../../../../docs/operations.md");
    let line = operations.lines().find(|line| line.starts_with("user saifu ")).expect("the ACL line");
    let server = RedisServer::start();
    let rule = line.trim_start_matches("user ").replace("PASSWORD", "a-password");
    assert_eq!(server.say(&format!("ACL SETUSER {rule}")), "+OK");
    let url = server.url().replace("redis://", "redis://saifu:a-password@");
    let redis = redis_on(&url, TimeBase::Redis, PATIENT);
    assert_eq!(ask(&redis).await, Ok(Taken::Allowed));
    let terms = Terms { kept_us: SECOND_US, reads_per_key: 1 };
    redis.claim(&read(1, 1, SystemClock.now_us()), terms).await.expect("marks");
    assert_eq!(redis.touch(1, account(1), &[place("rights", 0)]).await, Ok(vec![Seen::Over { first: true }]));
    let wrong = redis_on(&url.replace("a-password", "another"), TimeBase::Redis, PATIENT);
    assert_eq!(ask(&wrong).await, Err(SourceUnavailable));
}

#[tokio::test]
async fn tls_with_an_authority_of_its_own_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let (certificate, key) = (folder.path().join("redis.pem"), folder.path().join("redis-key.pem"));
    std::fs::write(&certificate, issued.cert.pem()).unwrap();
    std::fs::write(&key, issued.signing_key.serialize_pem()).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
    std::os::unix::fs::chown(&key, Some(65_534), None).unwrap();
    let plain = RedisServer::start();
    let port = plain.address().port();
    drop(plain);
    let port = port.to_string();
    let options = ["--tls-port", &port, "--tls-auth-clients", "no", "--tls-cert-file"];
    let files = [certificate.to_str().unwrap(), "--tls-key-file", key.to_str().unwrap()];
    let _server = RedisServer::start_with(&[&options[..], &files].concat());
    let url = format!("rediss://127.0.0.1:{port}");
    let authority = issued.cert.pem();
    let settings = |ca: Option<&[u8]>| RedisSettings {
        pace: PATIENT,
        ..RedisSettings::new(&url, ca, TimeBase::Redis).unwrap()
    };
    assert_eq!(ask(&Redis::new(&settings(Some(authority.as_bytes())))).await, Ok(Taken::Allowed));
    assert_eq!(
        ask(&Redis::new(&settings(None))).await,
        Err(SourceUnavailable),
        "the system does not know it"
    );
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap().cert.pem();
    assert_eq!(ask(&Redis::new(&settings(Some(other.as_bytes())))).await, Err(SourceUnavailable));
}

#[tokio::test]
async fn two_servers_share_one_limit() {
    let server = RedisServer::start();
    let servers = [Arc::new(patient(&server, TimeBase::Redis)), Arc::new(patient(&server, TimeBase::Redis))];
    let charges = [charge("shared", DAILY)];
    assert_eq!(servers[0].take(0, &charges).await, Ok(Taken::Allowed));
    assert_eq!(servers[1].take(0, &charges).await, Ok(Taken::Allowed));
    assert!(matches!(servers[0].take(0, &charges).await, Ok(Taken::Denied { .. })));
}
