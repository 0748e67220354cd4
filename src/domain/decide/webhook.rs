//! A merchant's webhooks: its endpoints and their secrets, and what became of each delivery. URLs and
//! secrets are in the sealed document; nothing of either is seen here.

use super::ruling::Ruling;
use super::{Decision, Stale};
use crate::domain::command::{
    MerchantCall, MerchantDocumentWrite, Replayed, Verdict, WebhookAction, WebhookChore,
};
use crate::domain::id::{MerchantId, PaymentId, WebhookEndpointId};
use crate::domain::outcome::{Outcome, Refusal, WebhookOutcome};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Merchant, MerchantDataKey, MerchantDocument, RowKey, SecretReply, WebhookCursor, WebhookDelivery,
    WebhookEndpoint,
};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::webhook::{DeliveryState, ENDPOINTS_MAX, EndpointState, KEPT_US, ROTATION_US};
use crate::domain::write::Write;

/// Why there is no ruling.
enum Halt {
    Refused(Refusal),
    Stale,
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Decides what a merchant asks of its webhooks. Where they go changes for nobody who is suspended.
pub(super) fn decide(
    call: &MerchantCall,
    action: &WebhookAction,
    merchant: &Merchant,
    view: &View,
    policy: &Policy,
) -> Decision {
    let ruling = match act(call, action, merchant, view, policy) {
        Ok(ruling) => ruling,
        Err(Halt::Refused(refusal)) => Ruling::from(refusal),
        Err(Halt::Stale) => return Decision::Stale(Stale::Document),
    };
    ruling.decision(action.kind(), &call.signed, view)
}

fn act(
    call: &MerchantCall,
    action: &WebhookAction,
    merchant: &Merchant,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Halt> {
    let now = view.now();
    let merchant_id = merchant.merchant_id;
    let own = view
        .get::<WebhookEndpoint>((action.endpoint_id(),))
        .filter(|endpoint| endpoint.merchant_id == merchant_id)
        .ok_or(Refusal::NotFound);
    let (writes, outcome) = match action {
        WebhookAction::Create { endpoint_id, document, endpoints, secret } => {
            if *endpoints > ENDPOINTS_MAX {
                return Err(Refusal::TooManyWebhookEndpoints.into());
            }
            let mut writes = document_writes(merchant_id, document, view)?;
            writes.push(Write::Insert(new_endpoint(*endpoint_id, merchant, now).into_row()));
            writes.push(reply(call, secret, now, policy));
            (writes, WebhookOutcome::Created { endpoint_id: *endpoint_id })
        }
        WebhookAction::Rotate { endpoint_id, document, secret } => {
            let endpoint = own?;
            if endpoint.is_rotating(now) {
                return Err(Refusal::WebhookSecretRotating.into());
            }
            let until = now.plus_us(ROTATION_US);
            let mut writes = document_writes(merchant_id, document, view)?;
            writes.push(update(WebhookEndpoint { rotated_until: Some(until), ..endpoint.clone() }));
            writes.push(reply(call, secret, now, policy));
            (writes, WebhookOutcome::Rotated { endpoint_id: *endpoint_id, older_until: until })
        }
        WebhookAction::EndSecret { endpoint_id, document } => {
            let endpoint = own?;
            if !endpoint.is_rotating(now) {
                return Err(Refusal::WebhookSecretNotRotating.into());
            }
            let mut writes = document_writes(merchant_id, document, view)?;
            writes.push(update(WebhookEndpoint { rotated_until: None, ..endpoint.clone() }));
            (writes, WebhookOutcome::SecretEnded { endpoint_id: *endpoint_id })
        }
        WebhookAction::Delete { endpoint_id, document } => {
            own?;
            let mut writes = document_writes(merchant_id, document, view)?;
            writes.push(Write::Delete(RowKey::WebhookEndpoint(*endpoint_id)));
            (writes, WebhookOutcome::Deleted { endpoint_id: *endpoint_id })
        }
        WebhookAction::Replay { endpoint_id, what } => {
            let write = replay(own?, *what, view)?;
            (vec![write], WebhookOutcome::Replayed { endpoint_id: *endpoint_id })
        }
    };
    Ok(Ruling::plain(writes, Outcome::Webhook(outcome)))
}

fn new_endpoint(endpoint_id: WebhookEndpointId, merchant: &Merchant, now: Timestamp) -> WebhookEndpoint {
    WebhookEndpoint {
        endpoint_id,
        tenant_id: merchant.tenant_id,
        merchant_id: merchant.merchant_id,
        state: EndpointState::Active,
        created_at: now,
        rotated_until: None,
        replay_from: None,
        replay_until: None,
        replay_asked_at: None,
    }
}

fn reply(call: &MerchantCall, secret: &[u8], now: Timestamp, policy: &Policy) -> Write {
    let row = SecretReply {
        request_id: call.signed.request_id,
        key_id: call.signed.key_id,
        sealed: secret.to_vec(),
        expires_at: now.plus_us(policy.secret_us),
    };
    Write::Insert(row.into_row())
}

fn update(endpoint: WebhookEndpoint) -> Write {
    Write::Update(endpoint.into_row())
}

/// The next version of the document, if it was made from the one that there is.
fn document_writes(
    merchant_id: MerchantId,
    document: &MerchantDocumentWrite,
    view: &View,
) -> Result<Vec<Write>, Halt> {
    let known = view.get::<MerchantDocument>((merchant_id,));
    if known.map_or(0, |known| known.version) != document.expected_version {
        return Err(Halt::Stale);
    }
    let version = document.expected_version + 1;
    let row = MerchantDocument { merchant_id, version, sealed: document.sealed.clone() }.into_row();
    match (known, &document.data_key) {
        (Some(_), None) => Ok(vec![Write::Update(row)]),
        (None, Some((kek_version, sealed))) => {
            let key = MerchantDataKey { merchant_id, kek_version: *kek_version, sealed: sealed.clone() };
            Ok(vec![Write::Insert(key.into_row()), Write::Insert(row)])
        }
        (Some(_), Some(_)) | (None, None) => Err(Halt::Stale),
    }
}

fn replay(endpoint: &WebhookEndpoint, what: Replayed, view: &View) -> Result<Write, Refusal> {
    let now = view.now();
    if endpoint.state == EndpointState::Gone {
        return Err(Refusal::WebhookEndpointGone);
    }
    match what {
        Replayed::Event { payment_id, step } => {
            let row = view
                .get::<WebhookDelivery>((endpoint.endpoint_id, payment_id, step))
                .ok_or(Refusal::NotFound)?;
            Ok(Write::Update(queued(row, now).into_row()))
        }
        Replayed::Between { .. } if endpoint.replay_until.is_some() => Err(Refusal::WebhookReplayUnderWay),
        Replayed::Between { from, until } => Ok(update(WebhookEndpoint {
            replay_from: Some(from),
            replay_until: Some(until),
            replay_asked_at: Some(now),
            ..endpoint.clone()
        })),
    }
}

/// Due now, as if it were new.
fn queued(row: &WebhookDelivery, now: Timestamp) -> WebhookDelivery {
    WebhookDelivery {
        state: DeliveryState::Due,
        attempts: 0,
        due_at: Some(now),
        queued_at: now,
        expires_at: now.plus_us(KEPT_US),
        ..row.clone()
    }
}

/// Decides a chore. Each finds out anew whether it is still to be done.
pub(super) fn chore(chore: &WebhookChore, view: &View) -> Vec<Write> {
    match chore {
        WebhookChore::FanOut { lane, from, to, deliveries } => fan_out(*lane, (*from, *to), deliveries, view),
        WebhookChore::Tried { endpoint_id, payment_id, step, attempts, queued_at, status, verdict } => {
            let row = view.get::<WebhookDelivery>((*endpoint_id, *payment_id, *step));
            // Replayed or answered meanwhile: then this attempt was another one's.
            let is_same = |row: &&WebhookDelivery| {
                row.state == DeliveryState::Due && (row.attempts, row.queued_at) == (*attempts, *queued_at)
            };
            let Some(row) = row.filter(is_same) else { return Vec::new() };
            let gone = view
                .get::<WebhookEndpoint>((*endpoint_id,))
                .filter(|_| *verdict == Verdict::Gone)
                .map(|endpoint| update(WebhookEndpoint { state: EndpointState::Gone, ..endpoint.clone() }));
            let tried = Write::Update(tried(row, *status, *verdict, view.now()).into_row());
            gone.into_iter().chain([tried]).collect()
        }
        WebhookChore::Requeue { endpoint_id, asked_at, steps, from } => {
            requeue(*endpoint_id, *asked_at, steps, *from, view)
        }
    }
}

/// A lane is read once, whoever reads it; what was read becomes due in the same commit.
fn fan_out(lane: i64, (from, to): (i64, i64), deliveries: &[WebhookDelivery], view: &View) -> Vec<Write> {
    let known = view.get::<WebhookCursor>((lane,));
    if known.map_or(0, |cursor| cursor.sequence) != from || to <= from {
        return Vec::new();
    }
    let cursor = WebhookCursor { lane, sequence: to }.into_row();
    let mut writes = vec![if known.is_some() { Write::Update(cursor) } else { Write::Insert(cursor) }];
    for row in deliveries {
        let is_there = view
            .get::<WebhookEndpoint>((row.endpoint_id,))
            .is_some_and(|endpoint| endpoint.state == EndpointState::Active);
        let is_new = view.get::<WebhookDelivery>((row.endpoint_id, row.payment_id, row.step)).is_none();
        if is_there && is_new {
            writes.push(Write::Insert(queued(row, view.now()).into_row()));
        }
    }
    writes
}

fn tried(row: &WebhookDelivery, status: Option<i64>, verdict: Verdict, now: Timestamp) -> WebhookDelivery {
    let (state, due_at) = match verdict {
        Verdict::Delivered => (DeliveryState::Delivered, None),
        Verdict::Again(at) => (DeliveryState::Due, Some(at)),
        Verdict::Failed | Verdict::Gone => (DeliveryState::Failed, None),
        Verdict::Unsent => {
            return WebhookDelivery { state: DeliveryState::Failed, due_at: None, ..row.clone() };
        }
    };
    let attempts = row.attempts + 1;
    WebhookDelivery { state, due_at, attempts, last_status: status, tried_at: Some(now), ..row.clone() }
}

fn requeue(
    endpoint_id: WebhookEndpointId,
    asked_at: Timestamp,
    steps: &[(PaymentId, i64)],
    from: Option<Timestamp>,
    view: &View,
) -> Vec<Write> {
    let endpoint = view.get::<WebhookEndpoint>((endpoint_id,));
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.replay_asked_at == Some(asked_at)) else {
        return Vec::new();
    };
    // Whoever is gone is sent nothing more, and what he has taken stays taken.
    let is_there = endpoint.state == EndpointState::Active;
    let goes_on = is_there && from.is_some();
    let mut writes = vec![update(WebhookEndpoint {
        replay_from: from.filter(|_| goes_on),
        replay_until: endpoint.replay_until.filter(|_| goes_on),
        replay_asked_at: endpoint.replay_asked_at.filter(|_| goes_on),
        ..endpoint.clone()
    })];
    for (payment_id, step) in steps.iter().filter(|_| is_there) {
        let row = view.get::<WebhookDelivery>((endpoint_id, *payment_id, *step));
        let row = row.filter(|row| row.state != DeliveryState::Due && row.queued_at < asked_at);
        // Another lane's clock may be behind that of the asking.
        let now = view.now().max(asked_at);
        writes.extend(row.map(|row| Write::Update(queued(row, now).into_row())));
    }
    writes
}
