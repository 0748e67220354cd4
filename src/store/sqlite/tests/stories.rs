//! Random stories told to the real store: the same answers, and the same rows at their end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::rig::{all, count, seed, sums};
use crate::domain::decide::Decision;
use crate::domain::record::Record as _;
use crate::domain::rows::{Journal, Lane, Row, RowKey, Table};
use crate::domain::tests::fixture::NOW;
use crate::domain::tests::random::{Story, moves, tell};
use crate::env::clock::ManualClock;
use crate::store::batch::chain_hash;
use crate::store::sqlite::snapshot::Snapshot;
use crate::store::sqlite::{DATABASE_FILE, Embedded, Options, connection, read};
use crate::store::{Answer, StoreError};

fn answer(decision: &Decision) -> Answer {
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

/// Told with so many commands to a commit; all of one moment are queued before any is awaited.
async fn retell(story: &Story, directory: &Path, batch_bound: usize) -> Vec<Result<Answer, StoreError>> {
    let clock = Arc::new(ManualClock::new(NOW.0));
    let policy = Arc::new(story.start.policy.clone());
    let options = Options { batch_bound, ..Options::new(policy, Arc::clone(&clock) as Arc<_>) };
    let embedded = Embedded::open(directory, options).expect("the directory opens");
    let (mut answers, mut now) = (Vec::new(), NOW);
    for moment in story.steps.chunk_by(|one, other| one.0 == other.0) {
        clock.advance_us(moment[0].0.since_us(now));
        now = moment[0].0;
        let commands = moment.iter().map(|(_, command, _)| command.clone());
        answers.extend(all(&embedded.store(), commands).await);
    }
    embedded.close();
    answers
}

fn holds_the_same_rows(story: &Story, directory: &Path) {
    let connection = connection::reader(&directory.join(DATABASE_FILE)).expect("it reads");
    let mut counts = BTreeMap::new();
    for key in &story.end.keys {
        let stored = read::row(&connection, key).expect("the row reads");
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
            i64::try_from(story.end.entries.len()).expect("small")
        } else {
            counts.get(table).copied().unwrap_or(0)
        };
        assert_eq!(count(&connection, table.name()), expected, "{table:?}");
    }
}

/// Every hash follows from the row before, the head is the last row's.
fn is_one_chain(directory: &Path) {
    let snapshot = Snapshot::open(directory).expect("it reads");
    let rows = |table| snapshot.rows(table).map(|row| row.expect("it reads"));
    let (mut hash, mut sequence) = ([0; 32], 0);
    for row in rows(Table::Journal) {
        let row = Journal::of(&row).expect("a journal row");
        sequence += 1;
        hash = chain_hash(&hash, row);
        assert_eq!((row.lane, row.sequence, row.hash), (0, sequence, hash));
    }
    let heads: Vec<_> = rows(Table::Lane).filter_map(|row| Lane::of(&row).cloned()).collect();
    let [head] = heads.as_slice() else { panic!("one lane") };
    assert_eq!((head.sequence, head.hash), (sequence, hash));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is told, and however it falls into batches.
    #[test]
    fn the_embedded_store_answers_and_holds_what_decide_says(
        moves in moves(50),
        batch_bound in prop_oneof![Just(1_usize), Just(3), Just(1_024)],
    ) {
        let story = tell(&moves);
        let directory = TempDir::new().expect("a temporary directory");
        seed(directory.path(), &story.start);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let answers = runtime.block_on(retell(&story, directory.path(), batch_bound));
        for ((_, command, decision), told) in story.steps.iter().zip(answers) {
            assert_eq!(told, Ok(answer(decision)), "{command:?}");
        }
        holds_the_same_rows(&story, directory.path());
        is_one_chain(directory.path());
    }
}
