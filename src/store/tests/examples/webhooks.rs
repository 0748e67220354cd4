//! The same for merchants' webhooks.

use crate::domain::id::{FIRST_TENANT, PaymentId, WebhookEndpointId};
use crate::domain::record::Record as _;
use crate::domain::rows::{
    MerchantDataKey, MerchantDocument, Row, WebhookCursor, WebhookDelivery, WebhookEndpoint,
};
use crate::domain::tests::fixture::{NOW, merchant_id};
use crate::domain::webhook::{DeliveryState, EndpointState, PaymentEvent};

pub(super) fn rows() -> Vec<Row> {
    let (merchant_id, endpoint_id) = (merchant_id("bakery"), WebhookEndpointId([1; 16]));
    let at = |number| Some(NOW.plus_us(number));
    let delivery = WebhookDelivery {
        endpoint_id,
        payment_id: PaymentId([1; 16]),
        step: 2,
        tenant_id: FIRST_TENANT,
        merchant_id,
        event: PaymentEvent::Captured,
        at: NOW,
        lane: 3,
        sequence: 4,
        state: DeliveryState::Delivered,
        attempts: 5,
        last_status: Some(204),
        tried_at: at(1),
        due_at: None,
        queued_at: NOW.plus_us(2),
        expires_at: NOW.plus_us(3),
    };
    let due = WebhookDelivery { step: 3, state: DeliveryState::Due, due_at: at(4), ..delivery.clone() };
    vec![
        MerchantDataKey { merchant_id, kek_version: 1, sealed: vec![2] }.into_row(),
        MerchantDocument { merchant_id, version: 3, sealed: vec![4] }.into_row(),
        WebhookEndpoint {
            endpoint_id,
            tenant_id: FIRST_TENANT,
            merchant_id,
            state: EndpointState::Gone,
            created_at: NOW,
            rotated_until: at(5),
            replay_from: at(6),
            replay_until: at(7),
            replay_asked_at: at(8),
        }
        .into_row(),
        WebhookCursor { lane: 0, sequence: 9 }.into_row(),
        delivery.into_row(),
        due.into_row(),
    ]
}

/// What every schema refuses.
pub(super) fn broken() -> Vec<String> {
    [
        // A row is not a delivery: its receiver said so, in an attempt.
        "UPDATE webhook_delivery SET state = 1, due_at = NULL, last_status = 500",
        "UPDATE webhook_delivery SET state = 1, due_at = NULL, last_status = NULL",
        "UPDATE webhook_delivery SET state = 1, due_at = NULL, tried_at = NULL",
        "UPDATE webhook_delivery SET state = 0, due_at = NULL",
        "UPDATE webhook_delivery SET state = 2, due_at = 1",
        "UPDATE webhook_delivery SET step = 0",
        "UPDATE webhook_endpoint SET replay_until = NULL",
        "UPDATE webhook_endpoint SET state = 3",
        "UPDATE merchant_document SET version = 0",
    ]
    .map(str::to_owned)
    .into()
}
