//! The merchant's lists and webhooks in the matrix.

use prost_types::Timestamp;
use saifu::client::method;
use saifu::gate::operation::{CallerKind, Codes, Effect};
use saifu::pb;

use super::case::Case;
use crate::support::World;
use crate::support::shop::{Shop, digits, order};

/// Who may call what of it, written down once more.
pub fn expected() -> Vec<(&'static str, CallerKind, Effect, Codes)> {
    use CallerKind::Merchant;
    use Codes::Refused;
    use Effect::{Changes, Reads};
    vec![
        (method::MERCHANT_GET_PAYMENT, Merchant, Reads, Refused),
        (method::LIST_PAYMENTS, Merchant, Reads, Refused),
        (method::GET_SALES_REPORT, Merchant, Reads, Refused),
        (method::CREATE_WEBHOOK_ENDPOINT, Merchant, Changes, Refused),
        (method::LIST_WEBHOOK_ENDPOINTS, Merchant, Reads, Refused),
        (method::ROTATE_WEBHOOK_SECRET, Merchant, Changes, Refused),
        (method::END_WEBHOOK_SECRET, Merchant, Changes, Refused),
        (method::DELETE_WEBHOOK_ENDPOINT, Merchant, Changes, Refused),
        (method::LIST_WEBHOOK_DELIVERIES, Merchant, Reads, Refused),
        (method::REPLAY_WEBHOOKS, Merchant, Changes, Refused),
    ]
}

/// No name under `invalid` stands for anything (RFC 6761).
const URL: &str = "https://hooks.invalid/in";

/// A good call of each; of the endpoints one has two secrets, one goes.
pub async fn cases(world: &World, shop: &Shop) -> Vec<Case> {
    let bob = world.funded("bob", 500).await;
    let code = digits(&bob, 500).await;
    shop.till.charge(&order("listed", 10), &code).await.expect("a charge");
    let mut endpoints = Vec::new();
    for _ in 0..3 {
        endpoints.push(shop.merchant.create_webhook(URL).await.expect("an endpoint").endpoint_id);
    }
    let [one, rotating, going] = endpoints.try_into().expect("three");
    let rotate = |endpoint_id: &Vec<u8>| pb::RotateWebhookSecretRequest { endpoint_id: endpoint_id.clone() };
    let draft = shop.merchant.draft(method::ROTATE_WEBHOOK_SECRET, &rotate(&rotating));
    let rotated: pb::RotateWebhookSecretReply = shop.merchant.send(draft).await.expect("two secrets");
    assert!(rotated.secret.is_some());
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let report = pb::GetSalesReportRequest {
        from: at(1_767_500_000),
        until: at(1_767_600_000),
        ..pb::GetSalesReportRequest::default()
    };
    let replay = pb::ReplayWebhooksRequest {
        endpoint_id: one.clone(),
        from: at(1),
        until: at(2),
        ..pb::ReplayWebhooksRequest::default()
    };
    let payments = pb::ListPaymentsRequest { page_size: 1, ..pb::ListPaymentsRequest::default() };
    let deliveries =
        pb::ListWebhookDeliveriesRequest { page_size: 1, ..pb::ListWebhookDeliveriesRequest::default() };
    vec![
        Case::new(method::MERCHANT_GET_PAYMENT, &pb::MerchantGetPaymentRequest { order_id: "listed".into() }),
        Case::new(method::LIST_PAYMENTS, &payments),
        Case::new(method::GET_SALES_REPORT, &report),
        Case::new(method::CREATE_WEBHOOK_ENDPOINT, &pb::CreateWebhookEndpointRequest {})
            .private(&pb::CreateWebhookEndpointPrivate { url: URL.into() }),
        Case::new(method::LIST_WEBHOOK_ENDPOINTS, &pb::ListWebhookEndpointsRequest {}),
        Case::new(method::ROTATE_WEBHOOK_SECRET, &rotate(&one)),
        Case::new(method::END_WEBHOOK_SECRET, &pb::EndWebhookSecretRequest { endpoint_id: rotating }),
        Case::new(method::DELETE_WEBHOOK_ENDPOINT, &pb::DeleteWebhookEndpointRequest { endpoint_id: going }),
        Case::new(method::LIST_WEBHOOK_DELIVERIES, &deliveries),
        Case::new(method::REPLAY_WEBHOOKS, &replay),
    ]
}
