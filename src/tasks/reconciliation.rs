//! Compares the funding provider's list with our top-ups, both ways and without end: what is new once it is
//! old enough that nothing about it is under way, what is known again and again while refunds and
//! charge-backs may come, and every open difference by itself.
//!
//! One process at a time does it. A difference is found, and gone, by a chore that looks at the top-up as it
//! is in its commit; where asking the provider again can mend it, the top-up is made due, and its own driver
//! does the rest. While the provider is silent nothing is concluded: the cursor stays where it was.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Interval;

use crate::domain::command::{Chore, ReconciliationChore};
use crate::domain::id::{ReconciliationItemId, WorkerId};
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

/// Differences that the provider was silent about, and in which round: they are asked for after all others,
/// those of the latest round last, so that they keep nothing from being looked at.
#[derive(Default)]
struct Unheard {
    round: u64,
    rounds: HashMap<ReconciliationItemId, u64>,
}

impl Unheard {
    /// Puts what is open in the order in which it is asked for in the next round, and forgets the rest.
    fn order(&mut self, items: &mut [ReconciliationItem]) {
        self.round += 1;
        self.rounds.retain(|item_id, _| items.iter().any(|item| item.item_id == *item_id));
        items.sort_by_key(|item| self.rounds.get(&item.item_id).copied().unwrap_or(0));
    }

    fn heard(&mut self, item_id: ReconciliationItemId, is_heard: bool) {
        if is_heard {
            self.rounds.remove(&item_id);
        } else {
            self.rounds.insert(item_id, self.round);
        }
    }
}

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
    let (mut next_at, mut unheard) = (Timestamp(0), Unheard::default());
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tick(&gate, worker_id, &mut ticks, &mut next_at, &mut unheard) => {}
        }
    }
}

async fn tick(
    gate: &Gate,
    worker_id: WorkerId,
    ticks: &mut Interval,
    next_at: &mut Timestamp,
    unheard: &mut Unheard,
) {
    ticks.tick().await;
    let now = Timestamp(gate.tools().clock.now_us());
    if now < *next_at || !super::lease::hold(gate, TURN, worker_id).await {
        return;
    }
    let pause_us = match round(gate, now, worker_id, unheard).await {
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

async fn round(
    gate: &Gate,
    now: Timestamp,
    worker_id: WorkerId,
    unheard: &mut Unheard,
) -> Result<Round, StoreError> {
    // What cannot be asked for by itself keeps nothing else from being compared.
    let are_heard = open_items(gate, now, unheard).await?;
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
async fn open_items(gate: &Gate, now: Timestamp, unheard: &mut Unheard) -> Result<bool, StoreError> {
    let provider = gate.tools().provider.number();
    // Those that were asked for in the round just before this one are not asked for once more.
    let seen_before = now.plus_us(-gate.tools().policy.reconciliation.every_us / 2);
    // What is silent stays unseen for longest, and must not be all that is found.
    let limit = ITEMS.saturating_add(i64::try_from(unheard.rounds.len()).unwrap_or(0));
    let scan = ReconciliationScan::OpenItems { provider, seen_before, limit };
    let fetched = gate.fetch(Query::scan(Scan::Reconciliation(scan))).await?;
    let mut items: Vec<_> = fetched.scanned::<ReconciliationItem>().cloned().collect();
    unheard.order(&mut items);
    let mut silent = 0;
    for item in items {
        let is_heard = compare::one(gate, &item.reference, item.top_up_id).await?;
        unheard.heard(item.item_id, is_heard);
        silent += usize::from(!is_heard);
        // One answer that cannot be read is one; a provider that is away has none.
        if silent >= SILENT {
            break;
        }
    }
    Ok(silent == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::FIRST_TENANT;
    use crate::domain::reconciliation::{Difference, ItemState};

    fn item(number: u8) -> ReconciliationItem {
        ReconciliationItem {
            item_id: ReconciliationItemId([number; 16]),
            tenant_id: FIRST_TENANT,
            provider: 2,
            reference: format!("pi_{number}"),
            difference: Difference::UnknownHere,
            top_up_id: None,
            ours_minor: None,
            theirs_minor: Some(1),
            theirs_currency: Some("JPY".into()),
            version: 1,
            first_seen_at: Timestamp(0),
            last_seen_at: Timestamp(number.into()),
            state: ItemState::Open,
            owner_id: None,
            note: None,
        }
    }

    /// In which order those are asked for that are found in this one, and of which nothing is heard of these.
    fn round(unheard: &mut Unheard, found: &[u8], silent: &[u8]) -> Vec<u8> {
        let mut items: Vec<_> = found.iter().map(|number| item(*number)).collect();
        unheard.order(&mut items);
        let numbers: Vec<u8> = items.iter().map(|item| item.item_id.0[0]).collect();
        let mut silences = 0;
        for number in &numbers {
            let is_heard = !silent.contains(number);
            unheard.heard(ReconciliationItemId([*number; 16]), is_heard);
            silences += usize::from(!is_heard);
            if silences >= SILENT {
                break;
            }
        }
        numbers
    }

    #[test]
    fn what_was_silent_is_asked_for_last_and_the_latest_of_it_after_the_rest() {
        let mut unheard = Unheard::default();
        let (all, silent) = ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]);
        assert_eq!(round(&mut unheard, &all, &silent), [1, 2, 3, 4, 5, 6]);
        assert_eq!(round(&mut unheard, &all, &silent), [4, 5, 6, 1, 2, 3], "and 1, asked for again");
        assert_eq!(round(&mut unheard, &all, &silent), [6, 2, 3, 1, 4, 5]);
        assert_eq!(round(&mut unheard, &all, &[]), [6, 4, 5, 1, 2, 3]);
        assert_eq!(round(&mut unheard, &all, &[]), [1, 2, 3, 4, 5, 6], "heard of, all are as before");
        round(&mut unheard, &all, &silent);
        round(&mut unheard, &[6], &[]);
        assert!(unheard.rounds.is_empty(), "those that are over are forgotten");
    }
}
