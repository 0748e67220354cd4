//! Work that one process does at a time, whichever: its turn is a leased row. Nothing is wrong when two do
//! it at once, since every step is decided in its commit; it would only be done twice.

use crate::domain::command::Chore;
use crate::domain::id::WorkerId;
use crate::domain::rows::{Lease, RowKey};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::gate::Gate;
use crate::store::query::Query;

/// A turn lasts so long unless it is renewed: longer than a round of work.
const TURN_US: i64 = 60 * SECOND_US;

/// Takes or keeps the turn at `name`; whether this process has it.
pub(super) async fn hold(gate: &Gate, name: &'static str, worker_id: WorkerId) -> bool {
    let until = Timestamp(gate.tools().clock.now_us()).plus_us(TURN_US);
    claim(gate, name, worker_id, until).await
}

/// Gives the turn back, for another process to take at once.
pub(super) async fn release(gate: &Gate, name: &'static str, worker_id: WorkerId) {
    claim(gate, name, worker_id, Timestamp(0)).await;
}

async fn claim(gate: &Gate, name: &'static str, worker_id: WorkerId, until: Timestamp) -> bool {
    if gate.chore(Chore::Lease { name, worker_id, until }).await.is_err() {
        return false;
    }
    let fetched = gate.fetch(Query::row(RowKey::Lease(name.to_owned()))).await;
    fetched.is_ok_and(|fetched| fetched.get::<Lease>().is_some_and(|lease| lease.worker_id == worker_id))
}
