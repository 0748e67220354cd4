//! What only the embedded store promises: its data directory, closed and opened again.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tempfile::TempDir;

use super::rig::{count, seed};
use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::domain::rows::{Row, RowKey};
use crate::domain::tests::fixture::{Ledger, NOW, ledger_account_id};
use crate::domain::time::{HOUR_US, SECOND_US};
use crate::env::clock::ManualClock;
use crate::store::sqlite::{Embedded, Options};
use crate::store::tests::cases::is_paid;
use crate::store::tests::rig::{all, integrity, sums};
use crate::store::{Answer, StoreError};

const TEXT: &str = "alice 500 jpy fresh | bob 500 jpy fresh | carol 500 jpy fresh | bakery";

#[tokio::test]
async fn closing_commits_what_is_queued_and_what_was_acknowledged_is_there_afterwards() {
    let mut ledger = Ledger::parse(TEXT);
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &ledger);
    let clock = Arc::new(ManualClock::new(NOW.0));
    let policy = Arc::new(ledger.policy.clone());
    let open = || {
        let options = Options::new(Arc::clone(&policy), Arc::clone(&clock) as Arc<_>, integrity());
        Embedded::open(directory.path(), options).expect("the directory opens")
    };
    let embedded = open();
    let store = embedded.store();
    let mut queued = Vec::new();
    for _ in 0..3 {
        let mut execution = Box::pin(store.execute(ledger.pay("alice → bakery 10").command));
        // Whether it is answered by then does not matter: nobody waits for it.
        let _polled = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
        queued.push(execution);
    }
    drop(queued);
    embedded.close();
    let embedded = open();
    let next = ledger.pay("bob → bakery 1");
    assert!(is_paid(&all(&embedded.store(), [next.command]).await[0]));
    let store = embedded.store();
    embedded.close();
    let late = ledger.pay("bob → bakery 1");
    assert_eq!(all(&store, [late.command]).await, [Err(StoreError::Unavailable)]);
    let path = directory.path().join(crate::store::sqlite::DATABASE_FILE);
    let reader = crate::store::sqlite::connection::reader(&path).expect("it reads");
    assert_eq!(count(&reader, "payment"), 4);
}

#[tokio::test]
async fn a_batchs_time_is_never_below_the_lanes_mark() {
    let mut ledger = Ledger::parse(TEXT);
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &ledger);
    // The second one's clock is half a minute behind.
    for (clock_us, freeze) in [(NOW.0 + HOUR_US, "alice"), (NOW.0 + HOUR_US - 30 * SECOND_US, "bob")] {
        let clock = Arc::new(ManualClock::new(clock_us));
        let options = Options::new(Arc::new(ledger.policy.clone()), clock, integrity());
        let embedded = Embedded::open(directory.path(), options).expect("the directory opens");
        let attempt = ledger.order(freeze, DeviceAction::Freeze);
        let answers = all(&embedded.store(), [attempt.command]).await;
        let frozen_at = NOW.plus_us(HOUR_US);
        assert_eq!(answers, [Ok(Answer::Final(Outcome::Frozen { frozen_at }))], "{freeze}");
        embedded.close();
    }
}

#[tokio::test]
async fn a_journal_far_ahead_of_the_clock_is_not_opened() {
    let mut ledger = Ledger::parse(TEXT);
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &ledger);
    let policy = Arc::new(ledger.policy.clone());
    let open = |clock_us| {
        let options = Options::new(Arc::clone(&policy), Arc::new(ManualClock::new(clock_us)), integrity());
        Embedded::open(directory.path(), options)
    };
    let embedded = open(NOW.0 + HOUR_US).expect("nothing is stamped yet");
    let attempt = ledger.order("alice", DeviceAction::Freeze);
    all(&embedded.store(), [attempt.command]).await;
    embedded.close();
    let refused = open(NOW.0 + HOUR_US - 30 * SECOND_US - 1).err().expect("31 s behind").to_string();
    let said = "the time cannot be told, and nothing was written: the journal's last time is 31 s ahead of \
                this machine's clock; set the clock, or wait until that time has come";
    assert_eq!(refused, said);
    open(NOW.0 + HOUR_US).expect("the same directory, once the clock is right").close();
}

/// The same with threads that really race for the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hot_merchant_stays_exact_while_threads_race() {
    let payers: Vec<String> = (0..64).map(|number| format!("p{number}")).collect();
    let text: Vec<String> = payers.iter().map(|payer| format!("{payer} 1000 jpy fresh | ")).collect();
    let mut ledger = Ledger::parse(&format!("{} bakery", text.concat()));
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &ledger);
    let clock = Arc::new(ManualClock::new(NOW.0));
    let options = Options::new(Arc::new(ledger.policy.clone()), clock, integrity());
    let embedded = Embedded::open(directory.path(), options).expect("the directory opens");
    let mut tasks = tokio::task::JoinSet::new();
    for payer in &payers {
        // Each pays ¥100 four times, and sends each payment twice.
        for _ in 0..4 {
            let command = ledger.pay(&format!("{payer} → bakery 100")).command;
            for _ in 0..2 {
                let (store, command) = (embedded.store(), command.clone());
                tasks.spawn(async move { store.execute(command).await });
            }
        }
    }
    while let Some(answer) = tasks.join_next().await {
        assert!(is_paid(&answer.expect("no task panics")));
    }
    embedded.close();
    let path = directory.path().join(crate::store::sqlite::DATABASE_FILE);
    let reader = crate::store::sqlite::connection::reader(&path).expect("it reads");
    let key = RowKey::LedgerAccount(ledger_account_id("bakery"));
    let Ok(Some(Row::LedgerAccount(bakery))) =
        crate::store::sqlite::read::row(&reader, &key, integrity().get())
    else {
        panic!("the merchant's account is there")
    };
    assert_eq!(sums(&bakery), (0, 25_600));
    assert_eq!(count(&reader, "journal"), 256);
}
