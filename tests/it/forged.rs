//! Somebody who can write to the database, but has none of the server's keys: what they put in is refused by
//! the server that runs on it, and found by `verify`.

use std::path::Path;

use rusqlite::{Connection, params};
use saifu::domain::policy::Policy;
use saifu::domain::record::Record as _;
use saifu::domain::rows::{Addition, Journal, Table};
use saifu::pb;
use saifu::server::{Server, Settings};
use saifu::store::pending::chain_hash;
use saifu::store::postgres::settings::Settings as Remote;
use saifu::store::sqlite::DATABASE_FILE;
use saifu::store::{postgres, sqlite};
use saifu::tasks::checkpoint::{self, CHECKPOINT_FILE};
use saifu::verify::{Database, Subject, Trust, trust_in, verify_now};
use tokio_postgres::NoTls;

use crate::several::Shared;
use crate::support::shop::digits;
use crate::support::{World, bakery, reason, rewrite};
use crate::verify::{report, tamper};

/// The last row, as if a code had been accepted with it, and chained anew.
fn with_a_code(rows: &[saifu::domain::rows::Row]) -> Journal {
    let rows: Vec<&Journal> = rows.iter().filter_map(Journal::of).filter(|row| row.lane == 0).collect();
    let [.., before, last] = rows[..] else { panic!("there are rows") };
    assert_eq!(last.accepted_step, None);
    // A code of this step would have been taken.
    let accepted_step = Some(last.at.0 / 30_000_000);
    let mut forged = Journal { accepted_step, ..last.clone() };
    forged.hash = chain_hash(&before.hash, &forged);
    forged
}

/// Chains the journal's last row anew. No checkpoint covers it yet.
fn forge(data: &Path) {
    let snapshot = sqlite::snapshot::Snapshot::open(data).expect("the database");
    let forged = with_a_code(&snapshot.page(Table::Journal, None).expect("the journal"));
    let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
    let row = params![forged.accepted_step, &forged.hash[..], forged.sequence];
    connection
        .execute("UPDATE journal SET accepted_step = ?1, hash = ?2 WHERE sequence = ?3", row)
        .expect("a row");
    connection.execute("UPDATE lane SET hash = ?1", [&forged.hash[..]]).expect("a head");
    std::fs::remove_file(data.join(CHECKPOINT_FILE)).expect("a checkpoint");
}

#[tokio::test]
async fn a_journal_that_somebody_else_chained_on_is_found_before_any_checkpoint() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    world.pass(31);
    alice.pay(bakery(&alice, 700).await, None, None).await.expect("a payment");
    let World { server, dir, .. } = world;
    server.stop().await;
    let data = dir.path().join("data");
    forge(&data);
    let problems = report(&data).await.problems;
    let told: Vec<_> = problems.iter().map(|problem| problem.what).collect();
    let added = "a code that was used counts as a new one";
    assert_eq!(told, [added, "the server did not sign it: the lane's last rows are somebody else's"]);

    let settings = Settings::sandbox(data, ([127, 0, 0, 1], 0).into());
    let refused = Server::start(settings).await.err().expect("it does not start");
    assert!(refused.to_string().contains("run `saifu verify`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_goes_on_from_no_head_but_its_own() {
    let shared = Shared::start().await;
    let world = shared.world().await;
    let alice = world.funded("alice", 5_000).await;
    world.pass(31);
    alice.pay(bakery(&alice, 700).await, None, None).await.expect("a payment");

    let settings = Remote::parse(&shared.url(), None).expect("an address");
    let mut snapshot = postgres::snapshot::Snapshot::open(&settings).await.expect("the database");
    let forged = with_a_code(&snapshot.page(Table::Journal, None).await.expect("the journal"));
    let (client, connection) = tokio_postgres::connect(&shared.url(), NoTls).await.expect("a session");
    drop(tokio::spawn(connection));
    let text = "UPDATE journal SET accepted_step = $1, hash = $2 WHERE lane = 0 AND sequence = $3";
    client.execute(text, &[&forged.accepted_step, &&forged.hash[..], &forged.sequence]).await.expect("a row");
    client.execute("UPDATE lane SET hash = $1 WHERE lane = 0", &[&&forged.hash[..]]).await.expect("a head");

    let next = alice.pay(bakery(&alice, 100).await, None, None).await;
    assert_eq!(reason(next), pb::Reason::Unavailable);
    let rows: i64 = client.query_one("SELECT max(sequence) FROM journal", &[]).await.expect("rows").get(0);
    assert_eq!(rows, forged.sequence, "nothing was added");
}

/// It has the file for itself, so it knows its head without reading it. What somebody else added is in its
/// way, and it adds nothing behind it.
#[tokio::test]
async fn an_embedded_server_adds_nothing_behind_a_row_of_somebody_elses() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let data = world.dir.path().join("data");
    let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("it waits for the server");
    let added = "INSERT INTO journal SELECT lane, sequence + 1, tenant_id, command_id, kind, at, \
                 entry_account_id, randomblob(16), key_id, digest, outcome, postings, versions, method, \
                 payload, signature, candidate_key, randomblob(32), accepted_step FROM journal \
                 WHERE sequence = (SELECT max(sequence) FROM journal); \
                 UPDATE lane SET sequence = sequence + 1";
    connection.execute_batch(added).expect("added");
    alice.pay(bakery(&alice, 100).await, None, None).await.expect_err("its place is taken");
    let World { server, dir, .. } = world;
    server.stop().await;
    let problems = report(&dir.path().join("data")).await.problems;
    assert!(problems.iter().any(|problem| problem.what.contains("its hash")), "{problems:?}");
}

/// One column that may be anything, of a row that a wallet's life makes.
const ANY: [(&str, &str); 10] = [
    ("account", "code_failures = code_failures + 1"),
    ("device", "last_code_at = coalesce(last_code_at, 0) + 1"),
    ("document", "sealed = CAST(sealed || x'00' AS BLOB)"),
    ("data_key", "sealed = CAST(sealed || x'00' AS BLOB)"),
    ("contact", "account_id = zeroblob(16)"),
    ("factors", "issued_locked_until = issued_locked_until + 1"),
    ("funding", "linked_at = linked_at + 1"),
    ("security_event", "at = at + 1"),
    ("payment_code", "code_id = zeroblob(16)"),
    ("store", "city = 'elsewhere'"),
];

#[tokio::test]
async fn a_row_of_any_table_that_no_server_wrote_is_named() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    digits(&alice, 100).await;
    let World { server, dir, .. } = world;
    server.stop().await;
    let data = dir.path().join("data");
    assert_eq!(report(&data).await.problems, []);
    let kept = dir.path().join("kept.db");
    std::fs::copy(data.join(DATABASE_FILE), &kept).expect("a copy");
    for (table, change) in ANY {
        tamper(&data, &format!("UPDATE {table} SET {change}"));
        let problems = report(&data).await.problems;
        let is_named = problems.iter().any(|problem| {
            problem.place.contains(&format!("table {table} "))
                && problem.what == "no server wrote it so: its tag is wrong"
        });
        assert!(is_named, "{table}: {problems:?}");
        for left_over in ["saifu.db-wal", "saifu.db-shm"] {
            drop(std::fs::remove_file(data.join(left_over)));
        }
        std::fs::copy(&kept, data.join(DATABASE_FILE)).expect("as it was");
    }
}

/// Somebody with a stolen phone and write access to the database makes the phone fresh.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_reads_no_row_that_no_server_wrote() {
    let shared = Shared::start().await;
    let world = shared.world().await;
    let alice = world.funded("alice", 5_000).await;
    world.pass(301);
    let stale = alice.pay(bakery(&alice, 100).await, None, None).await;
    assert_eq!(reason(stale), pb::Reason::SecondFactorRequired);
    let (client, connection) = tokio_postgres::connect(&shared.url(), NoTls).await.expect("a session");
    drop(tokio::spawn(connection));
    let now_us = alice.now_us();
    client.execute("UPDATE device SET last_code_at = $1", &[&now_us]).await.expect("made fresh");
    let request = bakery(&alice, 100).await;
    let forged = alice.pay(request.clone(), None, None).await;
    assert!(forged.is_err(), "{forged:?}");
    let code = alice.code().expect("an authenticator").to_string();
    alice
        .pay(request, Some(&code), None)
        .await
        .expect_err("nor with a code, while the row is not the server's");
    let paid: i64 = client.query_one("SELECT count(*) FROM payment", &[]).await.expect("a count").get(0);
    assert_eq!(paid, 0);
}

#[tokio::test]
async fn the_key_that_joins_is_the_one_that_asked() {
    let world = World::start().await;
    let owner = world.owner("alice", 0).await;
    let (phone, thief) = (world.phone().await, world.phone().await);
    let asked = phone.request_add(&owner.email).await.expect("a number to show");
    // The thief's key, in the place of the phone's.
    let key = thief.signer.key().public();
    let data = world.dir.path().join("data");
    let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("it waits for the server");
    let text = "UPDATE device_addition SET key_id = ?1, point = ?2";
    assert_eq!(connection.execute(text, (&key.key_id()[..], &key.point()[..])), Ok(1));
    let code = world.next_code(&owner.wallet);
    let refused = owner.wallet.approve_add(asked.addition_id.clone(), asked.number, &code).await;
    assert!(refused.is_err(), "{refused:?}");

    // Whoever has the key of the tags as well is found by the journal.
    connection.execute("UPDATE device_addition SET tag = NULL", []).expect("any");
    rewrite(&data, Table::Addition, |row: &mut Addition| row.point = key.point().to_vec());
    let code = world.next_code(&owner.wallet);
    owner.wallet.approve_add(asked.addition_id, asked.number, &code).await.expect("the thief's");
    world.server.stop().await;
    let problems = report(&data).await.problems;
    let what = "it enrols another key than the one that asked to join";
    assert!(problems.iter().any(|problem| problem.what == what), "{problems:?}");
}

#[tokio::test]
async fn a_checkpoint_vouches_for_no_head_that_the_server_did_not_sign() {
    let world = World::start().await;
    world.wallet("alice").await;
    let data = world.dir.path().join("data");
    let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("it waits for the server");
    assert_eq!(connection.execute("UPDATE lane SET hash = zeroblob(32)", []), Ok(1));
    world.server.stop().await;
    let checkpoints = checkpoint::read(&data.join(CHECKPOINT_FILE)).expect("a file, or none");
    let heads: Vec<_> = checkpoints.iter().flat_map(|checkpoint| &checkpoint.heads).collect();
    assert!(heads.iter().all(|(_, _, hash)| *hash != [0; 32]), "{heads:?}");
}

#[tokio::test]
async fn a_verdict_says_what_it_could_not_look_at() {
    let world = World::start().await;
    world.wallet("alice").await;
    let World { server, dir, .. } = world;
    server.stop().await;
    let data = dir.path().join("data");
    let subject = |trust, checkpoints: &str| Subject {
        database: Database::Embedded(data.clone()),
        checkpoints: data.join(checkpoints),
        trust,
    };
    let keys = || trust_in(&data.join("keys"));
    let Trust::Keys(integrity) = keys() else { panic!("there are keys") };
    let public = || Trust::PublicKey(integrity.public());
    for (trust, checkpoints, weaknesses) in [
        (keys(), CHECKPOINT_FILE, 0),
        (public(), CHECKPOINT_FILE, 1),
        (Trust::Nothing, CHECKPOINT_FILE, 1),
        (keys(), "none", 1),
        (Trust::Nothing, "none", 2),
    ] {
        let subject = subject(trust, checkpoints);
        let report = tokio::task::spawn_blocking(move || verify_now(&subject, Policy::standard())).await;
        let report = report.expect("no panic").expect("a report");
        assert!(report.holds(), "{:?}", report.problems);
        assert_eq!(report.weaknesses.len(), weaknesses, "{:?}", report.weaknesses);
    }
    let other = subject(Trust::PublicKey([7; 32]), CHECKPOINT_FILE);
    let report = tokio::task::spawn_blocking(move || verify_now(&other, Policy::standard())).await;
    let problems = report.expect("no panic").expect("a report").problems;
    assert!(
        problems.iter().any(|problem| problem.what.starts_with("another server made it")),
        "{problems:?}"
    );
    tamper(&data, "DELETE FROM journal");
    let emptied = subject(public(), "none");
    let report = tokio::task::spawn_blocking(move || verify_now(&emptied, Policy::standard())).await;
    let problems = report.expect("no panic").expect("a report").problems;
    assert!(
        problems.iter().any(|problem| problem.what.starts_with("it does not name the server")),
        "{problems:?}"
    );
}
