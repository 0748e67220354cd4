//! Batches: neighbours, bounds, hang-ups, and what a failure leaves behind.

use std::future::{Future as _, poll_fn};
use std::task::Poll;

use super::rig::{Kind, Rig};
use crate::domain::command::{DeviceAction, Order};
use crate::domain::decide::{Stale, Traceless};
use crate::domain::id::{LedgerAccountId, PaymentId};
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Lane, Row, RowKey, Table};
use crate::domain::tests::fixture::{Attempt, Ledger, NOW, account_id, ledger_account_id};
use crate::domain::time::{HOUR_US, SECOND_US};
use crate::store::backend::BackendError;
use crate::store::{Answer, StoreError};

const TEXT: &str = "alice 500 jpy fresh | bob 500 jpy fresh | carol 500 jpy fresh | bakery";

/// Calls a macro with the names of all cases.
macro_rules! each_case {
    ($called:ident) => {
        $called! {
            a_batch_that_panics_costs_its_own_callers_only
            a_command_that_breaks_a_constraint_does_not_disturb_its_neighbours
            two_commands_of_one_batch_cannot_insert_the_same_row
            a_credit_to_an_account_that_is_not_there_is_a_defect_and_moves_nothing
            a_refused_and_a_rejected_command_commit_their_own_rows_beside_their_neighbours
            each_command_of_a_batch_sees_the_one_before_it
            past_the_queues_bound_a_command_is_turned_away_at_once
            a_queued_command_commits_whoever_hangs_up_and_its_repetition_hears_the_answer
            a_batch_that_cannot_be_committed_leaves_nothing_and_the_same_request_does_it_later
            after_a_commit_of_unknown_end_nothing_more_is_written
            a_hot_merchant_stays_exact_and_fast
            chores_are_not_journalled
            a_batch_that_others_get_in_the_way_of_is_decided_anew_within_a_bound
            a_commit_whose_end_nobody_heard_of_is_not_done_twice
            a_clock_that_leaps_stamps_nothing_until_it_is_back
            a_clock_far_behind_the_lane_stamps_nothing_until_it_is_back
        }
    };
}
pub(crate) use each_case;

pub(crate) fn under(mut payment: Attempt, id: u8) -> Attempt {
    if let DeviceAction::Pay { payment_id, .. } = payment.action() {
        *payment_id = PaymentId([id; 16]);
    }
    payment
}

pub(crate) fn is_paid(answer: &Result<Answer, StoreError>) -> bool {
    matches!(answer, Ok(Answer::Final(Outcome::Paid { .. })))
}

pub(crate) async fn a_batch_that_panics_costs_its_own_callers_only<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    rig.log().panics = 1;
    let lost = ledger.pay("alice → bakery 10").command;
    assert_eq!(rig.all([lost.clone()]).await, [Err(StoreError::Unavailable)]);
    let answers = rig.all([lost, ledger.pay("bob → bakery 20").command]).await;
    assert!(answers.iter().all(is_paid), "{answers:?}");
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 30));
}

pub(crate) async fn a_command_that_breaks_a_constraint_does_not_disturb_its_neighbours<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let mut rig = Rig::running(kind, &ledger).await;
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
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 51));
    assert_eq!(rig.count(Table::Journal).await, 3);
    for (name, available_minor) in [("alice", 489), ("bob", 500), ("carol", 460)] {
        let Some(Row::Account(account)) = rig.row(&RowKey::Account(account_id(name))).await else { panic!() };
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

pub(crate) async fn two_commands_of_one_batch_cannot_insert_the_same_row<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    let batch = [
        under(ledger.pay("alice → bakery 10"), 9),
        under(ledger.pay("bob → bakery 20"), 9),
        ledger.pay("carol → bakery 40"),
    ];
    let answers = rig.all(batch.map(|attempt| attempt.command)).await;
    assert!(is_paid(&answers[0]), "{answers:?}");
    assert_eq!(answers[1], Err(StoreError::Defect));
    assert!(is_paid(&answers[2]), "{answers:?}");
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 50));
    assert_eq!(rig.count(Table::Payment).await, 2);
}

pub(crate) async fn a_credit_to_an_account_that_is_not_there_is_a_defect_and_moves_nothing<K: Kind>(
    kind: &K,
) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    let warm = ledger.pay("alice → bakery 1");
    assert!(is_paid(&rig.all([warm.command]).await[0]));
    kind.lose_ledger_accounts(&rig.place).await;
    let payment = ledger.pay("alice → bakery 10");
    assert_eq!(rig.all([payment.command]).await, [Err(StoreError::Defect)]);
    let Some(Row::Account(account)) = rig.row(&RowKey::Account(account_id("alice"))).await else { panic!() };
    assert_eq!(account.available_minor(), 499);
}

pub(crate) async fn a_refused_and_a_rejected_command_commit_their_own_rows_beside_their_neighbours<
    K: Kind,
>(
    kind: &K,
) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
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
    assert_eq!(rig.count(Table::Journal).await, 3);
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 50));
    let Some(Row::Account(carol)) = rig.row(&RowKey::Account(account_id("carol"))).await else { panic!() };
    assert_eq!((carol.code_failures, carol.available_minor()), (1, 460));
}

pub(crate) async fn each_command_of_a_batch_sees_the_one_before_it<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
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

pub(crate) async fn past_the_queues_bound_a_command_is_turned_away_at_once<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let mut rig = Rig::idle(kind, &ledger, 2, 1_024).await;
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
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 21));
}

pub(crate) async fn a_queued_command_commits_whoever_hangs_up_and_its_repetition_hears_the_answer<K: Kind>(
    kind: &K,
) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::idle(kind, &ledger, 16, 1_024).await;
    let payment = ledger.pay("alice → bakery 10").command;
    let mut execution = Box::pin(rig.store.execute(payment.clone()));
    let polled = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
    assert_eq!(polled, Poll::Pending);
    drop(execution);
    rig.start();
    assert!(is_paid(&rig.all([payment]).await[0]));
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 10));
    assert_eq!(rig.count(Table::Journal).await, 1);
}

pub(crate) async fn a_batch_that_cannot_be_committed_leaves_nothing_and_the_same_request_does_it_later<
    K: Kind,
>(
    kind: &K,
) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    let warm = ledger.pay("alice → bakery 1");
    assert!(is_paid(&rig.all([warm.command]).await[0]));
    rig.log().failures.push(BackendError::Unavailable);
    let payment = ledger.pay("alice → bakery 10").command;
    assert_eq!(rig.all([payment.clone()]).await, [Err(StoreError::Unavailable)]);
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 1));
    assert!(is_paid(&rig.all([payment]).await[0]));
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 11));
    let Some(Row::Account(alice)) = rig.row(&RowKey::Account(account_id("alice"))).await else { panic!() };
    assert_eq!((alice.available_minor(), alice.version), (489, 9));
}

pub(crate) async fn after_a_commit_of_unknown_end_nothing_more_is_written<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    rig.log().failures.push(BackendError::Broken);
    for _ in 0..2 {
        let payment = ledger.pay("alice → bakery 10");
        assert_eq!(rig.all([payment.command]).await, [Err(StoreError::Unavailable)]);
    }
    assert_eq!(rig.log().commits, 0);
    assert_eq!(rig.count(Table::Journal).await, 0);
}

/// `a_hot_merchant_stays_exact_and_fast`: however many pay one merchant, a batch updates its row
/// once, without having loaded it, and not a yen is lost.
pub(crate) async fn a_hot_merchant_stays_exact_and_fast<K: Kind>(kind: &K) {
    let payers: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    let text: Vec<String> = payers.iter().map(|payer| format!("{payer} 1000 jpy fresh | ")).collect();
    let mut ledger = Ledger::parse(&format!("{} bakery", text.concat()));
    let rig = Rig::idle(kind, &ledger, 4_096, 128).await;
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
    let log = std::mem::take(&mut *rig.log());
    assert_eq!(log.nets.len(), 3);
    for (net, (payments, credited_minor)) in log.nets.iter().zip([(128, 8_256), (128, 24_640), (44, 12_254)])
    {
        assert_eq!(net.credits, [(bakery, 0, credited_minor)], "one row update a batch");
        let inserted = net
            .changes
            .iter()
            .filter(|change| matches!(change, crate::store::backend::Change::Insert(Row::Payment(_))))
            .count();
        assert_eq!(inserted, payments);
    }
    let loaded = |key: &RowKey| matches!(key, RowKey::LedgerAccount(LedgerAccountId(_)));
    assert!(!log.loads.iter().flatten().any(loaded), "it is neither loaded nor locked");
    assert_eq!(rig.sums(bakery).await, (0, 45_150));
}

pub(crate) async fn chores_are_not_journalled<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    let rejected = ledger.pay("alice → bakery 1").wrong_code();
    let key = rejected.command.keys().into_iter().find(|key| matches!(key, RowKey::OpenRequest(..)));
    let key = key.expect("a signed command names its open request");
    rig.all([rejected.command]).await;
    assert!(rig.row(&key).await.is_some());
    rig.clock.advance_us(HOUR_US);
    let chore = ledger.command(Order::Chore(crate::domain::command::Chore::Expire(vec![key.clone()])));
    for _ in 0..2 {
        assert_eq!(rig.all([chore.command.clone()]).await, [Ok(Answer::Kept)]);
        assert_eq!(rig.row(&key).await, None);
    }
    assert_eq!(rig.count(Table::Journal).await, 0);
}

pub(crate) async fn a_batch_that_others_get_in_the_way_of_is_decided_anew_within_a_bound<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    rig.log().failures.extend([BackendError::Conflict; 6]);
    let payment = ledger.pay("alice → bakery 10").command;
    assert!(is_paid(&rig.all([payment]).await[0]));
    assert_eq!(rig.log().nets.len(), 7);
    assert_eq!(rig.log().commits, 1);
    rig.log().failures.extend([BackendError::Conflict; 7]);
    let given_up = ledger.pay("bob → bakery 20").command;
    assert_eq!(rig.all([given_up.clone()]).await, [Err(StoreError::Unavailable)]);
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 10));
    assert!(is_paid(&rig.all([given_up]).await[0]));
    assert_eq!(rig.count(Table::Journal).await, 2);
}

pub(crate) async fn a_commit_whose_end_nobody_heard_of_is_not_done_twice<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    rig.log().lost_commits = 2;
    let batch = [ledger.pay("alice → bakery 10"), ledger.pay("bob → bakery 20").wrong_code()];
    let answers = rig.all(batch.map(|attempt| attempt.command)).await;
    assert!(is_paid(&answers[0]), "{answers:?}");
    assert_eq!(answers[1], Ok(Answer::Open(OpenAnswer::CodeWrong)));
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 10));
    let Some(Row::Account(bob)) = rig.row(&RowKey::Account(account_id("bob"))).await else { panic!() };
    assert_eq!(bob.code_failures, 1, "a wrong code is counted once");
    // The repetition finds everything done, and has nothing to commit.
    assert_eq!(rig.log().lost_commits, 1);
    assert_eq!(rig.count(Table::Journal).await, 1);
}

/// The mark of the lane that the rig's payments are in: how far time has come.
async fn mark_us<K: Kind>(rig: &Rig<K>) -> i64 {
    let lanes = super::rig::table_rows(&rig.store, Table::Lane).await;
    lanes.iter().filter_map(Lane::of).map(|lane| lane.at.0).max().expect("a lane")
}

/// Left as it was, the lane's mark would be an hour ahead for good, and time would stand still.
pub(crate) async fn a_clock_that_leaps_stamps_nothing_until_it_is_back<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    let first = ledger.pay("alice → bakery 1").command;
    assert!(is_paid(&rig.all([first]).await[0]));
    rig.clock.jump_us(HOUR_US);
    let payment = ledger.pay("alice → bakery 10").command;
    for _ in 0..2 {
        assert_eq!(rig.all([payment.clone()]).await, [Err(StoreError::Unavailable)]);
    }
    assert_eq!((mark_us(&rig).await, rig.count(Table::Journal).await), (NOW.0, 1));
    rig.clock.jump_us(-HOUR_US);
    rig.clock.advance_us(SECOND_US);
    assert!(is_paid(&rig.all([payment]).await[0]));
    assert_eq!((mark_us(&rig).await, rig.count(Table::Journal).await), (NOW.0 + SECOND_US, 2));
}

pub(crate) async fn a_clock_far_behind_the_lane_stamps_nothing_until_it_is_back<K: Kind>(kind: &K) {
    let mut ledger = Ledger::parse(TEXT);
    let rig = Rig::running(kind, &ledger).await;
    let [first, second] = ["alice → bakery 1", "bob → bakery 2"].map(|text| ledger.pay(text).command);
    assert!(is_paid(&rig.all([first]).await[0]));
    rig.clock.jump_us(-30 * SECOND_US - 1);
    assert_eq!(rig.all([second.clone()]).await, [Err(StoreError::Unavailable)]);
    rig.clock.jump_us(1);
    assert!(is_paid(&rig.all([second]).await[0]), "half a minute behind, the mark counts");
    assert_eq!((mark_us(&rig).await, rig.count(Table::Journal).await), (NOW.0, 2));
}
