//! Makes due again what a merchant asked for, a page at a time.

use crate::domain::command::{Chore, WebhookChore};
use crate::domain::rows::{WebhookDelivery, WebhookEndpoint};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{MerchantScan, Query, Scan};

/// All of an endpoint's that was asked for.
pub(super) async fn run(gate: &Gate, endpoint: &WebhookEndpoint) -> Result<(), StoreError> {
    let (endpoint_id, merchant_id) = (endpoint.endpoint_id, endpoint.merchant_id);
    let asked = endpoint.replay_from.zip(endpoint.replay_until).zip(endpoint.replay_asked_at);
    let Some(((mut from, until), asked_at)) = asked else { return Ok(()) };
    loop {
        let limit = super::super::PAGE;
        let scan = MerchantScan::ToReplay { merchant_id, endpoint_id, from, until, asked_at, limit };
        let fetched = gate.fetch(Query::scan(Scan::Merchant(scan))).await?;
        let rows: Vec<&WebhookDelivery> = fetched.scanned().collect();
        let last = rows.last().map(|row| row.at);
        let steps = rows.iter().map(|row| (row.payment_id, row.step)).collect();
        let chore = WebhookChore::Requeue { endpoint_id, asked_at, steps, from: last };
        gate.chore(Chore::Webhook(chore)).await?;
        // Others of that very moment may be left; those that are due again are not found again.
        let Some(last) = last else { return Ok(()) };
        from = last;
    }
}
