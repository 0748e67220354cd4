//! Tells merchants of their payments. The journal is read lane by lane, each row once, off the way of any
//! payment; what a merchant is to be told becomes a row, and a row is not a delivery: only what its receiver
//! took is delivered, and a crash between the two sends it again under the same id.
//!
//! One process at a time does all of it. Before anything is sent, every row that was in the journal when the
//! round began has been read: so of one payment no later step is there without the earlier ones, whichever
//! lanes they are in, and what is sent first is the first that was not taken or given up.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::domain::id::{PaymentId, WebhookEndpointId, WorkerId};
use crate::domain::journal::Kind;
use crate::domain::rows::{RowKey, WebhookDelivery, WebhookEndpoint};
use crate::domain::time::{MINUTE_US, SECOND_US, Timestamp};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{MerchantScan, Query, Scan};

mod fan_out;
mod payload;
mod replay;
mod send;

pub use send::{Sender, SenderSettings};

/// The name of this work's turn.
pub(super) const TURN: &str = "webhooks";
/// A turn is renewed when so much of it is over.
const RENEWED_US: i64 = 20 * SECOND_US;
/// So often there is a round while something is going on; else every so many of these.
const TICK: Duration = Duration::from_millis(200);
const IDLE_TICKS: u32 = 5;
/// As many are under way at once: of all endpoints together, and of one. A receiver that does not answer
/// keeps no other's waiting.
const AT_ONCE: usize = 512;
const AT_ONCE_EACH: usize = 16;
/// Of one whose last answer was no 2xx: many that do not answer leave room for others.
const AT_ONCE_FAILING: usize = 1;
/// What could not be stored is let alone for so long.
const PAUSE_US: i64 = MINUTE_US;
/// As many endpoints are looked at in a round; the next one begins behind them.
const ENDPOINTS: i64 = 1_000;

type Key = (WebhookEndpointId, PaymentId, i64);

/// Works until it is told to stop, and then finishes what is under way.
pub(super) async fn run(
    gate: Arc<Gate>,
    sender: Arc<Sender>,
    mut stop: watch::Receiver<()>,
    worker_id: WorkerId,
) {
    let mut tail = gate.tail();
    let mut ticks = tokio::time::interval(TICK);
    let mut courier = Courier::new(gate, sender, worker_id);
    // Something may be left from before.
    let (mut idle, mut is_news) = (0, true);
    loop {
        // What could not be read or stored is found again in a later round.
        let done = tokio::select! {
            _ = stop.changed() => {
                while courier.sending.join_next().await.is_some() {}
                return;
            }
            _ = ticks.tick() => {
                idle += 1;
                if is_news || courier.is_replaying || idle >= IDLE_TICKS {
                    (idle, is_news) = (0, false);
                    courier.round().await
                } else {
                    Ok(())
                }
            }
            Some(ended) = courier.sending.join_next_with_id() => courier.ended(ended).await,
            committed = tail.recv() => {
                is_news |= match committed {
                    Ok(batch) => batch.iter().any(|row| concerns(row.kind)),
                    Err(RecvError::Lagged(_) | RecvError::Closed) => true,
                };
                Ok(())
            }
        };
        if done.is_err() {
            tracing::warn!("merchants' webhooks could not be read or stored; that is tried again");
        }
    }
}

/// Rows after which there may be something to send.
fn concerns(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pay
            | Kind::Charge
            | Kind::Authorize
            | Kind::Capture
            | Kind::Void
            | Kind::Refund
            | Kind::CaptureByMerchant
            | Kind::VoidByMerchant
            | Kind::RefundByMerchant
            | Kind::ConfirmPayment
            | Kind::DeclinePayment
            | Kind::ExpirePayment
            | Kind::Reverse
            | Kind::ReverseForTerminal
            | Kind::ReplayWebhooks
    )
}

/// What one process does of it.
struct Courier {
    gate: Arc<Gate>,
    sender: Arc<Sender>,
    worker_id: WorkerId,
    held_at: Option<Timestamp>,
    // Every row of the journal was read that was there when the last round began.
    is_read: bool,
    // Each says whether it was taken; nothing when that could not be stored.
    sending: JoinSet<Option<bool>>,
    keys: HashMap<Id, Key>,
    // What was sent and could not be stored, and until when it is let alone.
    paused: HashMap<Key, Timestamp>,
    failing: HashSet<WebhookEndpointId>,
    // Behind this one the next round begins.
    last: Option<WebhookEndpointId>,
    // As many of one endpoint are under way, as many endpoints as have something due.
    share: usize,
    // Something that was asked for again is not due again yet.
    is_replaying: bool,
}

impl Courier {
    fn new(gate: Arc<Gate>, sender: Arc<Sender>, worker_id: WorkerId) -> Self {
        Self {
            gate,
            sender,
            worker_id,
            held_at: None,
            is_read: false,
            sending: JoinSet::new(),
            keys: HashMap::new(),
            paused: HashMap::new(),
            failing: HashSet::new(),
            last: None,
            share: AT_ONCE_EACH,
            is_replaying: false,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.gate.tools().clock.now_us())
    }

    /// Reads what is new, and sends what is due.
    async fn round(&mut self) -> Result<(), StoreError> {
        self.is_read = false;
        if !self.holds().await {
            return Ok(());
        }
        self.is_read = fan_out::run(&self.gate).await?;
        if !self.is_read {
            return Ok(());
        }
        let scan = MerchantScan::DueEndpoints { now: self.now(), after: self.last, limit: ENDPOINTS };
        let fetched = self.gate.fetch(Query::scan(Scan::Merchant(scan))).await?;
        let due: Vec<&WebhookEndpoint> = fetched.scanned().collect();
        // After the last of them it is the first one's turn again.
        let is_full = i64::try_from(due.len()).is_ok_and(|count| count == ENDPOINTS);
        let last = due.last().filter(|_| is_full).map(|endpoint| endpoint.endpoint_id);
        self.share = share(due.len());
        self.is_replaying = due.iter().any(|endpoint| endpoint.replay_until.is_some());
        for endpoint in due {
            // The next round begins where there was no room any more.
            if self.sending.len() >= AT_ONCE {
                return Ok(());
            }
            if endpoint.replay_until.is_some() {
                replay::run(&self.gate, endpoint.endpoint_id).await?;
            }
            // It may have taken longer than this process's turn.
            if !self.holds().await {
                return Ok(());
            }
            self.send(endpoint).await?;
            self.last = Some(endpoint.endpoint_id);
        }
        self.last = last;
        Ok(())
    }

    /// Whether it is this process's turn.
    async fn holds(&mut self) -> bool {
        let now = self.now();
        if self.held_at.is_some_and(|at| (0..RENEWED_US).contains(&now.since_us(at))) {
            return true;
        }
        let holds = super::lease::hold(&self.gate, TURN, self.worker_id).await;
        self.held_at = holds.then_some(now);
        holds
    }

    /// Sends as much as there is room for, of what is due and not under way.
    async fn send(&mut self, endpoint: &WebhookEndpoint) -> Result<(), StoreError> {
        let endpoint_id = endpoint.endpoint_id;
        let under_way = self.keys.values().filter(|key| key.0 == endpoint_id).count();
        let each = if self.failing.contains(&endpoint_id) { AT_ONCE_FAILING } else { self.share };
        let room = each.saturating_sub(under_way).min(AT_ONCE.saturating_sub(self.sending.len()));
        if room == 0 {
            return Ok(());
        }
        let now = self.now();
        self.paused.retain(|_, until| now < *until);
        let taken: HashSet<Key> = self.keys.values().chain(self.paused.keys()).copied().collect();
        // Those are found too.
        let found = taken.iter().filter(|key| key.0 == endpoint_id).count();
        let limit = i64::try_from(room + found).unwrap_or(i64::MAX);
        let scan = MerchantScan::DueDeliveries { endpoint_id, now, limit };
        let fetched = self.gate.fetch(Query::scan(Scan::Merchant(scan))).await?;
        let others = fetched.scanned::<WebhookDelivery>().filter(|row| !taken.contains(&key_of(row)));
        for row in others.take(room) {
            self.begin(endpoint.clone(), row.clone());
        }
        Ok(())
    }

    fn begin(&mut self, endpoint: WebhookEndpoint, row: WebhookDelivery) {
        let key = key_of(&row);
        let (gate, sender) = (Arc::clone(&self.gate), Arc::clone(&self.sender));
        let task = self.sending.spawn(async move { sender.deliver(&gate, &endpoint, &row).await.ok() });
        self.keys.insert(task.id(), key);
    }

    /// Its place is taken by what waits at the same endpoint.
    async fn ended(&mut self, ended: Result<(Id, Option<bool>), JoinError>) -> Result<(), StoreError> {
        let (id, taken) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "sending a webhook failed");
                (error.id(), None)
            }
        };
        let Some(key) = self.keys.remove(&id) else { return Ok(()) };
        let endpoint_id = key.0;
        match taken {
            Some(true) => {
                self.failing.remove(&endpoint_id);
            }
            Some(false) => {
                self.failing.insert(endpoint_id);
            }
            None => {
                // Nothing says that it was tried: at once it would be sent again and again.
                tracing::warn!("a webhook's state was not stored; it may be sent once more");
                self.paused.insert(key, self.now().plus_us(PAUSE_US));
                return Ok(());
            }
        }
        // What little room is left is shared out by the next round, or one endpoint would keep it.
        let is_short = self.sending.len() + AT_ONCE_EACH >= AT_ONCE;
        if is_short || !self.is_read || !self.holds().await {
            return Ok(());
        }
        let fetched = self.gate.fetch(Query::row(RowKey::WebhookEndpoint(endpoint_id))).await?;
        let Some(endpoint) = fetched.get::<WebhookEndpoint>() else {
            self.failing.remove(&endpoint_id);
            return Ok(());
        };
        self.send(endpoint).await
    }
}

/// As many of one endpoint are under way where so many have something due: together they have room.
fn share(endpoints: usize) -> usize {
    (AT_ONCE / endpoints.max(1)).clamp(1, AT_ONCE_EACH)
}

fn key_of(row: &WebhookDelivery) -> Key {
    (row.endpoint_id, row.payment_id, row.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_that_have_something_due_have_room_together_and_none_has_all_of_it() {
        for endpoints in 1..=AT_ONCE {
            assert!((1..=AT_ONCE / endpoints).contains(&share(endpoints)), "{endpoints}");
        }
        assert_eq!((share(0), share(1)), (AT_ONCE_EACH, AT_ONCE_EACH));
        assert!(AT_ONCE_EACH < AT_ONCE && share(2 * AT_ONCE) == 1);
    }
}
