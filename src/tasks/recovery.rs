//! A recovery's time: reminders, the end of its delay, and its own end. No rule depends on it being on
//! time: a recovery that should be over cannot be completed, whoever comes first.

use crate::domain::command::SystemAction;
use crate::domain::id::WorkerId;
use crate::domain::recovery::{CaseState, Told};
use crate::domain::rows::RecoveryCase;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{Query, Scan};

/// The name of this work's turn.
pub(super) const TURN: &str = "recovery";
/// As often at most it looks again in one turn.
const ROUNDS: usize = 16;

pub(super) async fn run(gate: &Gate, worker_id: WorkerId) {
    if !super::lease::hold(gate, TURN, worker_id).await {
        return;
    }
    // What is advanced may be due again at once: a reminder that was late, and what comes after it.
    for _round in 0..ROUNDS {
        let now = Timestamp(gate.tools().clock.now_us());
        let query = Query::scan(Scan::DueRecoveries { now, limit: super::PAGE });
        let Ok(fetched) = gate.fetch(query).await else { return };
        if fetched.scanned.is_empty() {
            return;
        }
        for row in fetched.scanned::<RecoveryCase>() {
            if advance(gate, row).await.is_err() {
                return;
            }
        }
    }
}

/// An error when the store does not answer. A case that cannot be opened keeps no other one waiting.
async fn advance(gate: &Gate, row: &RecoveryCase) -> Result<(), StoreError> {
    let told: &[Told] = match row.state {
        CaseState::Cooling => &[Told::Reminder, Told::Ready],
        CaseState::Requested
        | CaseState::Proving
        | CaseState::Proven
        | CaseState::Ready
        | CaseState::Completed
        | CaseState::Cancelled
        | CaseState::Expired
        | CaseState::Rejected => &[],
    };
    let Ok(open) = gate.tools().open_case(Some(row.clone())).await else { return Ok(()) };
    let (Ok(notices), Some(due_at)) = (gate.tools().notices(&open, told), row.due_at) else { return Ok(()) };
    gate.system(SystemAction::AdvanceRecovery { case: open.case, due_at, notices }).await.map(drop)
}
