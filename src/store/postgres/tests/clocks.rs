//! This machine's clock beside the database's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::rig::Cluster;
use super::services::Wanted;
use crate::domain::command::{Chore, Command, Order};
use crate::domain::id::CommandId;
use crate::domain::tests::fixture::Ledger;
use crate::domain::time::SECOND_US;
use crate::env::clock::{Clock, SystemClock};
use crate::store::moment::ClockBounds;
use crate::store::postgres::{Options, Remote};
use crate::store::tests::rig::integrity;
use crate::store::{Answer, StoreError};

/// The machine's clock, set wrong: its monotonic one as well, as if it had been wrong from the start.
#[derive(Default)]
struct Wrong(AtomicI64);

impl Clock for Wrong {
    fn now_us(&self) -> i64 {
        SystemClock.now_us() + self.0.load(Ordering::SeqCst)
    }

    fn monotonic_us(&self) -> i64 {
        SystemClock.monotonic_us() + self.0.load(Ordering::SeqCst)
    }

    fn machine_us(&self) -> Option<i64> {
        Some(self.now_us())
    }
}

#[tokio::test]
async fn a_clock_apart_from_the_databases_is_not_believed() {
    let cluster = Cluster::start(Wanted::default()).await;
    let policy = Arc::new(Ledger::parse("alice 1 jpy | bakery").policy.clone());
    let database = cluster.database().await;
    let clock = Arc::new(Wrong::default());
    let options = || Options::new(Arc::clone(&policy), Arc::clone(&clock) as Arc<_>, integrity(), [1; 16]);
    for (wrong_us, side) in [(10 * SECOND_US, "ahead of"), (-10 * SECOND_US, "behind")] {
        clock.0.store(wrong_us, Ordering::SeqCst);
        let refused = Remote::open(cluster.settings(&database), options()).await;
        let said = refused.err().expect("ten seconds apart").to_string();
        assert!(said.contains(&format!("s {side} the database's")), "{said}");
        let wide = ClockBounds { difference_us: 15 * SECOND_US, ..ClockBounds::standard() };
        let opened = Remote::open(cluster.settings(&database), Options { clocks: wide, ..options() }).await;
        opened.expect("as far apart as it may be").close().await;
    }
    clock.0.store(0, Ordering::SeqCst);
    let remote = Remote::open(cluster.settings(&database), options()).await.expect("the clocks agree");
    let chore = || Command { id: CommandId([1; 16]), order: Order::Chore(Chore::Expire(Vec::new())) };
    assert_eq!(remote.store().execute(chore()).await, Ok(Answer::Kept));
    let mut clocks = remote.clocks();
    clock.0.store(-10 * SECOND_US, Ordering::SeqCst);
    assert_eq!(remote.store().execute(chore()).await, Err(StoreError::Unavailable));
    assert!(!*clocks.borrow_and_update());
    clock.0.store(0, Ordering::SeqCst);
    // Nobody calls: the writer looks by itself.
    tokio::time::timeout(Duration::from_mins(1), clocks.changed()).await.expect("soon").expect("a writer");
    assert_eq!(remote.store().execute(chore()).await, Ok(Answer::Kept));
    remote.close().await;
}
