//! Random stories told to the real store: the same answers, and the same rows at their end.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::rig::{Kind, Rig, row, sums, table_rows};
use crate::domain::decide::Decision;
use crate::domain::record::Record as _;
use crate::domain::rows::{Journal, Lane, Row, RowKey, Table};
use crate::domain::tests::fixture::NOW;
use crate::domain::tests::random::{Story, moves, tell};
use crate::store::pending::chain_hash;
use crate::store::{Answer, Store, StoreError};

/// As many stories, each told in batches of some size to a database of its own. Whatever is told, and
/// however it falls into batches.
pub(crate) fn all<K: Kind>(kind: &K, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let batch_bounds = prop_oneof![Just(1_usize), Just(3), Just(1_024)];
    let result = TestRunner::new(config).run(&(moves(50), batch_bounds), |(moves, batch_bound)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(one(kind, &tell(&moves), batch_bound));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

async fn one<K: Kind>(kind: &K, story: &Story, batch_bound: usize) {
    let rig = Rig::idle(kind, &story.start, 4_096, batch_bound).await;
    rig.start();
    let answers = retell(&rig, story).await;
    for ((_, command, decision), told) in story.steps.iter().zip(answers) {
        assert_eq!(told, Ok(answer(decision)), "{command:?}");
    }
    holds_the_same_rows(story, &rig.store).await;
    is_one_chain(&rig.store).await;
}

/// What is answered.
pub(super) fn answer(decision: &Decision) -> Answer {
    match decision {
        Decision::Repeat(outcome) => Answer::Final(outcome.clone()),
        Decision::Commit { entry, .. } | Decision::Refuse { entry, .. } => {
            Answer::Final(entry.outcome.clone())
        }
        Decision::RepeatOpen(answer) | Decision::Reject { answer, .. } => Answer::Open(*answer),
        Decision::Keep { .. } => Answer::Kept,
        Decision::Stale(stale) => Answer::Stale(*stale),
        Decision::Nothing(traceless) => Answer::Nothing(*traceless),
    }
}

/// All of one moment are queued before any is awaited.
async fn retell<K: Kind>(rig: &Rig<K>, story: &Story) -> Vec<Result<Answer, StoreError>> {
    let (mut answers, mut now) = (Vec::new(), NOW);
    for moment in story.steps.chunk_by(|one, other| one.0 == other.0) {
        rig.clock.advance_us(moment[0].0.since_us(now));
        now = moment[0].0;
        let commands = moment.iter().map(|(_, command, _)| command.clone());
        answers.extend(rig.all(commands).await);
    }
    answers
}

async fn holds_the_same_rows(story: &Story, store: &Store) {
    let mut counts = BTreeMap::new();
    for key in &story.end.keys {
        let stored = row(store, key).await;
        let told = story.end.view.row(key);
        if told.is_some() {
            *counts.entry(key.table()).or_insert(0) += 1;
        }
        if let (Some(Row::LedgerAccount(account)), RowKey::LedgerAccount(id)) = (&stored, key) {
            assert_eq!(sums(account), story.end.credits[id]);
        } else {
            assert_eq!(stored.as_ref(), told, "{key:?}");
        }
    }
    for table in Table::ALL {
        let expected = if *table == Table::Lane {
            1
        } else if *table == Table::Journal {
            story.end.entries.len()
        } else {
            counts.get(table).copied().unwrap_or(0)
        };
        assert_eq!(table_rows(store, *table).await.len(), expected, "{table:?}");
    }
}

/// Every hash follows from the row before, the head is the last row's.
pub(super) async fn is_one_chain(store: &Store) {
    let (mut hash, mut sequence) = ([0; 32], 0);
    for row in table_rows(store, Table::Journal).await {
        let row = Journal::of(&row).expect("a journal row");
        sequence += 1;
        hash = chain_hash(&hash, row);
        assert_eq!((row.lane, row.sequence, row.hash), (0, sequence, hash));
    }
    let heads: Vec<_> =
        table_rows(store, Table::Lane).await.iter().filter_map(|row| Lane::of(row).cloned()).collect();
    let [head] = heads.as_slice() else { panic!("one lane") };
    assert_eq!((head.sequence, head.hash), (sequence, hash));
}
