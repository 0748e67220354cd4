//! Receivers that are slow, broken or gone.

use std::path::Path;

use saifu::domain::webhook::PAUSES_US;
use saifu::env::clock::{Clock as _, SystemClock};

use super::*;
use crate::support::START_US;
use crate::support::child::{Served, saifu};
use crate::support::hooks::until;

/// Longer than the pause after so many attempts, by all that chance may add.
fn pause_seconds(attempts: usize) -> i64 {
    PAUSES_US[attempts - 1] * 6 / 5 / 1_000_000 + 1
}

async fn sold(world: &World, shop: &Shop, wallet: &saifu::client::wallet::Wallet, order_id: &str) {
    world.refresh(wallet).await;
    let code = digits(wallet, 500).await;
    shop.till.charge(&order(order_id, 10), &code).await.expect("a charge");
}

#[tokio::test]
async fn an_outbox_row_is_not_a_delivery() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let endpoint = shop.told(&receiver).await;
    let faults = [
        (Act::Status(500), 500),
        (Act::Break, 0),
        (Act::Silence, 0),
        (Act::Redirect(receiver.url()), 307),
        (Act::Late(Duration::from_millis(900), 200), 0),
        (Act::Status(404), 404),
    ];
    sold(&world, &shop, &alice, "warm").await;
    receiver.wait(1).await;
    receiver.plan(faults.iter().map(|(act, _)| act.clone()));
    sold(&world, &shop, &alice, "sold").await;
    for (number, (act, status)) in faults.iter().enumerate() {
        let attempts = number + 1;
        receiver.wait(1 + attempts).await;
        let tried = i64::try_from(attempts).expect("few");
        let all = shop.deliveries_until("it is recorded", |all| all[0].attempts == tried).await;
        assert_eq!(states(&all)[0], (1, Due, tried, *status), "{act:?}");
        assert!(all[0].due_at.is_some() && all[0].tried_at.is_some());
        world.pass(pause_seconds(attempts));
    }
    let hooks = receiver.wait(faults.len() + 2).await;
    let all = shop.deliveries_until("it is delivered", |all| all[0].state() == Delivered).await;
    assert_eq!(states(&all)[0], (1, Delivered, 7, 200));
    // Each attempt is the same event, signed anew.
    for hook in &hooks[1..] {
        assert_eq!((&hook.id, &hook.text), (&hooks[1].id, &hooks[1].text));
        assert!(hook.is_signed_by(&endpoint.secret));
    }
    assert!(hooks[1..].windows(2).all(|two| two[0].timestamp < two[1].timestamp));
    verified(world).await;
}

/// A server of its own process on this data, whose clock is the machine's.
fn served(data: &Path) -> Served {
    let config = data.join("hooks.toml");
    let text = "mode = \"sandbox\"\n[merchant_webhooks]\nallow_private = true\n[server]\n\
                listen = \"127.0.0.1:0\"\noperators_listen = \"127.0.0.1:0\"\ndata_dir = \".\"\n";
    std::fs::write(&config, text).expect("a file");
    let mut command = saifu();
    command.arg("serve").arg("--config").arg(config);
    Served::spawn(command)
}

#[tokio::test]
async fn a_crash_between_sending_and_recording_sends_the_same_event_again() {
    let world = world().await;
    let mut alice = world.funded("alice", 9_000).await;
    let (mut shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    shop.told(&receiver).await;
    let World { server, clock, dir } = world;
    server.stop().await;
    clock.advance_us(SystemClock.now_us() - START_US);
    let data = dir.path().join("data");
    let first = served(&data);
    let channel = first.connect().await;
    (alice.channel, shop.till.channel) = (channel.clone(), channel);
    let code = alice.code().expect("an authenticator").to_string();
    alice.verify_second_factor(&code).await.expect("the code is right");
    // It was taken, and the server is gone before it hears of it.
    receiver.plan([Act::Late(Duration::from_secs(2), 200)]);
    let digits = digits(&alice, 500).await;
    shop.till.charge(&order("sold", 10), &digits).await.expect("a charge");
    receiver.wait(1).await;
    first.kill();

    let second = served(&data);
    shop.merchant.channel = second.connect().await;
    clock.advance_us(SystemClock.now_us() - clock.now_us());
    // The turn of the one that was killed is over after a minute.
    alice.channel = shop.merchant.channel.clone();
    alice.advance_clock(61).await.expect("the clock moves");
    clock.advance_us(61_000_000);
    let hooks = receiver.wait(2).await;
    assert_eq!((&hooks[0].id, &hooks[0].text), (&hooks[1].id, &hooks[1].text));
    let all = shop.deliveries_until("it is delivered", |all| all[0].state() == Delivered).await;
    assert_eq!(states(&all), [(1, Delivered, 1, 200)]);
}

#[tokio::test]
async fn what_is_not_taken_within_a_day_has_failed_and_can_be_asked_for_again() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let endpoint = shop.told(&receiver).await;
    receiver.plan((0..12).map(|_| Act::Status(500)));
    sold(&world, &shop, &alice, "sold").await;
    receiver.wait(1).await;
    refund(&shop, "sold", 5).await;
    let two = |all: &[pb::WebhookDelivery]| all.len() == 2 && all[1].attempts == 1;
    shop.deliveries_until("both are there", two).await;
    // Not before its time, and the later step not before the earlier one.
    world.pass(4);
    receiver.stays_at(1).await;
    for attempts in 1..12 {
        world.pass(pause_seconds(attempts));
        until("it is tried again", || receiver.hooks().len() > attempts).await;
        let tried = i64::try_from(attempts + 1).expect("few");
        shop.deliveries_until("it is recorded", |all| all[1].attempts == tried).await;
    }
    // Given up, it lets the next one go.
    let hooks = receiver.wait(13).await;
    assert_eq!((hooks[12].kind(), hooks[12].sequence()), ("payment.refunded", 2));
    let all = shop.deliveries_until("both are over", |all| all[0].state() == Delivered).await;
    assert_eq!(states(&all), [(2, Delivered, 1, 200), (1, Failed, 12, 500)]);
    assert!(all[1].due_at.is_none());
    world.pass(3 * 24 * HOUR);
    receiver.stays_at(13).await;
    let request = pb::ReplayWebhooksRequest {
        endpoint_id: endpoint.id.clone(),
        event_id: hooks[0].id.clone(),
        ..pb::ReplayWebhooksRequest::default()
    };
    replay(&shop, request).await.expect("it is sent again");
    assert_eq!(receiver.wait(14).await[13].id, hooks[0].id);
    shop.deliveries_until("it is delivered", |all| all[1].state() == Delivered).await;
    // The ledger forgets after a month.
    world.pass(31 * 24 * HOUR);
    shop.deliveries_until("they are forgotten", <[_]>::is_empty).await;
    world.server.stop().await;
}

#[tokio::test]
async fn a_step_waits_for_the_earlier_ones_of_its_payment_and_other_payments_go_on() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    shop.told(&receiver).await;
    receiver.plan([Act::Status(503)]);
    sold(&world, &shop, &alice, "one").await;
    receiver.wait(1).await;
    shop.deliveries_until("it is recorded", |all| all[0].attempts == 1).await;
    refund(&shop, "one", 4).await;
    shop.till.reverse("one").await.expect("a reversal");
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("two", 10), &code).await.expect("a charge");
    let hooks = receiver.wait(2).await;
    assert_eq!((hooks[1].order(), hooks[1].sequence()), ("two", 1));
    receiver.stays_at(2).await;
    world.pass(7);
    let hooks = receiver.wait(5).await;
    let order: Vec<_> = hooks[2..].iter().map(|hook| (hook.order(), hook.sequence())).collect();
    assert_eq!(order, [("one", 1), ("one", 2), ("one", 3)]);
    verified(world).await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_keeps_no_other_waiting() {
    let world = World::start_with(|settings| {
        generous(settings);
        here(settings);
        settings.merchant_webhooks.timeout = Duration::from_secs(30);
    })
    .await;
    let alice = world.funded("alice", 9_000).await;
    let (slow, quick) = (world.shop("Slow").await, world.shop("Quick").await);
    let (deaf, good) = (Receiver::start().await, Receiver::start().await);
    deaf.otherwise(Some(Act::Silence));
    slow.told(&deaf).await;
    quick.told(&good).await;
    for number in 0..40 {
        let code = digits(&alice, 500).await;
        slow.till.charge(&order(&format!("order-{number}"), 10), &code).await.expect("a charge");
    }
    until("as many as may be are under way", || deaf.hooks().len() == 16).await;
    for number in 0..20 {
        let code = digits(&alice, 500).await;
        quick.till.charge(&order(&format!("order-{number}"), 10), &code).await.expect("a charge");
    }
    good.wait(20).await;
    assert_eq!(deaf.connections(), 16, "so many at once, and no more");
    drop(deaf);
    world.server.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_for_good_is_sent_nothing_more() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let (endpoint, other) = (shop.told(&receiver).await, Receiver::start().await);
    receiver.otherwise(Some(Act::Status(500)));
    for order_id in ["one", "two"] {
        let code = digits(&alice, 500).await;
        shop.till.charge(&order(order_id, 10), &code).await.expect("a charge");
    }
    let both_tried = |all: &[pb::WebhookDelivery]| all.len() == 2 && all.iter().all(|one| one.attempts == 1);
    shop.deliveries_until("both are recorded", both_tried).await;
    receiver.otherwise(Some(Act::Status(410)));
    world.pass(7);
    // Of one that fails, one is under way at a time: the other one fails with it, and is not sent.
    shop.deliveries_until("both are over", |all| all.iter().all(|one| one.state() == Failed)).await;
    assert_eq!(shop.endpoints().await[0].state(), pb::WebhookEndpointState::Gone);
    let count = receiver.hooks().len();
    assert_eq!(count, 3);
    let tried: Vec<_> = shop.deliveries().await.iter().map(|one| (one.attempts, one.last_status)).collect();
    assert!(
        tried.contains(&(1, 500)) && tried.contains(&(2, 410)),
        "what was not tried is not told as tried: {tried:?}"
    );
    shop.told(&other).await;
    sold(&world, &shop, &alice, "three").await;
    other.wait(1).await;
    assert_eq!(receiver.hooks().len(), count);
    assert_eq!(shop.deliveries().await.len(), 3);
    let request = pb::ReplayWebhooksRequest {
        endpoint_id: endpoint.id.clone(),
        event_id: receiver.hooks()[0].id.clone(),
        ..pb::ReplayWebhooksRequest::default()
    };
    assert_eq!(reason(replay(&shop, request).await), pb::Reason::WebhookEndpointGone);
    delete(&shop, &endpoint.id).await.expect("it can be deleted");
    verified(world).await;
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    shop.told(&receiver).await;
    receiver.plan([Act::Endless(200)]);
    sold(&world, &shop, &alice, "one").await;
    receiver.wait(1).await;
    let all = shop.deliveries_until("it is delivered", |all| all[0].state() == Delivered).await;
    assert_eq!(states(&all), [(1, Delivered, 1, 200)]);
    world.server.stop().await;
}

#[tokio::test]
async fn what_was_due_is_sent_after_a_restart_and_what_was_missed_is_found_in_the_journal() {
    let mut world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    shop.told(&receiver).await;
    receiver.plan([Act::Status(500)]);
    sold(&world, &shop, &alice, "one").await;
    receiver.wait(1).await;
    // Committed, and perhaps not read yet when the server stops.
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("two", 10), &code).await.expect("a charge");
    world = world
        .restart_with(|settings| {
            generous(settings);
            here(settings);
        })
        .await;
    world.pass(7);
    until("all came", || {
        let hooks = receiver.hooks();
        let good = |order_id: &str| hooks.iter().any(|hook| hook.order() == order_id);
        hooks.len() == 3 && good("one") && good("two")
    })
    .await;
    world.server.stop().await;
}

#[tokio::test]
async fn endpoints_that_come_due_at_once_share_the_room_evenly() {
    const ORDERS: usize = 16;
    // 512 at once, and 35 endpoints.
    const SHARE: usize = 14;
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (mut shops, mut receivers) = (Vec::new(), Vec::new());
    for number in 0..7 {
        let shop = world.shop(&format!("Shop {number}")).await;
        for _ in 0..5 {
            let receiver = Receiver::start().await;
            receiver.otherwise(Some(Act::Status(503)));
            shop.told(&receiver).await;
            receivers.push(receiver);
        }
        shops.push(shop);
    }
    for shop in &shops {
        for number in 0..ORDERS {
            let code = digits(&alice, 500).await;
            shop.till.charge(&order(&format!("order-{number}"), 10), &code).await.expect("a charge");
        }
    }
    for shop in &shops {
        let tried =
            |all: &[pb::WebhookDelivery]| all.len() == 5 * ORDERS && all.iter().all(|one| one.attempts == 1);
        shop.deliveries_until("each was tried once", tried).await;
    }
    // A new process does not know yet that they fail, and no answer comes.
    for receiver in &receivers {
        receiver.otherwise(Some(Act::Silence));
    }
    let world = world
        .restart_with(|settings| {
            generous(settings);
            here(settings);
            settings.merchant_webhooks.timeout = Duration::from_mins(2);
        })
        .await;
    world.pass(7);
    let have_it = || receivers.iter().all(|one| one.hooks().len() == ORDERS + SHARE);
    until("everyone has its share, and no more", have_it).await;
    drop(receivers);
    world.server.stop().await;
}
