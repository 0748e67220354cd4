//! A server whose limits are in a real Redis: shared while it is there, and what each class does while
//! it is away.

use std::time::Duration;

use saifu::client::refused::Refused;
use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::domain::policy::Policy;
use saifu::gate::limit::{ClassLimits, LimitTable, WhenAway};
use saifu::gate::operation::Cost;
use saifu::pb;
use saifu::ratelimit::breaker::Terms;
use saifu::ratelimit::gcra::Limit;
use saifu::ratelimit::redis::settings::{Pace, RedisSettings, TimeBase};
use saifu::server::Settings;
use tokio::time::{Instant, interval};

use crate::support::redis_server::RedisServer;
use crate::support::shop::Shop;
use crate::support::{World, bakery, email, reason, wrong_code};

/// A busy machine is not a Redis that is away; one that is gone says so at once.
pub fn shared(settings: &mut Settings, redis: &RedisServer) {
    let pace = Pace {
        call: Duration::from_secs(20),
        breaker: Terms { failures: 2, pause_us: 100_000 },
        ..Pace::standard()
    };
    // The world's clock is moved by hand.
    let mut there = RedisSettings::new(&redis.url(), None, TimeBase::Callers).expect("a loopback address");
    there.pace = pace;
    settings.redis = Some(there);
}

/// Everybody who calls.
struct Cast {
    alice: Wallet,
    phone: Wallet,
    shop: Shop,
    operator: Staff,
}

impl Cast {
    async fn of(world: &World) -> Self {
        let [operator, _] = world.operators().await;
        Self {
            alice: world.funded("alice", 5_000).await,
            phone: world.phone().await,
            shop: world.shop("Bakery One").await,
            operator,
        }
    }
}

/// A call of each class.
async fn call(cost: Cost, cast: &Cast) -> Result<(), Refused> {
    let Cast { alice, phone, shop, operator } = cast;
    match cost {
        Cost::Recovery => {
            let locator = pb::recovery_start_private::Locator::Email("alice@example.jp".into());
            phone.start_recovery(locator, false).await.map(drop)
        }
        Cost::Enrolment => phone.start_enrolment(email("new@example.jp")).await.map(drop),
        Cost::Reading => alice.get_balance().await.map(drop),
        Cost::MoneyIn => alice.link_funding("sandbox-visa", "another card").await.map(drop),
        Cost::MoneyOut => alice.pay(bakery(alice, 100).await, None, None).await.map(drop),
        Cost::Security => {
            let code = alice.code().expect("an authenticator");
            alice.verify_second_factor(&code).await.map(drop)
        }
        Cost::Stop => alice.freeze().await.map(drop),
        Cost::Till => shop.till.reverse("order-1").await.map(drop),
        Cost::Merchant => shop.merchant.suspend_terminal(shop.terminal_id.clone()).await.map(drop),
        Cost::Operator => operator.suspend_merchant(shop.merchant_id.clone()).await.map(drop),
        Cost::Sandbox => phone.list_shops().await.map(drop),
    }
}

/// Stopping comes last: nothing is paid after it.
const CLASSES: [(Cost, WhenAway); 11] = [
    (Cost::Enrolment, WhenAway::Deny),
    (Cost::Recovery, WhenAway::Deny),
    (Cost::Reading, WhenAway::FallBack),
    (Cost::MoneyIn, WhenAway::FallBack),
    (Cost::MoneyOut, WhenAway::FallBack),
    (Cost::Sandbox, WhenAway::FallBack),
    (Cost::Security, WhenAway::Deny),
    (Cost::Till, WhenAway::FallBack),
    (Cost::Merchant, WhenAway::FallBack),
    (Cost::Operator, WhenAway::Deny),
    (Cost::Stop, WhenAway::FallBack),
];

#[tokio::test]
async fn every_class_does_as_its_table_says_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let world = World::start_with(|settings| shared(settings, &redis)).await;
    let cast = Cast::of(&world).await;
    redis.stop();
    world.pass(30);
    for (cost, expected) in CLASSES {
        let answer = call(cost, &cast).await;
        match expected {
            WhenAway::FallBack => answer.unwrap_or_else(|refused| panic!("{cost:?}: {refused}")),
            WhenAway::Deny => assert_eq!(reason(answer), pb::Reason::Unavailable, "{cost:?}"),
        }
    }
    redis.restart();
    let until = Instant::now() + Duration::from_secs(30);
    let mut ticks = interval(Duration::from_millis(50));
    while call(Cost::Enrolment, &cast).await.is_err() {
        assert!(Instant::now() < until, "Redis is back, and the server does not notice");
        ticks.tick().await;
    }
    for cost in [Cost::Reading, Cost::Security, Cost::Stop, Cost::Operator, Cost::Sandbox] {
        call(cost, &cast).await.unwrap_or_else(|refused| panic!("{cost:?}: {refused}"));
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_frozen_redis_stops_no_payment() {
    let redis = RedisServer::start();
    let world = World::start_with(|settings| {
        shared(settings, &redis);
        let there = settings.redis.as_mut().expect("it was just set");
        there.pace.call = Duration::from_millis(500);
    })
    .await;
    let cast = Cast::of(&world).await;
    redis.freeze();
    for _ in 0..4 {
        call(Cost::MoneyOut, &cast).await.expect("a payment");
    }
    world.pass(30);
    assert_eq!(reason(call(Cost::Security, &cast).await), pb::Reason::Unavailable);
    redis.thaw();
    let until = Instant::now() + Duration::from_secs(30);
    let mut ticks = interval(Duration::from_millis(50));
    while call(Cost::Security, &cast).await.is_err() {
        assert!(Instant::now() < until, "Redis is back, and the server does not notice");
        ticks.tick().await;
    }
    world.server.stop().await;
}

#[tokio::test]
async fn messages_are_denied_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let world = World::start_with(|settings| {
        shared(settings, &redis);
        settings.limits.enrolment.when_away = WhenAway::FallBack;
    })
    .await;
    let phone = world.phone().await;
    phone.start_enrolment(email("first@example.jp")).await.expect("Redis is there");
    redis.stop();
    let answer = phone.start_enrolment(email("second@example.jp")).await;
    assert_eq!(reason(answer), pb::Reason::Unavailable);
    world.server.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_without_redis_serves_what_falls_back() {
    let mut redis = RedisServer::start();
    redis.stop();
    let world = World::start_with(|settings| shared(settings, &redis)).await;
    let phone = world.phone().await;
    phone.list_shops().await.expect("the sandbox falls back");
    let answer = phone.start_enrolment(email("new@example.jp")).await;
    assert_eq!(reason(answer), pb::Reason::Unavailable);
    world.server.stop().await;
}

#[tokio::test]
async fn two_servers_share_the_limit_of_one_origin() {
    let redis = RedisServer::start();
    let narrow = |settings: &mut Settings| {
        shared(settings, &redis);
        settings.limits.enrolment.origin = Limit::per_day(3, 3);
    };
    let worlds = [World::start_with(narrow).await, World::start_with(narrow).await];
    let phones = [worlds[0].phone().await, worlds[1].phone().await];
    for (phone, name) in [(0, "a"), (1, "b"), (0, "c")] {
        phones[phone].start_enrolment(email(&format!("{name}@example.jp"))).await.expect("within the limit");
    }
    for phone in &phones {
        assert_eq!(reason(phone.start_enrolment(email("d@example.jp")).await), pb::Reason::Throttled);
    }
    redis.flush();
    phones[0].start_enrolment(email("e@example.jp")).await.expect("the buckets are full again");
    for world in worlds {
        world.server.stop().await;
    }
}

#[tokio::test]
async fn going_away_gives_nobody_a_second_burst() {
    let mut redis = RedisServer::start();
    let world = World::start_with(|settings| {
        shared(settings, &redis);
        let LimitTable { reading, .. } = LimitTable::standard();
        settings.limits.reading = ClassLimits { own: Limit::per_day(4, 4), ..reading };
    })
    .await;
    let alice = world.wallet("alice").await;
    for _ in 0..3 {
        alice.get_balance().await.expect("within the limit");
    }
    redis.stop();
    alice.get_balance().await.expect("the last one of the burst");
    assert_eq!(reason(alice.get_balance().await), pb::Reason::Throttled);
    world.server.stop().await;
}

#[tokio::test]
async fn wrong_codes_are_counted_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let world = World::start_with(|settings| shared(settings, &redis)).await;
    let alice = world.funded("alice", 5_000).await;
    let request = bakery(&alice, 100).await;
    redis.stop();
    for _ in 0..Policy::standard().codes.block_after {
        let answer = alice.pay(request.clone(), Some(&wrong_code(&alice)), None).await;
        assert_eq!(reason(answer), pb::Reason::Unauthenticated);
    }
    let code = world.next_code(&alice);
    let answer = alice.pay(request, Some(&code), None).await;
    assert_eq!(reason(answer), pb::Reason::SecondFactorBlocked);
    world.server.stop().await;
}

#[tokio::test]
async fn an_origin_with_too_many_accounts_is_throttled_and_calls_that_fail_do_not_count() {
    let redis = RedisServer::start();
    for with_redis in [false, true] {
        let world = World::start_with(|settings| {
            if with_redis {
                shared(settings, &redis);
            }
            settings.limits.crowd.accounts_per_hour = 2;
            settings.limits.crowd.throttled = Limit::per_day(1, 1);
        })
        .await;
        let (alice, bob) = (world.wallet("alice").await, world.wallet("bob").await);
        world.pass(3_600);
        let mut carol = world.wallet("carol").await;
        world.pass(3_600);
        alice.get_balance().await.expect("the first account of the hour");
        bob.get_balance().await.expect("the second");
        let epoch = std::mem::replace(&mut carol.signer.epoch, 1_000);
        for _ in 0..3 {
            assert_eq!(reason(carol.get_balance().await), pb::Reason::EpochChanged);
        }
        alice.get_balance().await.expect("nobody is throttled yet");
        bob.get_balance().await.expect("nobody is throttled yet");
        carol.signer.epoch = epoch;
        carol.get_balance().await.expect("the third account is counted, and still served");
        alice.get_balance().await.expect("what is left");
        for wallet in [&alice, &bob, &carol] {
            assert_eq!(reason(wallet.get_balance().await), pb::Reason::Throttled);
            assert_eq!(reason(wallet.freeze().await), pb::Reason::Throttled, "all classes together");
        }
        world.pass(3_600);
        alice.get_balance().await.expect("another hour");
        world.server.stop().await;
    }
}
