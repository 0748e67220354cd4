//! Compares the funding provider's list with our top-ups, both ways and without end: what is new once it is
//! old enough that nothing about it is under way, what is known again and again while refunds and
//! charge-backs may come, and every open difference by itself.
//!
//! One process at a time does it. A difference is found, and gone, by a chore that looks at the top-up as it
//! is in its commit; where asking the provider again can mend it, the top-up is made due, and its own driver
//! does the rest. While the provider is silent nothing is concluded: the cursor stays where it was.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Interval;

use crate::domain::command::{Chore, ReconciliationChore};
use crate::domain::id::WorkerId;
use crate::domain::reconciliation::next;
use crate::domain::rows::{Reconciliation, ReconciliationItem, RowKey};
use crate::domain::time::{MINUTE_US, Timestamp};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{Query, ReconciliationScan, Scan};

mod compare;

use compare::Compared;

/// The name of this work's turn.
pub(super) const TURN: &str = "reconciliation";
/// As many parts of the list are compared before the turn is renewed.
const SLICES: usize = 16;
/// As many open differences are looked at by themselves in a round: those that were not for longest.
const ITEMS: i64 = 256;
/// After so many that nothing was heard of, no other is asked for by itself in that round.
const SILENT: usize = 3;
/// What was silent is let alone for so long.
const PAUSE_US: i64 = MINUTE_US;

/// What a round came to.
enum Round {
    /// There is more to compare.
    More,
    /// All of it is compared.
    Done,
    /// The provider does not answer.
    Silent,
}

/// Works until it is told to stop. What is under way then is done again: every step is a commit of its own.
pub(super) async fn run(gate: Arc<Gate>, mut stop: watch::Receiver<()>, worker_id: WorkerId) {
    let mut ticks = tokio::time::interval(super::INTERVAL);
    let mut next_at = Timestamp(0);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tick(&gate, worker_id, &mut ticks, &mut next_at) => {}
        }
    }
}

async fn tick(gate: &Gate, worker_id: WorkerId, ticks: &mut Interval, next_at: &mut Timestamp) {
    ticks.tick().await;
    let now = Timestamp(gate.tools().clock.now_us());
    if now < *next_at || !super::lease::hold(gate, TURN, worker_id).await {
        return;
    }
    let pause_us = match round(gate, now, worker_id).await {
        Ok(Round::More) => 0,
        Ok(Round::Done) => gate.tools().policy.reconciliation.every_us,
        Ok(Round::Silent) => {
            tracing::warn!("the funding provider's list cannot be had; it is compared when it can");
            PAUSE_US
        }
        Err(_) => {
            tracing::warn!("a comparison with the funding provider was not stored; it is done again");
            PAUSE_US
        }
    };
    *next_at = now.plus_us(pause_us);
}

async fn round(gate: &Gate, now: Timestamp, worker_id: WorkerId) -> Result<Round, StoreError> {
    // What cannot be asked for by itself keeps nothing else from being compared.
    let are_heard = open_items(gate, now).await?;
    let (provider, policy) = (gate.tools().provider.number(), &gate.tools().policy);
    for _slice in 0..SLICES {
        // It may have taken longer than this process's turn.
        if !super::lease::hold(gate, TURN, worker_id).await {
            return Ok(Round::Done);
        }
        let fetched = gate.fetch(Query::row(RowKey::Reconciliation(provider))).await?;
        let row = fetched.get::<Reconciliation>();
        let Some(slice) = next(row, now, policy) else {
            return Ok(if are_heard { Round::Done } else { Round::Silent });
        };
        let until = match compare::range(gate, slice.from..slice.until).await? {
            Compared::Until(until) => until,
            Compared::Silent => return Ok(Round::Silent),
            Compared::NoList => return Ok(Round::Done),
        };
        let after = slice.done(provider, row, until);
        let advance = ReconciliationChore::Advance { before: row.cloned(), after };
        gate.chore(Chore::Reconciliation(advance)).await?;
    }
    Ok(Round::More)
}

/// Looks each open difference up at the provider by its charge's name, the longest unseen first, so that a
/// difference is cleared however old it is. False when the provider was silent about one.
async fn open_items(gate: &Gate, now: Timestamp) -> Result<bool, StoreError> {
    let provider = gate.tools().provider.number();
    // Those that were asked for in the round just before this one are not asked for once more.
    let seen_before = now.plus_us(-gate.tools().policy.reconciliation.every_us / 2);
    let scan = ReconciliationScan::OpenItems { provider, seen_before, limit: ITEMS };
    let fetched = gate.fetch(Query::scan(Scan::Reconciliation(scan))).await?;
    let mut silent = 0;
    for item in fetched.scanned::<ReconciliationItem>() {
        if !compare::one(gate, &item.reference, item.top_up_id).await? {
            silent += 1;
        }
        // One answer that cannot be read is one; a provider that is away has none.
        if silent >= SILENT {
            break;
        }
    }
    Ok(silent == 0)
}
