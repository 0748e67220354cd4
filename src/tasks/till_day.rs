//! Closes business days that their tills left open, some hours after the end of the calendar day in which
//! they began: so no sale of a day long gone is reversed, and every day has its totals.

use crate::domain::command::SystemAction;
use crate::domain::id::WorkerId;
use crate::domain::rows::Terminal;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::store::query::{Query, Scan};
use crate::store::{Answer, StoreError};

/// The name of this work's turn.
pub(super) const TURN: &str = "till_day";

pub(super) async fn run(gate: &Gate, worker_id: WorkerId) {
    let policy = &gate.tools().policy;
    let rules = &policy.settlement;
    loop {
        let now = Timestamp(gate.tools().clock.now_us());
        // The calendar day in which nobody's open day is to be closed yet.
        let day = rules.day(now.plus_us(-policy.staff.close_day_us));
        let before = rules.end_of(day - 1);
        let scan = Scan::OpenDays { before, limit: super::PAGE };
        let Ok(fetched) = gate.fetch(Query::scan(scan)).await else { return };
        // The turn costs a commit, and mostly there is nothing to close.
        if fetched.scanned.is_empty() || !super::lease::hold(gate, TURN, worker_id).await {
            return;
        }
        let mut closed = 0;
        for row in fetched.scanned::<Terminal>() {
            let Some(began_at) = row.day_began_at else { continue };
            let ended_at = rules.end_of(rules.day(began_at));
            let (terminal_id, business_day) = (row.terminal_id, row.business_day);
            match gate.system(SystemAction::CloseDay { terminal_id, business_day, ended_at }).await {
                // A defect is one till's: the others' days are closed all the same.
                Ok(Answer::Nothing(_)) | Err(StoreError::Defect) => {}
                Ok(_) => closed += 1,
                Err(StoreError::Busy | StoreError::Unavailable) => return,
            }
        }
        // What could not be closed would be found again at once.
        if closed == 0 {
            return;
        }
    }
}
