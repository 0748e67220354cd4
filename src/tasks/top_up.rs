//! Drives top-ups to their end: asks the provider with the top-up's id as idempotency key, and
//! books its answer once. An unknown answer is asked for again, never guessed.

use crate::domain::command::SystemAction;
use crate::domain::money::Amount;
use crate::domain::rows::TopUp;
use crate::funding::Charged;
use crate::gate::Gate;
use crate::store::query::{Query, Scan};

/// Page by page: top-ups that their provider leaves unanswered must not hide those behind them.
pub(super) async fn run(gate: &Gate) {
    let mut after = None;
    loop {
        let query = Query::scan(Scan::RequestedTopUps { after, limit: super::PAGE });
        let Ok(fetched) = gate.fetch(query).await else { return };
        let Some(last) = fetched.scanned::<TopUp>().last() else { return };
        after = Some((last.requested_at, last.top_up_id));
        for top_up in fetched.scanned::<TopUp>() {
            let Some(action) = ask(gate, top_up).await else { continue };
            if gate.system(action).await.is_err() {
                tracing::warn!("a provider's answer was not booked; it is asked for again");
            }
        }
    }
}

async fn ask(gate: &Gate, top_up: &TopUp) -> Option<SystemAction> {
    let opened = gate.tools().open_document(top_up.account_id).await.ok()?;
    let token = opened.as_ref().and_then(|opened| {
        opened.document.funding.iter().find(|source| source.funding_id == top_up.funding_id.0)
    });
    let Some(source) = token else {
        // A source cannot be unlinked while it is asked: its token is gone by a defect. Never guess.
        tracing::error!("a top-up's source has no token; it cannot be settled");
        return None;
    };
    let amount = Amount::new(top_up.amount_minor)?;
    let charged = gate.tools().provider.charge(top_up.top_up_id, &source.token, amount).await;
    let (succeeded, provider_reference) = match charged {
        Charged::Succeeded { reference } => (true, reference),
        Charged::Declined { reference } => (false, reference),
        Charged::Unknown => return None,
    };
    Some(SystemAction::SettleTopUp { top_up_id: top_up.top_up_id, succeeded, provider_reference })
}
