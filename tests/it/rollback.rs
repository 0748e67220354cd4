//! A database that is put back as it was earlier, or cut off, while no server runs: none starts on it, and
//! what an operator goes on with gives nobody back what was used or revoked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use saifu::client::wallet::Wallet;
use saifu::config::url::PostgresUrl;
use saifu::config::{Secret, Standby, StoreAt};
use saifu::env::clock::{Clock as _, ManualClock};
use saifu::pb;
use saifu::server::{RollbackError, Server, Settings, StartError};
use saifu::store::sqlite::DATABASE_FILE;
use saifu::tasks::checkpoint::{self, CHECKPOINT_FILE, REVOKED_FILE};
use tempfile::TempDir;

use crate::several::Shared;
use crate::support::recovery::{MINUTE, Owner};
use crate::support::{World, available, bakery, reason, refused, settings_of};
use crate::verify::{report, tamper};

/// A stopped server's data directory, its clock, and its database as it was earlier.
struct Stopped {
    dir: TempDir,
    clock: Arc<ManualClock>,
    earlier: TempDir,
}

impl Stopped {
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn settings(&self) -> Settings {
        settings_of(self.dir.path(), &self.clock)
    }

    async fn refused(&self, change: impl FnOnce(&mut Settings)) -> RollbackError {
        let mut settings = self.settings();
        change(&mut settings);
        match Box::pin(Server::start(settings)).await {
            Err(StartError::Rollback(error)) => error,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it starts"),
        }
    }

    async fn start(self) -> World {
        let server = Box::pin(Server::start(self.settings())).await.expect("it starts");
        World { server, clock: self.clock, dir: self.dir }
    }

    fn put_back(&self) {
        copy(self.earlier.path(), &self.data());
    }

    /// The checkpoints but the first few.
    fn forget_checkpoints(&self, kept: usize) {
        let path = self.data().join(CHECKPOINT_FILE);
        let text = fs::read_to_string(&path).expect("checkpoints");
        assert!(text.lines().count() > kept, "{text}");
        let lines: Vec<String> = text.lines().take(kept).map(|line| format!("{line}\n")).collect();
        fs::write(&path, lines.concat()).expect("written");
    }
}

/// A stopped server's database, without what SQLite keeps beside it.
fn copy(from: &Path, to: &Path) {
    for beside in ["-wal", "-shm"] {
        let _absent = fs::remove_file(to.join(format!("{DATABASE_FILE}{beside}")));
    }
    let connection = Connection::open(from.join(DATABASE_FILE)).expect("the database");
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("all of it is in one file");
    drop(connection);
    fs::copy(from.join(DATABASE_FILE), to.join(DATABASE_FILE)).expect("a copy");
}

/// Stops the server, and keeps its database as it is then.
async fn backup(world: World) -> (World, TempDir) {
    let earlier = TempDir::new().expect("a temporary directory");
    let path = earlier.path().to_owned();
    let World { server, clock, dir } = world;
    server.stop().await;
    copy(&dir.path().join("data"), &path);
    let stopped = Stopped { dir, clock, earlier: TempDir::new().expect("a temporary directory") };
    (stopped.start().await, earlier)
}

/// What happens after the backup: a phone is revoked with a code, and something is paid.
async fn lost_minutes(world: &World, owner: &Owner, phone: &Wallet) -> String {
    let device = phone.list_devices().await.expect("devices").devices;
    let other = device.iter().find(|device| device.is_caller).expect("the phone itself");
    let code = world.next_code(&owner.wallet);
    owner.wallet.revoke_device(other.device_id.clone(), &code).await.expect("revoked");
    assert_eq!(reason(phone.get_balance().await), pb::Reason::Unauthenticated);
    owner.wallet.pay(bakery(&owner.wallet, 700).await, None, None).await.expect("a payment");
    code
}

async fn stopped(world: World, earlier: TempDir) -> Stopped {
    let World { server, clock, dir } = world;
    server.stop().await;
    Stopped { dir, clock, earlier }
}

#[tokio::test]
async fn a_database_that_was_put_back_starts_by_an_operators_word_alone_and_gives_nobody_back_what_was_used()
{
    let world = World::unthrottled().await;
    let mut owner = world.owner("alice", 5_000).await;
    let mut phone = crate::devices::joined(&world, &owner).await;
    let bob = world.wallet("bob").await;
    let (world, earlier) = backup(world).await;
    world.reconnect(&mut owner.wallet).await;
    world.reconnect(&mut phone).await;
    let code = lost_minutes(&world, &owner, &phone).await;
    let stopped = stopped(world, earlier).await;
    assert!(stopped.data().join(REVOKED_FILE).exists());
    stopped.put_back();
    let found = stopped.refused(|_| {}).await;
    assert!(matches!(found, RollbackError::Behind { lane: 0, .. }), "{found}");

    let settled_at = Box::pin(Server::restore(stopped.settings())).await.expect("taken as it is");
    assert_eq!(settled_at.0 - stopped.clock.now_us(), 15 * MINUTE * 1_000_000);
    let world = stopped.start().await;
    for wallet in [&mut owner.wallet, &mut phone] {
        world.reconnect(wallet).await;
    }
    assert_eq!(reason(phone.get_balance().await), pb::Reason::Unauthenticated, "revoked is revoked");
    assert_eq!(available(&owner.wallet).await, 5_000, "what was paid is forgotten");
    let alice = &owner.wallet;
    let asked = alice.pay(bakery(alice, 700).await, None, None).await.expect_err("nothing is changed");
    assert_eq!(asked.reason(), Some(pb::Reason::Unavailable));
    let wait = asked.retry_after().expect("until when").as_secs();
    assert!((14 * 60..=15 * 60).contains(&wait), "{wait}");
    let again = alice.verify_second_factor(&code).await;
    assert_eq!(reason(again), pb::Reason::Unavailable, "a code that was used");
    let stranger = world.phone().await;
    let begun = stranger.start_recovery(owner.locator(), false).await;
    assert_eq!(reason(begun), pb::Reason::Unavailable);
    let mut bob = bob;
    world.reconnect(&mut bob).await;
    bob.freeze().await.expect("stopping goes on");

    world.pass(15 * MINUTE);
    assert_eq!(reason(phone.get_balance().await), pb::Reason::Unauthenticated);
    let bare = alice.pay(bakery(alice, 700).await, None, None).await;
    assert_eq!(reason(bare), pb::Reason::SecondFactorRequired, "each device wants a new code first");
    assert_eq!(reason(alice.verify_second_factor(&code).await), pb::Reason::Unauthenticated);
    world.refresh(alice).await;
    alice.pay(bakery(alice, 700).await, None, None).await.expect("with a new code");

    let World { server, clock, dir } = world;
    server.stop().await;
    let found = report(&dir.path().join("data")).await;
    assert_eq!(found.problems, []);
    assert!(found.given_up > 0, "what was signed before is told");
    // The new checkpoints count again.
    let stopped = Stopped { dir, clock, earlier: TempDir::new().expect("a directory") };
    copy(&stopped.data(), stopped.earlier.path());
    let world = stopped.start().await;
    world.pass(31);
    world.server.stop().await;
}

/// Owner and phone, a backup, and what happened since; stopped, with one checkpoint of the beginning.
async fn changed() -> Stopped {
    let world = World::unthrottled().await;
    let mut alice = world.funded("alice", 5_000).await;
    let (world, earlier) = backup(world).await;
    world.reconnect(&mut alice).await;
    world.refresh(&alice).await;
    alice.pay(bakery(&alice, 700).await, None, None).await.expect("a payment");
    alice.freeze().await.expect("frozen");
    let stopped = stopped(world, earlier).await;
    stopped.forget_checkpoints(1);
    stopped
}

#[tokio::test]
async fn what_was_changed_behind_the_last_checkpoint_is_found_at_the_start() {
    let stopped = changed().await;
    let data = stopped.data();
    let kept = TempDir::new().expect("a temporary directory");
    copy(&data, kept.path());
    let old = stopped.earlier.path().join(DATABASE_FILE);
    let cases = [
        (
            "a cut journal",
            "DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)",
            "missing",
        ),
        (
            "an edited row",
            "UPDATE journal SET at = at + 1 WHERE sequence = (SELECT max(sequence) FROM journal)",
            "does not follow",
        ),
        (
            "a raised balance",
            "UPDATE account SET credits_posted_minor = credits_posted_minor + 1",
            "could not be read",
        ),
        ("an account of before", "", "it is older than the journal says"),
    ];
    for (case, sql, expected) in cases {
        copy(kept.path(), &data);
        if sql.is_empty() {
            let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
            connection.pragma_update(None, "foreign_keys", false).expect("off");
            let attached = format!("ATTACH '{}' AS old", old.display());
            connection.execute_batch(&attached).expect("the older one");
            let put = "INSERT OR REPLACE INTO account SELECT * FROM old.account";
            connection.execute_batch(put).expect("put back");
        } else {
            tamper(&data, sql);
        }
        let found = stopped.refused(|_| {}).await.to_string();
        assert!(found.contains(expected), "{case}: {found}");
        let accepted = Box::pin(Server::restore(stopped.settings())).await;
        assert!(accepted.is_err(), "{case}: only what is older is taken as it is");
    }
    copy(kept.path(), &data);
    stopped.start().await.server.stop().await;
}

#[tokio::test]
async fn a_copy_of_the_checkpoints_elsewhere_tells_what_those_beside_the_database_do_not() {
    let copy_dir = TempDir::new().expect("a temporary directory");
    let kept = copy_dir.path().to_owned();
    let world = World::unthrottled().await.restart_with(|settings| {
        settings.checkpoint_copy_dir = Some(kept.clone());
    });
    let world = world.await;
    let alice = world.funded("alice", 5_000).await;
    drop(alice);
    let World { server, clock, dir } = world;
    server.stop().await;
    let stopped = Stopped { dir, clock, earlier: TempDir::new().expect("a temporary directory") };
    let with_copy = |settings: &mut Settings| settings.checkpoint_copy_dir = Some(kept.clone());
    // Somebody puts back the database and the checkpoints beside it.
    copy(&stopped.data(), stopped.earlier.path());
    let connection = Connection::open(stopped.data().join(DATABASE_FILE)).expect("the database");
    let sequence: i64 =
        connection.query_row("SELECT sequence FROM lane", [], |row| row.get(0)).expect("the head");
    drop(connection);
    let ours = checkpoint::read(&stopped.data().join(CHECKPOINT_FILE)).expect("they are read");
    let theirs = checkpoint::read(&kept.join(CHECKPOINT_FILE)).expect("they are read");
    let last = (ours.last().map(|last| &last.heads), theirs.last().map(|last| &last.heads));
    assert_eq!(last.0, last.1, "both say the same");
    assert!(sequence > 1);
    tamper(&stopped.data(), &format!("DELETE FROM journal WHERE sequence = {sequence}"));
    fs::remove_file(stopped.data().join(CHECKPOINT_FILE)).expect("gone");
    let found = stopped.refused(with_copy).await;
    assert!(matches!(found, RollbackError::Behind { .. }), "{found}");
    // Whoever takes the copy away is noticed, and so is one of another server.
    let absent = stopped.refused(|settings| settings.checkpoint_copy_dir = Some(kept.join("absent"))).await;
    assert!(matches!(absent, RollbackError::Unreadable(..)), "{absent}");
    let other = World::start().await;
    let World { server, dir: other, .. } = other;
    server.stop().await;
    let strange = other.path().join("data").join(CHECKPOINT_FILE);
    fs::copy(strange, kept.join(CHECKPOINT_FILE)).expect("another's");
    let strange = stopped.refused(with_copy).await;
    assert!(matches!(strange, RollbackError::Foreign(_)), "{strange}");
}

#[tokio::test]
async fn a_postgresql_database_that_was_put_back_is_not_served_on() {
    let shared = Shared::start().await;
    let world = shared.world().await;
    let mut alice = world.funded("alice", 5_000).await;
    let World { server, clock, dir } = world;
    server.stop().await;
    shared.copied("earlier").await;
    let stopped = Stopped { dir, clock, earlier: TempDir::new().expect("a temporary directory") };
    let mut settings = stopped.settings();
    shared.apply(&mut settings);
    let server = Box::pin(Server::start(settings)).await.expect("it starts");
    let world = World { server, clock: stopped.clock, dir: stopped.dir };
    world.reconnect(&mut alice).await;
    world.refresh(&alice).await;
    alice.pay(bakery(&alice, 700).await, None, None).await.expect("a payment");
    let running = {
        let mut settings = settings_of(world.dir.path(), &world.clock);
        shared.apply(&mut settings);
        Box::pin(Server::restore(settings)).await.expect_err("a server works on it")
    };
    assert!(matches!(running, StartError::InUse), "{running}");
    let World { server, clock, dir } = world;
    server.stop().await;
    let stopped = Stopped { dir, clock, earlier: TempDir::new().expect("a temporary directory") };
    let put_back = |settings: &mut Settings| {
        shared.apply(settings);
        let url = PostgresUrl::parse(Secret::new(shared.url_of("earlier")));
        settings.store = StoreAt::Postgres(url.unwrap_or_else(|_| panic!("an address")), None, Standby::None);
    };
    let found = stopped.refused(put_back).await;
    assert!(matches!(found, RollbackError::Behind { .. }), "{found}");
    let mut settings = stopped.settings();
    put_back(&mut settings);
    Box::pin(Server::restore(settings)).await.expect("taken as it is");
    let mut settings = stopped.settings();
    put_back(&mut settings);
    let server = Box::pin(Server::start(settings)).await.expect("it starts");
    let world = World { server, clock: stopped.clock, dir: stopped.dir };
    world.reconnect(&mut alice).await;
    let asked = alice.pay(bakery(&alice, 700).await, None, None).await;
    assert_eq!(refused(asked).code(), tonic::Code::Unavailable);
    world.server.stop().await;
}

/// A standby that lacks the last commits takes over, and the server that answered them is still there.
#[tokio::test]
async fn a_server_that_finds_its_answers_lost_says_so_to_whoever_starts_next() {
    let shared = Shared::start().await;
    let world = shared.world().await;
    let alice = world.funded("alice", 5_000).await;
    let session = shared.session().await;
    // A head that a server signed, of before the payment.
    session.batch_execute("CREATE TABLE earlier AS SELECT * FROM lane").await.expect("a copy");
    world.refresh(&alice).await;
    alice.pay(bakery(&alice, 700).await, None, None).await.expect("a payment");
    let lose = "DELETE FROM journal USING earlier WHERE journal.lane = earlier.lane AND \
                journal.sequence > earlier.sequence; \
                UPDATE lane SET sequence = earlier.sequence, hash = earlier.hash, at = earlier.at, \
                signature = earlier.signature FROM earlier WHERE lane.lane = earlier.lane; \
                DROP TABLE earlier";
    session.batch_execute(lose).await.expect("lost");
    let stopped = stopped(world, TempDir::new().expect("a temporary directory")).await;
    let found = stopped.refused(|settings| shared.apply(settings)).await;
    assert!(matches!(found, RollbackError::Behind { .. }), "{found}");
}
