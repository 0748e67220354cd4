//! Batches: neighbours, bounds, hang-ups, and what a failure leaves behind.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tempfile::TempDir;

use super::rig::{Rig, all, seed};
use crate::domain::command::{DeviceAction, Order};
use crate::domain::decide::{Stale, Traceless};
use crate::domain::id::{LedgerAccountId, PaymentId};
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::rows::{Row, RowKey};
use crate::domain::tests::fixture::{Attempt, Ledger, NOW, account_id, ledger_account_id};
use crate::domain::time::HOUR_US;
use crate::env::clock::ManualClock;
use crate::store::batch::BackendError;
use crate::store::sqlite::{Embedded, Options};
use crate::store::{Answer, StoreError};

const TEXT: &str = "alice 500 jpy fresh | bob 500 jpy fresh | carol 500 jpy fresh | bakery";

fn under(mut payment: Attempt, id: u8) -> Attempt {
    if let DeviceAction::Pay { payment_id, .. } = payment.action() {
        *payment_id = PaymentId([id; 16]);
    }
    payment
}

fn is_paid(answer: &Result<Answer, StoreError>) -> bool {
    matches!(answer, Ok(Answer::Final(Outcome::Paid { .. })))
}

#[tokio::test]
async fn a_batch_that_panics_costs_its_own_callers_only() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    rig.log().panics = 1;
    let lost = ledger.pay("alice → bakery 10").command;
    assert_eq!(rig.all([lost.clone()]).await, [Err(StoreError::Unavailable)]);
    let answers = rig.all([lost, ledger.pay("bob → bakery 20").command]).await;
    assert!(answers.iter().all(is_paid), "{answers:?}");
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 30));
}

#[tokio::test]
async fn a_command_that_breaks_a_constraint_does_not_disturb_its_neighbours() {
    let mut ledger = Ledger::parse(TEXT);
    let mut rig = Rig::running(&ledger);
    let first = under(ledger.pay("alice → bakery 1"), 9);
    assert!(is_paid(&rig.all([first.command]).await[0]));
    rig.clear_log();
    // The second one's payment id is taken.
    let batch = [
        ledger.pay("alice → bakery 10"),
        under(ledger.pay("bob → bakery 20"), 9),
        ledger.pay("carol → bakery 40"),
    ];
    let answers = rig.all(batch.clone().map(|attempt| attempt.command)).await;
    assert!(is_paid(&answers[0]), "{answers:?}");
    assert_eq!(answers[1], Err(StoreError::Defect));
    assert!(is_paid(&answers[2]), "{answers:?}");
    assert_eq!(rig.log().commits, 2, "one command a commit");
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 51));
    assert_eq!(rig.journal_rows(), 3);
    for (name, available_minor) in [("alice", 489), ("bob", 500), ("carol", 460)] {
        let Some(Row::Account(account)) = rig.row(&RowKey::Account(account_id(name))) else { panic!() };
        assert_eq!(account.available_minor(), available_minor, "{name}");
    }
    // Nobody heard of what was rolled back, and the lane has no gap.
    let mut heard = Vec::new();
    while let Ok(commit) = rig.commits.try_recv() {
        heard.extend(commit.iter().map(|committed| committed.sequence));
    }
    assert_eq!(heard, [1, 2, 3]);
    // Nothing of it stayed in the writer's memory either.
    let [_, refused, _] = batch;
    let again = under(refused, 8);
    assert!(is_paid(&rig.all([again.command]).await[0]));
}

#[tokio::test]
async fn two_commands_of_one_batch_cannot_insert_the_same_row() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    let batch = [
        under(ledger.pay("alice → bakery 10"), 9),
        under(ledger.pay("bob → bakery 20"), 9),
        ledger.pay("carol → bakery 40"),
    ];
    let answers = rig.all(batch.map(|attempt| attempt.command)).await;
    assert!(is_paid(&answers[0]), "{answers:?}");
    assert_eq!(answers[1], Err(StoreError::Defect));
    assert!(is_paid(&answers[2]), "{answers:?}");
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 50));
    assert_eq!(super::rig::count(&rig.connection(), "payment"), 2);
}

#[tokio::test]
async fn a_credit_to_an_account_that_is_not_there_is_a_defect_and_moves_nothing() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    let warm = ledger.pay("alice → bakery 1");
    assert!(is_paid(&rig.all([warm.command]).await[0]));
    let directory = rig.directory.path().join(crate::store::sqlite::DATABASE_FILE);
    let doctor = rusqlite::Connection::open(directory).expect("a second connection");
    doctor.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM ledger_account").expect("it is gone");
    let payment = ledger.pay("alice → bakery 10");
    assert_eq!(rig.all([payment.command]).await, [Err(StoreError::Defect)]);
    let Some(Row::Account(account)) = rig.row(&RowKey::Account(account_id("alice"))) else { panic!() };
    assert_eq!(account.available_minor(), 499);
}

#[tokio::test]
async fn a_refused_and_a_rejected_command_commit_their_own_rows_beside_their_neighbours() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    let mut stale = ledger.pay("bob → bakery 2");
    stale.epoch(9);
    let paid = ledger.pay("alice → bakery 10");
    let batch = [
        paid.clone(),
        ledger.pay("bob → bakery 501"),
        ledger.pay("carol → bakery 20").wrong_code(),
        stale,
        paid.clone(),
        paid.other_body(1),
        ledger.pay("carol → bakery 40"),
    ];
    let answers = rig.all(batch.map(|attempt| attempt.command)).await;
    assert!(is_paid(&answers[0]));
    let refused = Outcome::refused(Refusal::InsufficientBalance);
    assert_eq!(answers[1], Ok(Answer::Final(refused)));
    assert_eq!(answers[2], Ok(Answer::Open(OpenAnswer::CodeWrong)));
    assert_eq!(answers[3], Ok(Answer::Stale(Stale::Key)));
    assert_eq!(answers[4], answers[0]);
    assert_eq!(answers[5], Ok(Answer::Nothing(Traceless::RequestIdReused)));
    assert!(is_paid(&answers[6]));
    assert_eq!(rig.log().commits, 1);
    assert_eq!(rig.journal_rows(), 3);
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 50));
    let Some(Row::Account(carol)) = rig.row(&RowKey::Account(account_id("carol"))) else { panic!() };
    assert_eq!((carol.code_failures, carol.available_minor()), (1, 460));
}

#[tokio::test]
async fn each_command_of_a_batch_sees_the_one_before_it() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    let batch = [
        ledger.pay("alice → bakery 300"),
        ledger.pay("alice → bakery 201"),
        ledger.order("alice", DeviceAction::Freeze),
        ledger.pay("alice → bakery 1"),
    ];
    let answers = rig.all(batch.map(|attempt| attempt.command)).await;
    assert!(is_paid(&answers[0]));
    assert_eq!(answers[1], Ok(Answer::Final(Outcome::refused(Refusal::InsufficientBalance))));
    assert_eq!(answers[2], Ok(Answer::Final(Outcome::Frozen { frozen_at: NOW })));
    assert_eq!(answers[3], Ok(Answer::Final(Outcome::refused(Refusal::AccountFrozen))));
    assert_eq!(rig.log().commits, 1);
}

#[tokio::test]
async fn past_the_queues_bound_a_command_is_turned_away_at_once() {
    let mut ledger = Ledger::parse(TEXT);
    let mut rig = Rig::idle(&ledger, 2, 1_024);
    let attempts: Vec<_> = (0..3).map(|_| ledger.pay("alice → bakery 10").command).collect();
    let mut executions: Vec<_> =
        attempts.into_iter().map(|command| Box::pin(rig.store.execute(command))).collect();
    let mut polled = Vec::new();
    for execution in &mut executions {
        polled.push(poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await);
    }
    assert_eq!(polled, [Poll::Pending, Poll::Pending, Poll::Ready(Err(StoreError::Busy))]);
    executions.truncate(2);
    drop(executions);
    rig.start();
    let committed = rig.commits.recv().await.expect("the writer goes on");
    // Whoever was taken in is done, whoever was not left no trace.
    assert_eq!(committed.len(), 2);
    let next = ledger.pay("bob → bakery 1");
    assert!(is_paid(&rig.all([next.command]).await[0]));
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 21));
}

#[tokio::test]
async fn a_queued_command_commits_whoever_hangs_up_and_its_repetition_hears_the_answer() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::idle(&ledger, 16, 1_024);
    let payment = ledger.pay("alice → bakery 10").command;
    let mut execution = Box::pin(rig.store.execute(payment.clone()));
    let polled = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
    assert_eq!(polled, Poll::Pending);
    drop(execution);
    rig.start();
    assert!(is_paid(&rig.all([payment]).await[0]));
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 10));
    assert_eq!(rig.journal_rows(), 1);
}

#[tokio::test]
async fn closing_commits_what_is_queued_and_what_was_acknowledged_is_there_afterwards() {
    let mut ledger = Ledger::parse(TEXT);
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &ledger);
    let clock = Arc::new(ManualClock::new(NOW.0));
    let policy = Arc::new(ledger.policy.clone());
    let open = || {
        let options = Options::new(Arc::clone(&policy), Arc::clone(&clock) as Arc<_>);
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
    assert_eq!(super::rig::count(&reader, "payment"), 4);
}

#[tokio::test]
async fn a_batch_that_cannot_be_committed_leaves_nothing_and_the_same_request_does_it_later() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    let warm = ledger.pay("alice → bakery 1");
    assert!(is_paid(&rig.all([warm.command]).await[0]));
    rig.log().failures.push(BackendError::Unavailable);
    let payment = ledger.pay("alice → bakery 10").command;
    assert_eq!(rig.all([payment.clone()]).await, [Err(StoreError::Unavailable)]);
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 1));
    assert!(is_paid(&rig.all([payment]).await[0]));
    assert_eq!(rig.sums(ledger_account_id("bakery")), (0, 11));
    let Some(Row::Account(alice)) = rig.row(&RowKey::Account(account_id("alice"))) else { panic!() };
    assert_eq!((alice.available_minor(), alice.version), (489, 9));
}

#[tokio::test]
async fn after_a_commit_of_unknown_end_nothing_more_is_written() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    rig.log().failures.push(BackendError::Broken);
    for _ in 0..2 {
        let payment = ledger.pay("alice → bakery 10");
        assert_eq!(rig.all([payment.command]).await, [Err(StoreError::Unavailable)]);
    }
    assert_eq!(rig.log().commits, 0);
    assert_eq!(rig.journal_rows(), 0);
}

#[tokio::test]
async fn a_batchs_time_is_never_below_the_lanes_mark() {
    let mut ledger = Ledger::parse(TEXT);
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &ledger);
    for (clock_us, freeze) in [(NOW.0 + HOUR_US, "alice"), (NOW.0, "bob")] {
        let clock = Arc::new(ManualClock::new(clock_us));
        let options = Options::new(Arc::new(ledger.policy.clone()), clock);
        let embedded = Embedded::open(directory.path(), options).expect("the directory opens");
        let attempt = ledger.order(freeze, DeviceAction::Freeze);
        let answers = all(&embedded.store(), [attempt.command]).await;
        // The second one's clock is an hour behind.
        let frozen_at = NOW.plus_us(HOUR_US);
        assert_eq!(answers, [Ok(Answer::Final(Outcome::Frozen { frozen_at }))], "{freeze}");
        embedded.close();
    }
}

/// `a_hot_merchant_stays_exact_and_fast`: however many pay one merchant, a batch updates its row
/// once, without having loaded it, and not a yen is lost.
#[tokio::test]
async fn a_hot_merchant_stays_exact_and_fast() {
    let payers: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    let text: Vec<String> = payers.iter().map(|payer| format!("{payer} 1000 jpy fresh | ")).collect();
    let mut ledger = Ledger::parse(&format!("{} bakery", text.concat()));
    let rig = Rig::idle(&ledger, 4_096, 128);
    let bakery = ledger_account_id("bakery");
    let commands: Vec<_> = payers
        .iter()
        .enumerate()
        .map(|(number, payer)| ledger.pay(&format!("{payer} → bakery {}", number + 1)).command)
        .collect();
    let mut executions: Vec<_> =
        commands.into_iter().map(|command| Box::pin(rig.store.execute(command))).collect();
    for execution in &mut executions {
        let polled = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
        assert_eq!(polled, Poll::Pending);
    }
    // The writer starts when everybody is in the queue: 128 + 128 + 44.
    rig.start();
    for execution in executions {
        assert!(is_paid(&execution.await));
    }
    let log = rig.log();
    assert_eq!(log.nets.len(), 3);
    for (net, (payments, credited_minor)) in log.nets.iter().zip([(128, 8_256), (128, 24_640), (44, 12_254)])
    {
        assert_eq!(net.credits, [(bakery, 0, credited_minor)], "one row update a batch");
        let inserted = net
            .changes
            .iter()
            .filter(|change| matches!(change, crate::store::batch::Change::Insert(Row::Payment(_))))
            .count();
        assert_eq!(inserted, payments);
    }
    let loaded = |key: &RowKey| matches!(key, RowKey::LedgerAccount(LedgerAccountId(_)));
    assert!(!log.loads.iter().flatten().any(loaded), "it is neither loaded nor locked");
    drop(log);
    assert_eq!(rig.sums(bakery), (0, 45_150));
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
    let options = Options::new(Arc::new(ledger.policy.clone()), clock);
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
    let Ok(Some(Row::LedgerAccount(bakery))) = crate::store::sqlite::read::row(&reader, &key) else {
        panic!("the merchant's account is there")
    };
    assert_eq!(super::rig::sums(&bakery), (0, 25_600));
    assert_eq!(super::rig::count(&reader, "journal"), 256);
}

#[tokio::test]
async fn chores_are_not_journalled() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&ledger);
    let rejected = ledger.pay("alice → bakery 1").wrong_code();
    let key = rejected.command.keys().into_iter().find(|key| matches!(key, RowKey::OpenRequest(..)));
    let key = key.expect("a signed command names its open request");
    rig.all([rejected.command]).await;
    assert!(rig.row(&key).is_some());
    rig.clock.advance_us(HOUR_US);
    let chore = ledger.command(Order::Chore(crate::domain::command::Chore::Expire(vec![key.clone()])));
    for _ in 0..2 {
        assert_eq!(rig.all([chore.command.clone()]).await, [Ok(Answer::Kept)]);
        assert_eq!(rig.row(&key), None);
    }
    assert_eq!(rig.journal_rows(), 0);
}
