//! Two servers over one database: a payment's steps are in two lanes of the journal.

use std::collections::BTreeSet;

use saifu::crypto::device_key::DeviceKey;

use super::*;
use crate::several::Shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_in_two_lanes_are_numbered_and_sent_in_their_order() {
    const PAYMENTS: usize = 12;
    const REFUNDS: usize = 4;
    let shared = Shared::start().await;
    let change = |settings: &mut saifu::server::Settings| {
        generous(settings);
        here(settings);
        shared.apply(settings);
        // Their clocks differ, which limits in one Redis do not bear.
        settings.redis = None;
    };
    let one = World::start_with(change).await;
    let other = World::start_with(change).await;
    let receiver = Receiver::start().await;
    let alice = one.funded("alice", 9_000).await;
    let shop = one.shop_by(&shared.dir.path().join("operators"), "Bakery One").await;
    let key = shop.merchant.signer.key();
    let again = DeviceKey::from_pkcs8(key.pkcs8(), key.public().form()).expect("a key");
    let there = other.staff_at(other.server.address(), again).await;
    shop.told(&receiver).await;
    for number in 0..PAYMENTS {
        let code = digits(&alice, 500).await;
        let order_id = format!("order-{number}");
        shop.till.charge(&order(&order_id, 100), &code).await.expect("a charge");
        for step in 0..REFUNDS {
            let request = pb::RefundRequest { order_id: order_id.clone(), amount_minor: 10 };
            let merchant = if (number + step) % 2 == 0 { &there } else { &shop.merchant };
            let draft = merchant.draft(method::MERCHANT_REFUND, &request);
            let _: pb::PaymentStepReply = merchant.send(draft).await.expect("a refund");
        }
        // By a server whose clock is another: the order is not the clocks'.
        one.clock.advance_us(i64::try_from(number % 3).expect("small") * 200_000);
    }
    let all = PAYMENTS * (REFUNDS + 1);
    let hooks = receiver.wait(all).await;
    let steps: i64 = i64::try_from(REFUNDS).expect("few") + 1;
    for (order_id, told) in by_order(&hooks) {
        let numbers: Vec<i64> = told.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, (1..=steps).collect::<Vec<_>>(), "{order_id}");
    }
    let refunded =
        |hook: &&Hook| hook.json["payment"]["refunded_minor"].as_i64() == Some((hook.sequence() - 1) * 10);
    assert!(hooks.iter().all(|hook| refunded(&hook)), "a number is the step that it says");
    let ids: BTreeSet<_> = hooks.iter().map(|hook| hook.id.clone()).collect();
    assert_eq!(ids.len(), all);
    one.server.stop().await;
    other.server.stop().await;
}
