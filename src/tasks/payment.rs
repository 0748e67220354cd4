//! Ends payments whose time is over: customers who did not answer, holds that nobody captured. No rule
//! depends on it being on time: what should be over can be neither confirmed nor captured.

use crate::domain::command::SystemAction;
use crate::domain::id::WorkerId;
use crate::domain::rows::Payment;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::store::query::{Query, Scan};
use crate::store::{Answer, StoreError};

/// The name of this work's turn.
pub(super) const TURN: &str = "payment";

pub(super) async fn run(gate: &Gate, worker_id: WorkerId) {
    if !super::lease::hold(gate, TURN, worker_id).await {
        return;
    }
    loop {
        let now = Timestamp(gate.tools().clock.now_us());
        let Ok(fetched) = gate.fetch(Query::scan(Scan::DuePayments { now, limit: super::PAGE })).await else {
            return;
        };
        let mut ended = 0;
        for row in fetched.scanned::<Payment>() {
            let Some(due_at) = row.due_at else { continue };
            match gate.system(SystemAction::ExpirePayment { payment_id: row.payment_id, due_at }).await {
                // A defect is one payment's: the others are ended all the same.
                Ok(Answer::Nothing(_)) | Err(StoreError::Defect) => {}
                Ok(_) => ended += 1,
                Err(StoreError::Busy | StoreError::Unavailable) => return,
            }
        }
        // What could not be ended would be found again at once.
        if ended == 0 {
            return;
        }
    }
}
