//! One attempt to deliver: the request, what its answer means, and the record of it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request, Url};

use super::payload;
use crate::domain::command::{Chore, Verdict, WebhookChore};
use crate::domain::outcome::Outcome;
use crate::domain::rows::{Journal, Payment, RowKey, WebhookDelivery, WebhookEndpoint};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::domain::webhook::{EndpointState, event_name, next_try, step_of};
use crate::gate::Gate;
use crate::gate::merchant_document::rows;
use crate::notify::webhook::{WebhookSecret, signatures};
use crate::outbound::Unusable;
use crate::outbound::guard::{self, Reach, SystemResolver};
use crate::store::StoreError;
use crate::store::query::Query;

/// How merchants' webhooks are reached.
#[derive(Clone)]
pub struct SenderSettings {
    /// Who may be.
    pub reach: Reach,
    /// Who says what a name stands for; the machine's own resolver where nobody else is named.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// The authorities that certificates may be from, as PEM; the public ones where there are none.
    pub ca_pem: Option<Vec<u8>>,
    /// A receiver is waited for so long at the most, from the connection to the answer.
    pub timeout: Duration,
}

impl SenderSettings {
    /// How long a receiver is waited for.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Hosts of the public network, with certificates of public authorities.
    pub fn public() -> Self {
        Self { reach: Reach::Public, resolver: None, ca_pem: None, timeout: Self::TIMEOUT }
    }
}

/// Sends what merchants are to be told.
pub struct Sender {
    client: Client,
    reach: Reach,
}

impl Sender {
    /// Nothing is connected here.
    pub fn new(settings: SenderSettings) -> Result<Self, Unusable> {
        let SenderSettings { reach, resolver, ca_pem, timeout } = settings;
        let resolver = resolver.unwrap_or_else(|| Arc::new(SystemResolver::default()));
        Ok(Self { client: guard::client(resolver, reach, ca_pem.as_deref(), timeout)?, reach })
    }

    /// One attempt, and its record: whether it was taken. Only a receiver's 2xx makes it a delivery.
    pub(super) async fn deliver(
        &self,
        gate: &Gate,
        endpoint: &WebhookEndpoint,
        row: &WebhookDelivery,
    ) -> Result<bool, StoreError> {
        let (status, verdict) = if endpoint.state == EndpointState::Gone {
            (None, Verdict::Unsent)
        } else {
            let now = Timestamp(gate.tools().clock.now_us());
            let status = match self.request(gate, endpoint, row, now).await {
                Ok(Some(request)) => self.ask(request, endpoint).await,
                // What cannot be made is tried again like what cannot be sent, and fails in the end.
                Ok(None) => None,
                Err(StoreError::Defect) => {
                    let (endpoint, lane, sequence) = (row.endpoint_id, row.lane, row.sequence);
                    tracing::error!(?endpoint, lane, sequence, "a webhook cannot be made");
                    None
                }
                Err(error @ (StoreError::Busy | StoreError::Unavailable)) => return Err(error),
            };
            (status, verdict(gate, row, status))
        };
        let chore = WebhookChore::Tried {
            endpoint_id: row.endpoint_id,
            payment_id: row.payment_id,
            step: row.step,
            attempts: row.attempts,
            queued_at: row.queued_at,
            status,
            verdict,
        };
        gate.chore(Chore::Webhook(chore)).await?;
        Ok(verdict == Verdict::Delivered)
    }

    /// The status alone: whatever else is answered is dropped unread. Neither goes into a log, nor the URL.
    async fn ask(&self, request: Request, endpoint: &WebhookEndpoint) -> Option<i64> {
        match self.client.execute(request).await {
            Ok(answer) => Some(i64::from(answer.status().as_u16())),
            Err(error) => {
                let (connecting, late) = (error.is_connect(), error.is_timeout());
                let endpoint = endpoint.endpoint_id;
                tracing::debug!(?endpoint, connecting, late, "a webhook was not answered");
                None
            }
        }
    }

    /// Nothing when the endpoint cannot be sent to as it is.
    async fn request(
        &self,
        gate: &Gate,
        endpoint: &WebhookEndpoint,
        row: &WebhookDelivery,
        now: Timestamp,
    ) -> Result<Option<Request>, StoreError> {
        let mut wanted = rows(endpoint.merchant_id);
        wanted.extend([RowKey::Journal(row.lane, row.sequence), RowKey::Payment(row.payment_id)]);
        let fetched = gate.fetch(Query { rows: wanted, ..Query::default() }).await?;
        let told = fetched.get::<Journal>().zip(fetched.get::<Payment>()).and_then(|(journal, payment)| {
            let outcome = Outcome::decode(&journal.outcome).ok()?;
            Some(payload::body(row, payment, &step_of(&outcome, payment)?))
        });
        let body = told.ok_or(StoreError::Defect)?;
        let opened = gate.tools().open_fetched_papers(&fetched).map_err(|_| StoreError::Defect)?;
        let Some(address) = opened.papers.endpoint(endpoint.endpoint_id) else { return Ok(None) };
        // Made under another configuration, it may be one by now that is not sent to.
        let Ok(url) = guard::endpoint_url(&address.url, self.reach) else { return Ok(None) };
        let secrets = address.secrets.iter().take(if endpoint.is_rotating(now) { 2 } else { 1 });
        let secrets: Result<Vec<_>, _> = secrets.map(|text| WebhookSecret::parse(text)).collect();
        let secrets = secrets.map_err(|_| StoreError::Defect)?;
        Ok(Some(post(url, &event_name(row.payment_id, row.step), &secrets, now, body)))
    }
}

/// As Standard Webhooks 1.0 has it.
fn post(url: Url, id: &str, secrets: &[WebhookSecret], now: Timestamp, body: Vec<u8>) -> Request {
    let sent_at = now.0.div_euclid(SECOND_US);
    let value = |text: &str| HeaderValue::from_str(text).expect("digits and base64 are a header's");
    let mut request = Request::new(Method::POST, url);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", value(id));
    headers.insert("webhook-timestamp", value(&sent_at.to_string()));
    headers.insert("webhook-signature", value(&signatures(secrets, id, sent_at, &body)));
    *request.body_mut() = Some(body.into());
    request
}

/// What follows from an answer, or from none.
fn verdict(gate: &Gate, row: &WebhookDelivery, status: Option<i64>) -> Verdict {
    match status {
        Some(200..=299) => Verdict::Delivered,
        Some(410) => Verdict::Gone,
        Some(_) | None => {
            let mut chance = [0];
            gate.tools().entropy.fill(&mut chance);
            let now = Timestamp(gate.tools().clock.now_us());
            next_try(row.attempts + 1, now, chance[0]).map_or(Verdict::Failed, Verdict::Again)
        }
    }
}
