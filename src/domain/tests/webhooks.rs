//! Merchants' deliveries: whoever reads a lane, and however often an attempt is told of, each counts once.

use super::fixture::{Ledger, NOW, Said, merchant_id};
use crate::domain::command::{Chore, Order, Verdict, WebhookChore};
use crate::domain::id::{FIRST_TENANT, PaymentId, WebhookEndpointId};
use crate::domain::record::Record as _;
use crate::domain::rows::{RowKey, WebhookCursor, WebhookDelivery, WebhookEndpoint};
use crate::domain::time::SECOND_US;
use crate::domain::webhook::{DeliveryState, EndpointState, KEPT_US, PaymentEvent};

const ENDPOINT: WebhookEndpointId = WebhookEndpointId([1; 16]);
const GONE: WebhookEndpointId = WebhookEndpointId([2; 16]);
const DELETED: WebhookEndpointId = WebhookEndpointId([3; 16]);
const PAYMENT: PaymentId = PaymentId([4; 16]);

fn endpoint(endpoint_id: WebhookEndpointId, state: EndpointState) -> WebhookEndpoint {
    WebhookEndpoint {
        endpoint_id,
        tenant_id: FIRST_TENANT,
        merchant_id: merchant_id("bakery"),
        state,
        created_at: NOW,
        rotated_until: None,
        replay_from: None,
        replay_until: None,
        replay_asked_at: None,
    }
}

fn row(endpoint_id: WebhookEndpointId, step: i64) -> WebhookDelivery {
    WebhookDelivery {
        endpoint_id,
        payment_id: PAYMENT,
        step,
        tenant_id: FIRST_TENANT,
        merchant_id: merchant_id("bakery"),
        event: PaymentEvent::Captured,
        at: NOW,
        lane: 0,
        sequence: step,
        state: DeliveryState::Due,
        attempts: 0,
        last_status: None,
        tried_at: None,
        due_at: Some(NOW),
        queued_at: NOW,
        expires_at: NOW,
    }
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::parse("alice 500 jpy | bakery");
    ledger.put(endpoint(ENDPOINT, EndpointState::Active));
    ledger.put(endpoint(GONE, EndpointState::Gone));
    ledger
}

fn keep(ledger: &mut Ledger, chore: WebhookChore) {
    let attempt = ledger.command(Order::Chore(Chore::Webhook(chore)));
    assert_eq!(ledger.say(&attempt), Said::Kept);
}

fn read(from: i64, to: i64, deliveries: Vec<WebhookDelivery>) -> WebhookChore {
    WebhookChore::FanOut { lane: 0, from, to, deliveries }
}

fn tried(attempts: i64, status: i64, verdict: Verdict) -> WebhookChore {
    let status = Some(status);
    WebhookChore::Tried {
        endpoint_id: ENDPOINT,
        payment_id: PAYMENT,
        step: 1,
        attempts,
        queued_at: NOW,
        status,
        verdict,
    }
}

fn deliveries(ledger: &Ledger) -> Vec<&WebhookDelivery> {
    ledger.rows().filter_map(WebhookDelivery::of).collect()
}

#[test]
fn a_lane_is_read_once_whoever_reads_it() {
    let mut ledger = ledger();
    let all = || vec![row(ENDPOINT, 1), row(GONE, 1), row(DELETED, 1)];
    keep(&mut ledger, read(0, 7, all()));
    assert_eq!(ledger.get::<WebhookCursor>((0,)).sequence, 7);
    // Only an endpoint that is there and not gone is told.
    assert_eq!(deliveries(&ledger).len(), 1);
    let made = ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)).clone();
    assert_eq!((made.due_at, made.expires_at), (Some(NOW), NOW.plus_us(KEPT_US)));
    // Another process read the same rows, and more.
    keep(&mut ledger, tried(0, 200, Verdict::Delivered));
    keep(&mut ledger, read(0, 9, vec![row(ENDPOINT, 1), row(ENDPOINT, 2)]));
    keep(&mut ledger, read(8, 9, vec![row(ENDPOINT, 2)]));
    assert_eq!(ledger.get::<WebhookCursor>((0,)).sequence, 7);
    assert_eq!(deliveries(&ledger).len(), 1);
    // What is there already stays as it is.
    keep(&mut ledger, read(7, 9, vec![row(ENDPOINT, 1), row(ENDPOINT, 2)]));
    assert_eq!(ledger.get::<WebhookCursor>((0,)).sequence, 9);
    let first = ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1));
    assert_eq!((first.state, deliveries(&ledger).len()), (DeliveryState::Delivered, 2));
}

#[test]
fn an_attempt_counts_once_and_a_late_word_of_an_earlier_one_not_at_all() {
    let mut ledger = ledger();
    ledger.put(row(ENDPOINT, 1));
    let later = NOW.plus_us(5 * SECOND_US);
    for _ in 0..2 {
        keep(&mut ledger, tried(0, 500, Verdict::Again(later)));
        let row = ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1));
        assert_eq!((row.state, row.attempts, row.due_at), (DeliveryState::Due, 1, Some(later)));
        assert_eq!((row.last_status, row.tried_at), (Some(500), Some(NOW)));
    }
    keep(&mut ledger, tried(1, 204, Verdict::Delivered));
    keep(&mut ledger, tried(2, 500, Verdict::Again(later)));
    keep(&mut ledger, tried(2, 410, Verdict::Gone));
    let row = ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1));
    assert_eq!((row.state, row.attempts, row.last_status), (DeliveryState::Delivered, 2, Some(204)));
    assert_eq!(ledger.get::<WebhookEndpoint>((ENDPOINT,)).state, EndpointState::Active);
}

#[test]
fn a_receiver_that_is_gone_is_gone_in_the_same_commit_and_a_deleted_one_is_no_obstacle() {
    let mut ledger = ledger();
    ledger.put(row(ENDPOINT, 1));
    let mut deleted = ledger.clone();
    keep(&mut ledger, tried(0, 410, Verdict::Gone));
    assert_eq!(ledger.get::<WebhookEndpoint>((ENDPOINT,)).state, EndpointState::Gone);
    assert_eq!(ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)).state, DeliveryState::Failed);
    deleted.remove(RowKey::WebhookEndpoint(ENDPOINT));
    keep(&mut deleted, tried(0, 410, Verdict::Gone));
    assert_eq!(deleted.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)).state, DeliveryState::Failed);
}

#[test]
fn a_word_of_an_attempt_before_a_replay_is_no_word_of_the_replay() {
    let mut ledger = ledger();
    ledger.put(WebhookDelivery { queued_at: NOW.plus_us(1), ..row(ENDPOINT, 1) });
    keep(&mut ledger, tried(0, 200, Verdict::Delivered));
    assert_eq!(ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)).state, DeliveryState::Due);
}

#[test]
fn what_was_not_sent_is_not_told_as_tried() {
    let mut ledger = ledger();
    let before = WebhookDelivery { attempts: 1, last_status: Some(500), ..row(ENDPOINT, 1) };
    ledger.put(before.clone());
    keep(&mut ledger, tried(1, 0, Verdict::Unsent));
    let expected = WebhookDelivery { state: DeliveryState::Failed, due_at: None, ..before };
    assert_eq!(*ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)), expected);
}

#[test]
fn what_became_due_since_a_replay_was_asked_for_is_not_made_due_once_more() {
    let mut ledger = ledger();
    let asked_at = NOW;
    let asked = WebhookEndpoint {
        replay_from: Some(NOW.plus_us(-9)),
        replay_until: Some(NOW),
        replay_asked_at: Some(asked_at),
        ..endpoint(ENDPOINT, EndpointState::Active)
    };
    ledger.put(asked);
    let over = |step, queued_us| WebhookDelivery {
        state: DeliveryState::Failed,
        due_at: None,
        attempts: 12,
        queued_at: NOW.plus_us(queued_us),
        ..row(ENDPOINT, step)
    };
    ledger.put(over(1, -1));
    ledger.put(over(2, 0));
    let requeue = |asked_at, from| WebhookChore::Requeue {
        endpoint_id: ENDPOINT,
        asked_at,
        steps: vec![(PAYMENT, 1), (PAYMENT, 2)],
        from,
    };
    // Another one, asked for before: its word is nobody's.
    keep(&mut ledger, requeue(NOW.plus_us(-1), None));
    assert_eq!(ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)).state, DeliveryState::Failed);
    keep(&mut ledger, requeue(asked_at, Some(NOW)));
    let state = |ledger: &Ledger, step| ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, step)).state;
    assert_eq!((state(&ledger, 1), state(&ledger, 2)), (DeliveryState::Due, DeliveryState::Failed));
    assert_eq!(ledger.get::<WebhookDelivery>((ENDPOINT, PAYMENT, 1)).attempts, 0);
    assert_eq!(ledger.get::<WebhookEndpoint>((ENDPOINT,)).replay_from, Some(NOW));
    keep(&mut ledger, requeue(asked_at, None));
    assert_eq!(ledger.get::<WebhookEndpoint>((ENDPOINT,)).replay_asked_at, None);
}

#[test]
fn what_was_delivered_to_a_receiver_that_is_gone_stays_delivered() {
    let mut ledger = ledger();
    ledger.put(WebhookEndpoint {
        replay_from: Some(NOW.plus_us(-9)),
        replay_until: Some(NOW),
        replay_asked_at: Some(NOW),
        ..endpoint(GONE, EndpointState::Gone)
    });
    ledger.put(WebhookDelivery {
        state: DeliveryState::Delivered,
        due_at: None,
        attempts: 1,
        last_status: Some(200),
        tried_at: Some(NOW),
        queued_at: NOW.plus_us(-1),
        ..row(GONE, 1)
    });
    let steps = vec![(PAYMENT, 1)];
    keep(&mut ledger, WebhookChore::Requeue { endpoint_id: GONE, asked_at: NOW, steps, from: Some(NOW) });
    assert_eq!(ledger.get::<WebhookDelivery>((GONE, PAYMENT, 1)).state, DeliveryState::Delivered);
    assert_eq!(ledger.get::<WebhookEndpoint>((GONE,)).replay_until, None);
}
