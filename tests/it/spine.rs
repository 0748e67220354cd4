//! The main job from end to end: enrol, link, top up, scan, pay, look.

use futures_util::future::join_all;
use saifu::gate::limit::LimitTable;
use saifu::pb;

use crate::support::{World, any_card, available, bakery, reason};

#[tokio::test]
async fn a_phone_enrols_tops_up_and_pays() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    assert_eq!(available(&alice).await, 5_000);

    let shop = alice.list_shops().await.unwrap().shops.remove(0);
    let payee = alice.resolve_payee(&shop.static_qr).await.unwrap();
    assert_eq!(payee.payee_name, "Kanda Bakery");
    let request = pb::PayRequest {
        store_id: payee.store_id,
        payee_name: payee.payee_name,
        amount_minor: 1_200,
        currency: "JPY".into(),
        order_id: String::new(),
    };
    let paid = alice.pay(request, None, None).await.unwrap();
    assert_eq!(paid.available_after_minor, 3_800);
    assert_eq!(available(&alice).await, 3_800);

    let payment = alice.get_payment(paid.payment_id.clone()).await.unwrap().payment.unwrap();
    assert_eq!(payment.state(), pb::PaymentState::Captured);
    assert_eq!(payment.captured_minor, 1_200);
    let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.unwrap().entries;
    let amounts: Vec<_> =
        entries.iter().map(|entry| (entry.amount_minor, entry.available_after_minor)).collect();
    assert_eq!(amounts, [(-1_200, 3_800), (5_000, 5_000)]);
    world.server.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let world = World::start().await;
    let mut alice = world.funded("alice", 5_000).await;
    let request = bakery(&alice, 700).await;
    let id = [7; 16];
    let first = alice.pay(request.clone(), None, Some(id)).await.unwrap();
    let world = world.restart().await;
    alice.channel = world.phone().await.channel;
    world.pass(1);
    assert_eq!(alice.pay(request.clone(), None, Some(id)).await.unwrap(), first);
    assert_eq!(available(&alice).await, 4_300);
    let other = pb::PayRequest { amount_minor: 701, ..request };
    assert_eq!(reason(alice.pay(other, None, Some(id)).await), pb::Reason::RequestIdReused);
    world.server.stop().await;
}

#[tokio::test]
async fn top_ups_that_nobody_answers_hide_none_behind_them() {
    let world = World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        settings.policy.limits.top_up_pause_us = 0;
        settings.policy.limits.standard.top_up_day_count = None;
        any_card(&mut settings.policy);
    })
    .await;
    let alice = world.wallet("alice").await;
    let silent = alice.link_funding("sandbox-silent", "silent card").await.unwrap().funding_id;
    let good = alice.link_funding("sandbox-visa", "card").await.unwrap().funding_id;
    let one_yen = |funding_id: &Vec<u8>| pb::TopUpRequest {
        funding_id: funding_id.clone(),
        amount_minor: 1,
        currency: "JPY".into(),
    };
    // More than the driver asks about at a time.
    let unanswered = join_all((0..70).map(|_| alice.top_up(one_yen(&silent), None, None))).await;
    for reply in unanswered {
        assert_eq!(reply.unwrap().top_up.unwrap().state(), pb::TopUpState::Unknown);
    }
    let reply = alice.top_up(one_yen(&good), None, None).await.unwrap();
    assert_eq!(reply.top_up.unwrap().state(), pb::TopUpState::Succeeded);
    let balance = alice.get_balance().await.unwrap();
    assert_eq!((balance.available_minor, balance.incoming_minor), (1, 70));
    world.server.stop().await;
}
