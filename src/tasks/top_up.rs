//! Drives top-ups to their end: opens each at its provider, stores the name it has there, confirms it, and
//! asks until the provider says what became of it. Nothing is guessed: past its deadline the provider is told
//! to leave off, and its answer to that decides.
//!
//! Each top-up has a turn of its own, a claim in its row: whoever has it asks, and nobody else does, in this
//! process or another. The claim is counted before the provider is asked, so that whoever comes after a crash
//! knows that a charge may be open. What the provider says is a system command, decided in its commit: what
//! answers an earlier question or comes twice does nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use crate::domain::command::{Chore, SystemAction};
use crate::domain::id::{TopUpId, WorkerId};
use crate::domain::journal::Kind;
use crate::domain::rows::{Funding, RowKey, TopUp, TopUpState};
use crate::domain::time::{DAY_US, SECOND_US, Timestamp};
use crate::funding::Reply;
use crate::gate::Gate;
use crate::store::query::{Query, Scan};
use crate::store::{Answer, StoreError};

mod follow;

use follow::Next;

/// As many are asked about at once, besides as many that nobody asked about yet: providers that do not
/// answer keep no new top-up waiting.
const AT_ONCE: usize = 32;
/// A claim lasts so long, unless it is let go.
const CLAIM_US: i64 = 60 * SECOND_US;
/// A provider is asked for so long at the most: less than a claim lasts.
const ASKED_WITHIN: Duration = Duration::from_secs(45);
/// An open top-up is asked about again after so long at the most.
const PAUSE_MAX_US: i64 = 30 * SECOND_US;
/// What was credited is asked about for so long: a payer's bank takes money back within 120 days.
const WATCHED_US: i64 = 180 * DAY_US;

/// Works until it is told to stop, and then finishes what is under way.
pub(super) async fn run(gate: Arc<Gate>, mut stop: watch::Receiver<()>, worker_id: WorkerId) {
    let mut tail = gate.tail();
    let mut ticks = tokio::time::interval(super::INTERVAL);
    // Tasks of their own: futures that are only polled here would hold places at the store's readers while
    // this waits for one itself.
    let mut asking = JoinSet::new();
    let mut under_way: HashMap<Id, (TopUpId, bool)> = HashMap::new();
    loop {
        for row in due(&gate, worker_id, &under_way).await {
            let (gate, about) = (Arc::clone(&gate), (row.top_up_id, row.attempts == 0));
            let task = asking.spawn(async move { ask(&gate, &row, worker_id).await });
            under_way.insert(task.id(), about);
        }
        loop {
            tokio::select! {
                _ = stop.changed() => {
                    while asking.join_next().await.is_some() {}
                    return;
                }
                _ = ticks.tick() => break,
                Some(ended) = asking.join_next_with_id() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => {
                            tracing::error!(%error, "asking about a top-up failed; it is asked about again");
                            error.id()
                        }
                    };
                    under_way.remove(&id);
                }
                committed = tail.recv() => match committed {
                    Ok(batch) if batch.iter().any(|row| row.kind == Kind::RequestTopUp) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                },
            }
        }
    }
}

/// What there is room for: some that were asked about before, and some that were not.
async fn due(gate: &Gate, worker_id: WorkerId, under_way: &HashMap<Id, (TopUpId, bool)>) -> Vec<TopUp> {
    let is_under_way = |row: &&TopUp| under_way.values().any(|(id, _)| *id == row.top_up_id);
    let fresh = under_way.values().filter(|(_, fresh)| *fresh).count();
    let now = Timestamp(gate.tools().clock.now_us());
    let mut rows = Vec::new();
    for (asked_before, taken) in [(false, fresh), (true, under_way.len() - fresh)] {
        let room = AT_ONCE.saturating_sub(taken);
        // Those under way are found too while their claim is this worker's.
        let limit = i64::try_from(room + under_way.len()).unwrap_or(i64::MAX);
        let query = Query::scan(Scan::DueTopUps { now, worker_id, asked_before, limit });
        let Ok(fetched) = gate.fetch(query).await else { return rows };
        let others = fetched.scanned::<TopUp>().filter(|row| !is_under_way(row));
        rows.extend(others.take(room).cloned());
    }
    rows
}

/// One turn of one top-up.
async fn ask(gate: &Gate, row: &TopUp, worker_id: WorkerId) {
    let Some(row) = claim(gate, row, worker_id).await else { return };
    let next = match tokio::time::timeout(ASKED_WITHIN, follow::on(gate, &row)).await {
        Ok(Ok(next)) => next,
        Ok(Err(_)) => {
            tracing::warn!("a provider's answer was not booked; it is asked for again");
            Next::ByItsState
        }
        Err(_) => {
            tracing::warn!("a funding provider is too slow; it is asked again");
            Next::ByItsState
        }
    };
    if let_go(gate, &row, worker_id, next).await.is_err() {
        tracing::warn!("a top-up was not let go; its claim ends by itself");
    }
}

/// The row with its claim, if this worker has it.
async fn claim(gate: &Gate, row: &TopUp, worker_id: WorkerId) -> Option<TopUp> {
    let top_up_id = row.top_up_id;
    let until = Timestamp(gate.tools().clock.now_us()).plus_us(CLAIM_US);
    gate.chore(Chore::ClaimTopUp { top_up_id, worker_id, until }).await.ok()?;
    let fetched = gate.fetch(Query::row(RowKey::TopUp(top_up_id))).await.ok()?;
    let is_ours = |now: &&TopUp| now.claimed_by == Some(worker_id) && now.attempts == row.attempts + 1;
    fetched.get::<TopUp>().filter(is_ours).cloned()
}

/// When it is asked about next: soon while it is open, and ever more seldom after it was credited.
fn next_look(row: &TopUp, next: Next, now: Timestamp, deadline_us: i64) -> Option<Timestamp> {
    if next == Next::Again {
        return Some(now.plus_us(PAUSE_MAX_US));
    }
    let doubled = |unit_us: i64| unit_us.saturating_mul(1 << row.attempts.clamp(0, 20));
    match row.state {
        TopUpState::Requested | TopUpState::RequiresAction | TopUpState::Unknown => {
            let next = now.plus_us(doubled(SECOND_US / 2).min(PAUSE_MAX_US));
            let deadline = row.requested_at.plus_us(deadline_us);
            Some(if now < deadline { next.min(deadline) } else { next })
        }
        TopUpState::Succeeded => {
            let next = now.plus_us(doubled(DAY_US));
            row.settled_at.filter(|at| next.since_us(*at) <= WATCHED_US).map(|_| next)
        }
        TopUpState::Failed | TopUpState::Refunded | TopUpState::ChargedBack => None,
    }
}

async fn let_go(gate: &Gate, row: &TopUp, worker_id: WorkerId, next: Next) -> Result<(), StoreError> {
    let fetched = gate.fetch(Query::row(RowKey::TopUp(row.top_up_id))).await?;
    let (Some(now_row), Some(seen_due_at)) = (fetched.get::<TopUp>(), row.due_at) else { return Ok(()) };
    let tools = gate.tools();
    let now = Timestamp(tools.clock.now_us());
    let due_at = next_look(now_row, next, now, tools.policy.top_ups.deadline_us);
    let top_up_id = row.top_up_id;
    gate.chore(Chore::DelayTopUp { top_up_id, worker_id, seen_due_at, due_at }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{AccountId, FIRST_TENANT, FundingId};
    use crate::domain::money::Asset;

    fn row(state: TopUpState) -> TopUp {
        TopUp {
            top_up_id: TopUpId([1; 16]),
            tenant_id: FIRST_TENANT,
            account_id: AccountId([2; 16]),
            funding_id: FundingId([3; 16]),
            asset: Asset::PrepaidJpy,
            amount_minor: 700,
            state,
            requested_at: Timestamp(0),
            settled_at: Some(Timestamp(0)),
            provider_reference: Some("name".into()),
            turn: 2,
            attempts: 3,
            due_at: Some(Timestamp(0)),
            claimed_until: Timestamp(0),
            claimed_by: None,
            sealed_action: None,
            card_tag: None,
            wants_challenge: false,
        }
    }

    #[test]
    fn what_is_owed_to_its_owner_is_asked_for_again_though_its_state_is_over() {
        let now = Timestamp(DAY_US);
        for state in [TopUpState::Failed, TopUpState::Refunded, TopUpState::ChargedBack] {
            assert_eq!(next_look(&row(state), Next::ByItsState, now, SECOND_US), None, "{state:?}");
            let again = next_look(&row(state), Next::Again, now, SECOND_US);
            assert_eq!(again, Some(now.plus_us(PAUSE_MAX_US)), "{state:?}");
        }
    }
}
