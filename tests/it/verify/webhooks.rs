//! Where merchants are told of their payments, and until when an older secret signs, is the journal's.

use std::path::PathBuf;

use saifu::client::method;
use saifu::pb;

use super::{all_are_found, report};
use crate::support::World;
use crate::support::hooks::{Receiver, here};

/// A stopped server's data with two endpoints, one of them with two secrets.
async fn told_books() -> PathBuf {
    let world = World::start_with(here).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let (rotating, _) = (shop.told(&receiver).await, shop.told(&receiver).await);
    let request = pb::RotateWebhookSecretRequest { endpoint_id: rotating.id };
    let draft = shop.merchant.draft(method::ROTATE_WEBHOOK_SECRET, &request);
    shop.merchant.send::<pb::RotateWebhookSecretReply>(draft).await.expect("another secret");
    world.stopped().await
}

#[tokio::test]
async fn whatever_is_changed_about_a_webhook_is_found() {
    let data = told_books().await;
    assert_eq!(report(&data).await.problems, []);
    let merchant_or_end = "its merchant, or the end of its older secret";
    let rotating = "rotated_until IS NOT NULL";
    let cases = [
        (
            "a secret that signs on",
            format!("UPDATE webhook_endpoint SET rotated_until = rotated_until + 1 WHERE {rotating}"),
            merchant_or_end,
        ),
        (
            "another merchant's",
            "UPDATE webhook_endpoint SET merchant_id = zeroblob(16)".to_owned(),
            merchant_or_end,
        ),
        (
            "a forgotten one",
            "DELETE FROM webhook_endpoint WHERE rotated_until IS NULL".to_owned(),
            "a row that the journal made is missing",
        ),
        (
            "one that nobody made",
            "INSERT INTO webhook_endpoint SELECT randomblob(16), tenant_id, merchant_id, state, created_at, \
             rotated_until, replay_from, replay_until, replay_asked_at, tag FROM webhook_endpoint LIMIT 1"
                .to_owned(),
            "no merchant in the journal made this endpoint",
        ),
    ];
    all_are_found(&data, cases.into()).await;
    std::fs::remove_dir_all(data.parent().expect("its directory")).expect("removed");
}
