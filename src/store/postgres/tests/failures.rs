//! Sessions that are killed, servers that crash: nothing lost, nothing doubled, and it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;

use super::races::{is_exact, many_payers};
use super::rig::{Cluster, until};
use super::services::Wanted;
use crate::domain::command::Command;
use crate::domain::rows::RowKey;
use crate::domain::tests::fixture::{Ledger, ledger_account_id};
use crate::env::pause;
use crate::store::postgres::Remote;
use crate::store::query::Query;
use crate::store::tests::cases::is_paid;
use crate::store::tests::rig::Rig;
use crate::store::{Store, StoreError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_sessions_and_servers_end() {
    let mut cluster = Cluster::start(Wanted { durable: true, ..Wanted::default() }).await;
    let cases = async {
        a_batch_whose_session_is_killed_is_decided_anew(&cluster).await;
        sessions_are_killed_all_the_time(&cluster).await;
        the_server_crashes_and_comes_back(&mut cluster).await;
    };
    // Whoever is never answered must not keep the test for ever.
    tokio::time::timeout(Duration::from_mins(3), cases).await.expect("everything is answered in time");
}

/// In the middle of its reads, which wait for a row.
async fn a_batch_whose_session_is_killed_is_decided_anew(cluster: &Cluster) {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    let rig = Rig::running(cluster, &ledger).await;
    let mut other = cluster.session(&rig.place).await;
    other.client().batch_execute("BEGIN; SELECT 1 FROM account FOR UPDATE").await.expect("it locks");
    let waiting =
        format!("FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'", rig.place);
    let kill = async {
        until(cluster, "a batch waits", &format!("SELECT count(*) > 0 {waiting}")).await;
        cluster.sql("postgres", &format!("SELECT pg_terminate_backend(pid) {waiting}")).await;
        let loads = || rig.log().loads.len();
        while loads() < 2 {
            pause(Duration::from_millis(1)).await;
        }
        other.client().batch_execute("ROLLBACK").await.expect("it ends");
    };
    let (answers, ()) = tokio::join!(rig.all([ledger.pay("alice → bakery 10").command]), kill);
    assert!(is_paid(&answers[0]), "{answers:?}");
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 10));
}

/// As a client does: the same request until there is an answer.
async fn insist(store: &Store, command: Command) -> usize {
    for refused in 0..10_000 {
        match store.execute(command.clone()).await {
            Err(StoreError::Unavailable | StoreError::Busy) => {
                pause(Duration::from_millis(5)).await;
            }
            answer => {
                assert!(is_paid(&answer), "{answer:?}");
                return refused;
            }
        }
    }
    panic!("never answered: {command:?}")
}

/// All commands at two servers, each from a task of its own, one more every two milliseconds (all at
/// once fit into so few batches that little could be ended meanwhile); counts those that are done.
fn send(remotes: &[Remote], commands: Vec<Command>, done: &Arc<AtomicUsize>) -> tokio::task::JoinSet<usize> {
    let mut tasks = tokio::task::JoinSet::new();
    for ((command, remote), nth) in commands.into_iter().zip(remotes.iter().cycle()).zip(0..) {
        let (store, done) = (remote.store(), Arc::clone(done));
        tasks.spawn(async move {
            pause(Duration::from_millis(2 * nth)).await;
            let refused = insist(&store, command).await;
            done.fetch_add(1, Ordering::SeqCst);
            refused
        });
    }
    tasks
}

/// 1,000 commands, while every session of the database is ended again and again.
async fn sessions_are_killed_all_the_time(cluster: &Cluster) {
    let (ledger, commands) = many_payers(250);
    let database = cluster.seeded(&ledger).await;
    let remotes = [cluster.open(&database, &ledger, 1).await, cluster.open(&database, &ledger, 2).await];
    let done = Arc::new(AtomicUsize::new(0));
    let tasks = send(&remotes, commands, &done);
    let mut killer = cluster.session("postgres").await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
    let mut killed = 0_i64;
    while done.load(Ordering::SeqCst) < 1_000 {
        killed += killer.client().query_one(kill, &[&database]).await.expect("it kills").get::<_, i64>(0);
        pause(Duration::from_millis(50)).await;
    }
    tasks.join_all().await;
    assert!(killed >= 10, "{killed} sessions were killed");
    eprintln!("{killed} sessions were killed");
    is_exact(&remotes[0].store(), 250).await;
    for remote in remotes {
        remote.close().await;
    }
}

async fn the_server_crashes_and_comes_back(cluster: &mut Cluster) {
    let (ledger, commands) = many_payers(250);
    let database = cluster.seeded(&ledger).await;
    let mut remotes = [cluster.open(&database, &ledger, 1).await];
    let mut ended = remotes[0].ended().expect("once");
    let done = Arc::new(AtomicUsize::new(0));
    let tasks = send(&remotes, commands, &done);
    for wanted in [100, 400] {
        while done.load(Ordering::SeqCst) < wanted {
            pause(Duration::from_millis(1)).await;
        }
        cluster.server.crash();
        let before = done.load(Ordering::SeqCst);
        assert!(before < 1_000, "it crashed in the middle");
        let unheard = remotes[0].store().fetch(Query::row(RowKey::Lane(0))).await;
        assert!(matches!(unheard, Err(StoreError::Unavailable)), "{unheard:?}");
        cluster.server.resume();
    }
    let refused: usize = tasks.join_all().await.into_iter().sum();
    assert!(refused > 0, "while it was away commands were told so");
    is_exact(&remotes[0].store(), 250).await;
    assert_eq!(ended.try_recv(), Err(TryRecvError::Empty), "the writer works on");
    for remote in remotes {
        remote.close().await;
    }
}
