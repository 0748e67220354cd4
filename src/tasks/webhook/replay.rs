//! Makes due again what a merchant asked for, a page at a time.

use crate::domain::command::{Chore, WebhookChore};
use crate::domain::id::WebhookEndpointId;
use crate::domain::rows::{RowKey, WebhookDelivery, WebhookEndpoint};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{MerchantScan, Query, Scan};

/// A page of what was asked for at an endpoint. One a round: however much it is, everybody else's goes on.
pub(super) async fn run(gate: &Gate, endpoint_id: WebhookEndpointId) -> Result<(), StoreError> {
    // Read anew: it may be gone meanwhile, or asked of otherwise.
    let fetched = gate.fetch(Query::row(RowKey::WebhookEndpoint(endpoint_id))).await?;
    let Some(endpoint) = fetched.get::<WebhookEndpoint>() else { return Ok(()) };
    let asked = endpoint.replay_from.zip(endpoint.replay_until).zip(endpoint.replay_asked_at);
    let Some(((from, until), asked_at)) = asked else { return Ok(()) };
    let (merchant_id, limit) = (endpoint.merchant_id, super::super::PAGE);
    let scan = MerchantScan::ToReplay { merchant_id, endpoint_id, from, until, asked_at, limit };
    let fetched = gate.fetch(Query::scan(Scan::Merchant(scan))).await?;
    let rows: Vec<&WebhookDelivery> = fetched.scanned().collect();
    // Others of the last one's very moment may be left, unless these were all; those that are due again are
    // not found again.
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let from = rows.last().filter(|_| is_full).map(|row| row.at);
    let steps = rows.iter().map(|row| (row.payment_id, row.step)).collect();
    let chore = WebhookChore::Requeue { endpoint_id, asked_at, steps, from };
    gate.chore(Chore::Webhook(chore)).await.map(drop)
}
