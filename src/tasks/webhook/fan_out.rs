//! The journal's rows, lane by lane, as deliveries to be made.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::domain::command::{Chore, WebhookChore};
use crate::domain::id::{FIRST_TENANT, MerchantId, PaymentId};
use crate::domain::journal::Versions;
use crate::domain::outcome::Outcome;
use crate::domain::rows::{
    Journal, Lane, Payment, RowKey, Table, WebhookCursor, WebhookDelivery, WebhookEndpoint,
};
use crate::domain::time::{HOUR_US, Timestamp};
use crate::domain::webhook::{DeliveryState, EndpointState, Step, payment_of, step_of};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{Fetched, MerchantScan, Query, Scan};

/// As many rows of a lane are read at a time: their deliveries become rows in one commit.
const ROWS: i64 = 64;
/// More lanes than there were ever processes.
const LANES: i64 = 100_000;
/// The clocks of two lanes may differ by so much.
const CLOCKS_US: i64 = HOUR_US;
/// As many of a customer's entries are looked at, at a time.
const ENTRIES: i64 = 100;

/// Reads every lane as far as it is written now: whether all of it is read. Where another process reads at
/// the same time, it may not be.
pub(super) async fn run(gate: &Gate) -> Result<bool, StoreError> {
    let scan = Scan::All { table: Table::Lane, after: None, limit: LANES };
    let lanes = gate.fetch(Query::scan(scan)).await?;
    let cursors = lanes.scanned::<Lane>().map(|lane| RowKey::WebhookCursor(lane.lane)).collect();
    let any =
        Query { rows: cursors, scan: Some(Scan::Merchant(MerchantScan::AnyEndpoint)), ..Query::default() };
    let known = gate.fetch(any).await?;
    // What the heads of before cover was committed before any endpoint that is not seen now.
    let is_anybody_told = known.scanned::<WebhookEndpoint>().next().is_some();
    for head in lanes.scanned::<Lane>() {
        let from = known.by_key::<WebhookCursor>((head.lane,)).map_or(0, |cursor| cursor.sequence);
        if is_anybody_told {
            read(gate, head, from).await?;
        } else if from < head.sequence {
            store(gate, head.lane, (from, head.sequence), Vec::new()).await?;
        }
    }
    let cursors = lanes.scanned::<Lane>().map(|lane| RowKey::WebhookCursor(lane.lane)).collect();
    let read = gate.fetch(Query { rows: cursors, ..Query::default() }).await?;
    Ok(lanes.scanned::<Lane>().all(|head| {
        read.by_key::<WebhookCursor>((head.lane,)).map_or(0, |cursor| cursor.sequence) >= head.sequence
    }))
}

/// One lane, up to its head as it was seen together with the other lanes', and not a row further: that one
/// might come after one of a lane that was read before.
async fn read(gate: &Gate, head: &Lane, mut from: i64) -> Result<(), StoreError> {
    while from < head.sequence {
        let scan = MerchantScan::Rows { lane: head.lane, after: from, last: head.sequence, limit: ROWS };
        let rows = gate.fetch(Query::scan(Scan::Merchant(scan))).await?;
        let Some(to) = rows.scanned::<Journal>().last().map(|row| row.sequence) else { return Ok(()) };
        let deliveries = deliveries(gate, &rows).await?;
        store(gate, head.lane, (from, to), deliveries).await?;
        from = to;
    }
    Ok(())
}

async fn store(
    gate: &Gate,
    lane: i64,
    (from, to): (i64, i64),
    deliveries: Vec<WebhookDelivery>,
) -> Result<(), StoreError> {
    gate.chore(Chore::Webhook(WebhookChore::FanOut { lane, from, to, deliveries })).await.map(drop)
}

async fn deliveries(gate: &Gate, rows: &Fetched) -> Result<Vec<WebhookDelivery>, StoreError> {
    let mut steps: Vec<(&Journal, Outcome, PaymentId)> = Vec::new();
    for row in rows.scanned::<Journal>() {
        // A newer server's row, perhaps: it is left to that one, and not passed over.
        let outcome = Outcome::decode(&row.outcome).map_err(|_| {
            let (lane, sequence) = (row.lane, row.sequence);
            tracing::error!(
                lane,
                sequence,
                "a row of the journal cannot be read: no webhook after it is sent"
            );
            StoreError::Defect
        })?;
        steps.extend(payment_of(&outcome).map(|payment_id| (row, outcome, payment_id)));
    }
    let mut wanted: Vec<_> = steps.iter().map(|(.., payment_id)| RowKey::Payment(*payment_id)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let payments = gate.fetch(Query { rows: wanted, ..Query::default() }).await?;
    let mut endpoints: HashMap<MerchantId, Vec<WebhookEndpoint>> = HashMap::new();
    let mut deliveries = Vec::new();
    for (row, outcome, payment_id) in steps {
        let Some(payment) = payments.by_key::<Payment>((payment_id,)) else { continue };
        let merchant_id = payment.merchant_id;
        if let Entry::Vacant(place) = endpoints.entry(merchant_id) {
            place.insert(told(gate, merchant_id).await?);
        }
        let told = &endpoints[&merchant_id];
        let Some(step) = step_of(&outcome, payment).filter(|_| !told.is_empty()) else { continue };
        let number = number(gate, row, payment, &step).await?;
        deliveries.extend(told.iter().map(|endpoint| delivery(row, payment, &step, number, endpoint)));
    }
    Ok(deliveries)
}

/// A merchant's endpoints that are told something.
async fn told(gate: &Gate, merchant_id: MerchantId) -> Result<Vec<WebhookEndpoint>, StoreError> {
    let fetched = gate.fetch(Query::scan(Scan::Merchant(MerchantScan::Endpoints(merchant_id)))).await?;
    let active = fetched.scanned::<WebhookEndpoint>().filter(|row| row.state == EndpointState::Active);
    Ok(active.cloned().collect())
}

fn delivery(
    row: &Journal,
    payment: &Payment,
    step: &Step,
    number: i64,
    endpoint: &WebhookEndpoint,
) -> WebhookDelivery {
    WebhookDelivery {
        endpoint_id: endpoint.endpoint_id,
        payment_id: payment.payment_id,
        step: number,
        tenant_id: FIRST_TENANT,
        merchant_id: payment.merchant_id,
        event: step.event,
        at: row.at,
        lane: row.lane,
        sequence: row.sequence,
        state: DeliveryState::Due,
        attempts: 0,
        last_status: None,
        tried_at: None,
        due_at: Some(row.at),
        queued_at: row.at,
        expires_at: row.at,
    }
}

/// Which step of its payment a row is: 1 for the first. It follows from the journal alone, in whatever lanes
/// and order its rows are read: every step carries the version that it made of the customer's account, and
/// whatever a step came after is in the journal before it.
///
/// A step that moves no money is in no list of entries; but only a payment's first step (its customer is
/// asked) and its last can be one.
async fn number(gate: &Gate, row: &Journal, payment: &Payment, step: &Step) -> Result<i64, StoreError> {
    if step.is_first {
        return Ok(1);
    }
    let own = version(row, payment).ok_or(StoreError::Defect)?;
    let mut before = Some((row.at.plus_us(CLOCKS_US), i64::MAX, i64::MAX));
    let since: Timestamp = payment.created_at.plus_us(-CLOCKS_US);
    let mut earlier = i64::from(payment.awaiting_until.is_some());
    while let Some(place) = before.take() {
        let account_id = payment.account_id;
        let scan = Scan::Entries { account_id, before: Some(place), limit: ENTRIES };
        let fetched = gate.fetch(Query::scan(scan)).await?;
        for entry in fetched.scanned::<Journal>().filter(|entry| entry.at >= since) {
            let outcome = Outcome::decode(&entry.outcome).map_err(|_| StoreError::Defect)?;
            let is_its_own = payment_of(&outcome) == Some(payment.payment_id);
            if is_its_own && version(entry, payment).is_some_and(|version| version < own) {
                earlier += 1;
            }
            before = Some((entry.at, entry.lane, entry.sequence));
        }
    }
    Ok(earlier + 1)
}

/// The version that a row made of the payment's account.
fn version(row: &Journal, payment: &Payment) -> Option<i64> {
    let versions = Versions::decode(&row.versions).ok()?;
    versions.accounts.iter().find(|(id, _)| *id == payment.account_id).map(|(_, version)| *version)
}
