//! Two server processes' worth of servers over one PostgreSQL and one Redis: what one of them did, the
//! other knows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use saifu::client::wallet::Wallet;
use saifu::config::url::PostgresUrl;
use saifu::config::{KeysAt, OperatorsAt, Secret, Standby, StoreAt};
use saifu::crypto::device_key::DeviceKey;
use saifu::domain::policy::Policy;
use saifu::domain::time::DAY_US;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::pb::propose_request::Proposal;
use saifu::ratelimit::redis::settings::{RedisSettings, TimeBase};
use saifu::server::{Server, Settings};
use saifu::store::postgres;
use saifu::tasks::checkpoint::CHECKPOINT_FILE;
use saifu::verify::{Database, Subject, trust_in, verify_now};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_postgres::NoTls;

use crate::support::recovery::{HOUR, begin, passphrase, reaches};
use crate::support::redis_server::RedisServer;
use crate::support::services::{PostgresServer, Wanted};
use crate::support::shop::{approved_by, digits, order, payable, secret};
use crate::support::{World, available, bakery, generous, reason};

/// What the servers share.
pub struct Shared {
    postgres: PostgresServer,
    redis: RedisServer,
    pub dir: TempDir,
}

impl Shared {
    pub async fn start() -> Self {
        let settings = ["fsync=off"];
        let postgres = PostgresServer::start(Wanted { settings: &settings, ..Wanted::default() });
        let parsed = postgres::settings::Settings::parse(&postgres.url("postgres"), None);
        postgres::migrate(&parsed.expect("an address")).await.expect("the migrations run");
        Self { postgres, redis: RedisServer::start(), dir: TempDir::new().expect("a directory") }
    }

    /// The database's address.
    pub fn url(&self) -> String {
        self.postgres.url("postgres")
    }

    /// The address of another database on its server.
    pub fn url_of(&self, name: &str) -> String {
        self.postgres.url(name)
    }

    /// The database as it is now, under another name. Nobody may be connected to it.
    pub async fn copied(&self, name: &str) {
        let client = self.session_of("template1").await;
        let copy = format!("CREATE DATABASE {name} TEMPLATE postgres");
        client.batch_execute(&copy).await.expect("a copy");
    }

    /// A session of somebody who has the database's password.
    pub async fn session(&self) -> tokio_postgres::Client {
        self.session_of("postgres").await
    }

    async fn session_of(&self, database: &str) -> tokio_postgres::Client {
        let url = self.postgres.url(database);
        let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls);
        let (client, connection) = connecting.await.expect("it listens");
        drop(tokio::spawn(connection));
        client
    }

    pub fn apply(&self, settings: &mut Settings) {
        let url = Secret::new(self.postgres.url("postgres"));
        let url = PostgresUrl::parse(url).unwrap_or_else(|_| panic!("a database's address"));
        settings.store = StoreAt::Postgres(url, None, Standby::None);
        let redis = RedisSettings::new(&self.redis.url(), None, TimeBase::Callers);
        settings.redis = Some(redis.expect("a loopback address"));
        settings.keys = KeysAt::Directory { path: self.dir.path().join("keys"), may_create: true };
        settings.operators = OperatorsAt::Generated(self.dir.path().join("operators"));
        settings.policy.payment_codes.live_us = DAY_US;
    }

    /// The database, judged by the servers' keys and the checkpoints of one of them.
    pub fn subject(&self, data: &Path) -> Subject {
        let settings = postgres::settings::Settings::parse(&self.url(), None).expect("an address");
        Subject {
            database: Database::Remote(Box::new(settings)),
            checkpoints: data.join(CHECKPOINT_FILE),
            trust: trust_in(&self.dir.path().join("keys")),
        }
    }

    /// Two lanes, one story.
    async fn is_one_story(&self, one: &TempDir, payments: u64) {
        let subject = self.subject(&one.path().join("data"));
        let mut policy = Policy::standard();
        policy.payment_codes.live_us = DAY_US;
        let report = tokio::task::spawn_blocking(move || verify_now(&subject, policy)).await;
        let report = report.expect("no panic").expect("a report");
        assert!(report.holds(), "{:?}", report.problems);
        assert_eq!((report.payments, report.sum_minor), (payments, 0));
    }

    /// A statement of the database's owner.
    async fn sql(&self, text: &str) {
        let (client, connection) =
            tokio_postgres::connect(&self.url(), NoTls).await.expect("another session");
        drop(tokio::spawn(connection));
        client.batch_execute(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }

    pub async fn world(&self) -> World {
        World::start_with(|settings| self.apply(settings)).await
    }
}

#[tokio::test]
async fn a_server_that_is_promised_a_standby_starts_with_one_and_not_without() {
    let shared = Shared::start().await;
    let promised = |settings: &mut Settings| {
        shared.apply(settings);
        if let StoreAt::Postgres(_, _, standby) = &mut settings.store {
            *standby = Standby::Synchronous;
        }
    };
    let data = TempDir::new().expect("a directory");
    let mut settings = Settings::sandbox(data.path().join("data"), ([127, 0, 0, 1], 0).into());
    promised(&mut settings);
    let refused = Server::start(settings).await.err().expect("it does not start").to_string();
    assert!(refused.contains("set synchronous_standby_names") && !refused.contains('\n'), "{refused}");

    let _standby = shared.postgres.standby("second");
    shared.sql("ALTER SYSTEM SET synchronous_standby_names = 'second'").await;
    shared.sql("SELECT pg_reload_conf()").await;
    let world = World::start_with(promised).await;
    let alice = world.funded("alice", 5_000).await;
    assert_eq!(available(&alice).await, 5_000);
    world.server.stop().await;
}

/// Rounds of a race, over all customers.
const ROUNDS: usize = 1_000;
const CUSTOMERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_at_one_server_and_its_reversal_at_the_other_leave_nothing_paid() {
    let shared = Shared::start().await;
    let change = |settings: &mut Settings| {
        generous(settings);
        shared.apply(settings);
    };
    let one = World::start_with(change).await;
    let other = World::start_with(change).await;
    let shop = one.shop_by(&shared.dir.path().join("operators"), "Bakery One").await;
    let key = shop.till.signer.key();
    let again = DeviceKey::from_pkcs8(key.pkcs8(), key.public().form()).expect("a key");
    let tills = Arc::new([shop.till, other.staff_at(other.server.address(), again).await]);
    let mut races = JoinSet::new();
    for customer in 0..CUSTOMERS {
        let wallet = one.funded(&format!("customer{customer}"), 9_000).await;
        let tills = Arc::clone(&tills);
        races.spawn(async move {
            for round in 0..ROUNDS / CUSTOMERS {
                let issued = wallet.issue_code(500, None, None).await.expect("a code");
                let digits = secret(issued.payment_code);
                let name = format!("order-{customer}-{round}");
                let request = order(&name, 500);
                let (charged, reversed) = tokio::join!(
                    tills[round % 2].charge(&request, &digits),
                    tills[(round + 1) % 2].reverse(&name)
                );
                let result = reversed.expect("a reversal is never refused").result();
                match charged {
                    Ok(_) => assert_eq!(result, pb::ReverseResult::Reversed),
                    Err(refused) => {
                        assert_eq!(refused.reason(), Some(pb::Reason::OrderReversed));
                        assert_eq!(result, pb::ReverseResult::NothingFound);
                    }
                }
            }
            assert_eq!(available(&wallet).await, 9_000);
        });
    }
    races.join_all().await;
    one.server.stop().await;
    other.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_goes_on_at_whichever_server_is_there() {
    let shared = Shared::start().await;
    let change = |settings: &mut Settings| {
        shared.apply(settings);
        settings.limits = LimitTable::unlimited();
        settings.messages = Some(shared.dir.path().join("messages"));
    };
    let one = World::start_with(change).await;
    let mut owner = one.owner("alice", 5_000).await;
    let other = World::start_with(change).await;
    other.clock.advance_us(owner.wallet.now_us() - crate::support::START_US);
    let mut phone = one.phone().await;
    let (first, second) = (phone.channel.clone(), other.phone().await.channel);
    let case_id = begin(&phone, &owner).await;
    phone.channel = second.clone();
    phone.prove(case_id.clone(), &owner.saved()).await.expect("at the other");
    phone.channel = first;
    phone.prove(case_id.clone(), &passphrase()).await.expect("at the one");
    reaches(&phone, &case_id, pb::RecoveryState::Cooling).await;

    // Whoever had the turn at notices and timers is gone: the other takes it.
    let World { server, clock, dir: _dir } = one;
    server.stop().await;
    phone.channel = second.clone();
    owner.wallet.channel = second;
    for hours in [12, 10, 2] {
        let span_us = hours * HOUR * 1_000_000;
        clock.advance_us(span_us);
        other.clock.advance_us(span_us);
        reminded(&phone, &case_id).await;
    }
    reaches(&phone, &case_id, pb::RecoveryState::Ready).await;
    phone.prove(case_id.clone(), &passphrase()).await.expect("again");
    let reply = phone.complete_recovery(case_id, "seven dry umbrellas").await.expect("completed");
    assert_eq!(reply.epoch, 2);
    assert_eq!(reason(owner.wallet.get_balance().await), pb::Reason::Unauthenticated);
    assert_eq!(phone.list_devices().await.expect("the one device").devices.len(), 2);
    other.server.stop().await;
}

/// Lets a timer come.
async fn reminded(phone: &Wallet, case_id: &[u8]) {
    let mut ticks = interval(Duration::from_millis(50));
    for _ in 0..200 {
        ticks.tick().await;
        let status = phone.recovery_status(case_id.to_vec()).await.expect("a status");
        if status.due_at.is_some_and(|at| at.seconds > phone.now_us() / 1_000_000) {
            return;
        }
    }
    panic!("no timer came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_did_the_other_knows() {
    let shared = Shared::start().await;
    let one = shared.world().await;
    let mut alice = one.funded("alice", 5_000).await;
    let other = shared.world().await;
    other.clock.advance_us(alice.now_us() - crate::support::START_US);
    let first = alice.channel.clone();
    let second = other.phone().await.channel;

    // Paid at one, and repeated at the other: the same payment.
    let id = [9; 16];
    let request = bakery(&alice, 700).await;
    let paid = alice.pay(request.clone(), None, Some(id)).await.expect("a payment");
    alice.channel = second.clone();
    let again = alice.pay(request, None, Some(id)).await.expect("the same payment");
    assert_eq!((again.payment_id, available(&alice).await), (paid.payment_id, 4_300));

    // A code issued at one is charged once, at either.
    let shop = one.shop_by(&shared.dir.path().join("operators"), "Bakery One").await;
    alice.channel = first.clone();
    let digits = secret(alice.issue_code(1_000, None, None).await.expect("a code").payment_code);
    let mut till = shop.till;
    let own = std::mem::replace(&mut till.channel, second.clone());
    till.charge(&order("order-1", 300), &digits).await.expect("charged at the other");
    till.channel = own;
    one.clock.advance_us(1_000_000);
    let twice = till.charge(&order("order-2", 300), &digits).await;
    assert_eq!(reason(twice), pb::Reason::CodeNotUsable);
    assert_eq!(till.reverse("order-1").await.expect("a reversal").refunded_minor, 300);

    // Entries of both come by time.
    let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
    let amounts: Vec<_> = entries.iter().map(|entry| entry.amount_minor).collect();
    assert_eq!(amounts, [300, -300, -700, 5_000]);

    // Revoked at one: refused at the other, reads too, whatever it remembers of the key.
    alice.channel = second.clone();
    available(&alice).await;
    alice.channel = first;
    let device_id = alice.list_devices().await.expect("devices").devices.remove(0).device_id;
    one.clock.advance_us(29_000_000);
    let code = alice.code().expect("an authenticator");
    alice.revoke_device(device_id, &code).await.expect("revoked");
    alice.channel = second;
    assert_eq!(reason(alice.get_balance().await), pb::Reason::Unauthenticated);
    one.server.stop().await;
    other.server.stop().await;

    shared.is_one_story(&one.dir, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_settled_once_whichever_server_has_the_turn() {
    let shared = Shared::start().await;
    let one = World::start_with(|settings| shared.apply(settings)).await;
    let other = World::start_with(|settings| shared.apply(settings)).await;
    let shop = one.shop_by(&shared.dir.path().join("operators"), "Bakery One").await;
    let key = shop.till.signer.key();
    let again = DeviceKey::from_pkcs8(key.pkcs8(), key.public().form()).expect("a key");
    let far = other.staff_at(other.server.address(), again).await;
    let alice = one.funded("alice", 5_000).await;
    other.clock.advance_us(alice.now_us() - crate::support::START_US);
    for (till, order_id) in [(&shop.till, "one"), (&far, "two")] {
        till.charge(&order(order_id, 500), &digits(&alice, 500).await).await.expect("a charge");
    }
    far.refund("one", 100).await.expect("a refund");
    for world in [&one, &other] {
        world.pass(14 * HOUR);
    }
    let first = shop.settlements(1).await.remove(0);
    assert_eq!((first.captured_minor, first.refunded_minor, first.payout_minor), (1_000, 100, 900));
    one.refresh(&alice).await;
    far.charge(&order("three", 70), &digits(&alice, 500).await).await.expect("a charge");
    for world in [&one, &other] {
        world.pass(24 * HOUR);
    }
    assert_eq!(shop.settlements(2).await[0].payout_minor, 70);
    one.server.stop().await;
    other.server.stop().await;
    shared.is_one_story(&one.dir, 3).await;
}

/// Whatever a server remembers of a key, each decision and each read asks the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_one_server_revoked_signs_nothing_at_the_other() {
    let shared = Shared::start().await;
    let (one, other) = (shared.world().await, shared.world().await);
    let operators = shared.dir.path().join("operators");
    let shop = one.shop_by(&operators, "Bakery One").await;
    let key = shop.merchant.signer.key();
    let copy = DeviceKey::from_pkcs8(key.pkcs8(), key.public().form()).expect("a key");
    let elsewhere = other.staff_at(other.server.address(), copy).await;
    elsewhere.list_stores().await.expect("it is known there by now");
    let watch = elsewhere.draft(
        saifu::client::method::MERCHANT_WATCH_ORDER,
        &pb::WatchOrderRequest { order_id: "made".into() },
    );
    shop.till.create_order(&payable("made", 60)).await.expect("an order");
    let envelope = watch.seal(&elsewhere.signer);
    let method = saifu::client::method::MERCHANT_WATCH_ORDER;
    let watching =
        saifu::client::connection::watch::<pb::WatchOrderReply>(&elsewhere.channel, method, envelope);
    let mut watching = watching.await.expect("a stream");
    watching.message().await.expect("what there is").expect("now");

    let [first, second] = one.operators_of(&operators).await;
    let revoke = pb::RevokeMerchantKey { merchant_id: shop.merchant_id.clone() };
    approved_by(&first, &second, Proposal::RevokeMerchantKey(revoke)).await.expect("revoked");
    assert_eq!(reason(elsewhere.list_stores().await), pb::Reason::Unauthenticated);
    let till = elsewhere.register_terminal(shop.store_id.clone(), "till 2").await;
    assert_eq!(reason(till), pb::Reason::Unauthenticated);
    let ended = timeout(Duration::from_secs(10), watching.message()).await.expect("its stream ends");
    let ended = ended.expect_err("by a refusal");
    assert_eq!(ended.code(), tonic::Code::Unauthenticated);
    one.server.stop().await;
    other.server.stop().await;
}
