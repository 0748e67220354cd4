//! The whole life of a payment through gRPC: asked, confirmed, held, captured in parts, refunded, undone,
//! ended by time; and what the customer, the till and its merchant each find out about it.

use saifu::client::wallet::Wallet;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use tokio::time::{Duration, interval, timeout};

use crate::support::recovery::DAY;
use crate::support::shop::{asking, digits, hold, order};
use crate::support::{World, available, books_hold, reason};

/// The payment of an order, as its customer has it.
async fn own(wallet: &Wallet, payment_id: &[u8]) -> pb::PaymentStatus {
    wallet.get_payment(payment_id.to_vec()).await.expect("his payment").payment.expect("a status")
}

/// The latest entries: kind and amount.
async fn entries(wallet: &Wallet, count: usize) -> Vec<(pb::EntryKind, i64)> {
    let listed = wallet.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
    listed.into_iter().take(count).map(|entry| (entry.kind(), entry.amount_minor)).collect()
}

/// Until a timer did its work.
async fn until(wallet: &Wallet, payment_id: &[u8], state: pb::PaymentState) {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        if own(wallet, payment_id).await.state() == state {
            return;
        }
    }
    panic!("it never came to {}", state.as_str_name());
}

#[tokio::test]
async fn a_hold_is_captured_in_parts_and_given_back_in_parts() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Hotel").await;
    let held = shop.till.authorize(&hold("room", 900), &digits(&alice, 1_000).await).await.expect("a hold");
    assert_eq!((held.state(), held.amount_minor), (pb::PaymentState::Authorized, 900));
    assert_eq!(available(&alice).await, 4_100);
    let asked = shop.till.order("room").await.expect("the order");
    assert_eq!(asked.state(), pb::OrderState::Pending);
    assert_eq!(asked.payment.expect("its payment").held_minor, 900);

    let first = shop.till.capture("room", 300, true).await.expect("a part");
    assert_eq!((first.state(), first.held_minor), (pb::PaymentState::PartlyCaptured, 600));
    let much = shop.till.capture("room", 601, false).await;
    assert_eq!(reason(much), pb::Reason::CaptureTooMuch);
    let last = shop.merchant_capture("room", 200).await;
    assert_eq!((last.captured_minor, last.released_minor, last.held_minor), (500, 400, 0));
    assert_eq!(available(&alice).await, 4_500);
    assert_eq!(reason(shop.till.void("room").await), pb::Reason::HoldOver);
    assert_eq!(reason(shop.till.capture("room", 0, false).await), pb::Reason::HoldOver);

    let back = shop.till.refund("room", 120).await.expect("a part");
    assert_eq!((back.state(), back.moved_minor), (pb::PaymentState::PartlyRefunded, 120));
    assert_eq!(reason(shop.till.refund("room", 381).await), pb::Reason::RefundTooMuch);
    let rest = shop.till.refund("room", 380).await.expect("the rest");
    assert_eq!((rest.state(), rest.refunded_minor), (pb::PaymentState::Refunded, 500));
    assert_eq!(available(&alice).await, 5_000);
    let expected = [
        (pb::EntryKind::Refund, 380),
        (pb::EntryKind::Refund, 120),
        (pb::EntryKind::Capture, 400),
        (pb::EntryKind::Capture, 0),
        (pb::EntryKind::Hold, -900),
    ];
    assert_eq!(entries(&alice, 5).await, expected);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn more_than_a_codes_cap_is_asked_for_and_confirmed_or_declined_on_the_phone() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let asked = shop.till.charge(&asking("yes", 700), &digits(&alice, 500).await).await.expect("he is asked");
    assert_eq!((asked.state(), asked.captured_at), (pb::PaymentState::AwaitingCustomer, None));
    assert_eq!(shop.till.order("yes").await.expect("the order").state(), pb::OrderState::Pending);
    assert_eq!(available(&alice).await, 5_000, "nothing is held");
    assert_eq!(reason(shop.till.refund("yes", 1).await), pb::Reason::PaymentAwaiting);

    let status = own(&alice, &asked.payment_id).await;
    assert_eq!((status.payee_name.as_str(), status.authorised_minor), ("Bakery One", 700));
    let less = pb::PaymentStatus { authorised_minor: 699, ..status.clone() };
    assert_eq!(reason(alice.confirm_payment(&less, None).await), pb::Reason::AmountChanged);
    let elsewhere = pb::PaymentStatus { payee_name: "Books".into(), ..status.clone() };
    assert_eq!(reason(alice.confirm_payment(&elsewhere, None).await), pb::Reason::PayeeChanged);
    let yes = alice.confirm_payment(&status, None).await.expect("a yes");
    assert_eq!((yes.state(), yes.available_after_minor), (pb::PaymentState::Captured, 4_300));
    assert_eq!(shop.till.order("yes").await.expect("the order").state(), pb::OrderState::Paid);
    assert_eq!(entries(&alice, 1).await, [(pb::EntryKind::Payment, -700)]);

    let asked = shop.till.charge(&asking("no", 700), &digits(&alice, 500).await).await.expect("he is asked");
    alice.decline_payment(asked.payment_id.clone()).await.expect("a no");
    assert_eq!(own(&alice, &asked.payment_id).await.state(), pb::PaymentState::Declined);
    assert_eq!(shop.till.order("no").await.expect("the order").state(), pb::OrderState::Over);
    let status = own(&alice, &asked.payment_id).await;
    assert_eq!(reason(alice.confirm_payment(&status, None).await), pb::Reason::PaymentNotAwaiting);

    // Held after a yes, and captured later.
    let asked = shop.till.authorize(&hold("later", 800), &digits(&alice, 500).await).await.expect("asked");
    let status = own(&alice, &asked.payment_id).await;
    let yes = alice.confirm_payment(&status, None).await.expect("a yes");
    assert_eq!((yes.state(), yes.available_after_minor), (pb::PaymentState::Authorized, 3_500));
    shop.till.capture("later", 0, false).await.expect("all of it");
    assert_eq!(own(&alice, &asked.payment_id).await.captured_minor, 800);
    books_hold(world, |_| {}).await;
}

/// What is told next, within a while.
async fn told(stream: &mut tonic::Streaming<pb::WatchPaymentsReply>) -> Vec<pb::PaymentStatus> {
    let next = timeout(Duration::from_secs(10), stream.message()).await.expect("in time");
    next.expect("no error").expect("a message").payments
}

#[tokio::test]
async fn a_phone_is_told_what_it_is_asked_as_long_as_its_key_is_good() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let mut stream = alice.watch_payments().await.expect("a stream");
    assert_eq!(told(&mut stream).await, []);
    let asked = shop.till.charge(&asking("one", 700), &digits(&alice, 500).await).await.expect("asked");
    let [one] = &told(&mut stream).await[..] else { panic!("one question") };
    assert_eq!((&one.payment_id, one.authorised_minor), (&asked.payment_id, 700));
    assert_eq!((one.payee_name.as_str(), one.state()), ("Bakery One", pb::PaymentState::AwaitingCustomer));
    alice.confirm_payment(one, None).await.expect("a yes");
    assert_eq!(told(&mut stream).await, [], "it is answered");
    // Whoever comes later sees at once what there is; another account's phone does not.
    shop.till.charge(&asking("two", 800), &digits(&alice, 500).await).await.expect("asked");
    let mut second = alice.watch_payments().await.expect("another stream");
    assert_eq!(told(&mut second).await.len(), 1);
    let mallory = world.funded("mallory", 1_000).await;
    let mut others = mallory.watch_payments().await.expect("a stream");
    assert_eq!(told(&mut others).await, []);
    assert_eq!(told(&mut stream).await.len(), 1);
    // Time ends a question for the watcher too.
    world.pass(120);
    assert_eq!(told(&mut stream).await, []);

    let device_id = alice.list_devices().await.expect("devices").devices.remove(0).device_id;
    let code = world.next_code(&alice);
    alice.revoke_device(device_id, &code).await.expect("revoked");
    let ended = timeout(Duration::from_secs(10), stream.message()).await.expect("in time");
    let ended = saifu::client::refused::Refused::from(ended.expect_err("the key is no longer good"));
    assert_eq!(ended.reason(), Some(pb::Reason::Unauthenticated));
    // A server that stops ends its streams, and is not kept by them.
    let stopping = world.server.stop();
    timeout(Duration::from_secs(5), stopping).await.expect("well before the drain is over");
    assert_eq!(others.message().await.expect("no error"), None);
}

#[tokio::test]
async fn watchers_are_counted_apart_and_per_origin() {
    let world = World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        settings.door.calls = 4;
        settings.door.watchers_per_origin = 6;
    })
    .await;
    let alice = world.funded("alice", 1_000).await;
    let mut watching = Vec::new();
    for _ in 0..6 {
        let mut stream = alice.watch_payments().await.expect("a stream");
        told(&mut stream).await;
        watching.push(stream);
    }
    // More watchers than there may be calls under way, and calls go on.
    assert_eq!(available(&alice).await, 1_000);
    assert_eq!(reason(alice.watch_payments().await), pb::Reason::Throttled);
    watching.pop();
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        if let Ok(mut stream) = alice.watch_payments().await {
            return drop(told(&mut stream).await);
        }
    }
    panic!("whoever leaves makes no room");
}

#[tokio::test]
async fn a_yes_wants_what_a_payment_of_that_amount_wants() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    world.pass(12 * 3_600);
    world.refresh(&alice).await;
    let asked = shop.till.charge(&asking("much", 20_000), &digits(&alice, 500).await).await.expect("asked");
    let status = own(&alice, &asked.payment_id).await;
    let without = alice.confirm_payment(&status, None).await;
    assert_eq!(reason(without), pb::Reason::SecondFactorRequired);
    let code = world.next_code(&alice);
    let poor = alice.confirm_payment(&status, Some(&code)).await;
    assert_eq!(reason(poor), pb::Reason::InsufficientBalance);
    assert_eq!(own(&alice, &asked.payment_id).await.state(), pb::PaymentState::AwaitingCustomer);
    // Frozen, she may still say no.
    alice.freeze().await.expect("a freeze");
    let code = world.next_code(&alice);
    assert_eq!(reason(alice.confirm_payment(&status, Some(&code)).await), pb::Reason::AccountFrozen);
    alice.decline_payment(asked.payment_id).await.expect("a no");
}

#[tokio::test]
async fn time_ends_a_question_and_a_hold() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Hotel").await;
    let asked = shop.till.charge(&asking("asked", 700), &digits(&alice, 500).await).await.expect("asked");
    let held = shop.till.authorize(&hold("held", 400), &digits(&alice, 500).await).await.expect("a hold");
    let short = pb::AuthorizeRequest { hold_seconds: 300, ..hold("short", 100) };
    let short = shop.till.authorize(&short, &digits(&alice, 500).await).await.expect("a hold");
    let long = pb::AuthorizeRequest { hold_seconds: 2_592_001, ..hold("long", 100) };
    let long = shop.till.authorize(&long, &digits(&alice, 500).await).await;
    assert_eq!(reason(long), pb::Reason::Malformed);
    assert_eq!(available(&alice).await, 4_500);

    world.pass(120);
    // Late, whether or not the timer came first.
    let status = pb::PaymentStatus {
        payee_name: "Hotel".into(),
        authorised_minor: 700,
        currency: "JPY".into(),
        payment_id: asked.payment_id.clone(),
        ..pb::PaymentStatus::default()
    };
    assert_eq!(reason(alice.confirm_payment(&status, None).await), pb::Reason::PaymentNotAwaiting);
    until(&alice, &asked.payment_id, pb::PaymentState::Expired).await;
    world.pass(180);
    assert_eq!(reason(shop.till.capture("short", 0, false).await), pb::Reason::HoldOver);
    until(&alice, &short.payment_id, pb::PaymentState::Expired).await;
    assert_eq!(available(&alice).await, 4_600);
    assert_eq!(entries(&alice, 1).await, [(pb::EntryKind::Release, 100)]);
    let part = shop.till.capture("held", 150, true).await.expect("a part");
    assert_eq!(part.held_minor, 250);
    world.pass(7 * DAY);
    until(&alice, &held.payment_id, pb::PaymentState::Captured).await;
    let status = own(&alice, &held.payment_id).await;
    assert_eq!((status.captured_minor, status.released_minor), (150, 250));
    assert_eq!(available(&alice).await, 4_850);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_reversal_undoes_a_hold_a_part_and_a_question() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Hotel").await;
    shop.till.authorize(&hold("room", 900), &digits(&alice, 1_000).await).await.expect("a hold");
    shop.till.capture("room", 300, true).await.expect("a part");
    let undone = shop.till.reverse("room").await.expect("undone");
    assert_eq!((undone.refunded_minor, undone.released_minor), (300, 600));
    assert_eq!(available(&alice).await, 5_000);
    assert_eq!(entries(&alice, 1).await, [(pb::EntryKind::Reversal, 900)]);
    assert_eq!(reason(shop.till.refund("room", 1).await), pb::Reason::OrderReversed);

    let asked = shop.till.charge(&asking("asked", 700), &digits(&alice, 500).await).await.expect("asked");
    let status = own(&alice, &asked.payment_id).await;
    let undone = shop.till.reverse("asked").await.expect("withdrawn");
    assert_eq!((undone.result(), undone.refunded_minor), (pb::ReverseResult::Reversed, 0));
    assert_eq!(reason(alice.confirm_payment(&status, None).await), pb::Reason::PaymentNotAwaiting);
    // A tombstone refuses a hold as it does a charge.
    shop.till.reverse("never").await.expect("a tombstone");
    let late = shop.till.authorize(&hold("never", 100), &digits(&alice, 500).await).await;
    assert_eq!(reason(late), pb::Reason::OrderReversed);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_step_is_done_once_whoever_repeats_it_and_by_nobody_else() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Hotel").await;
    let (other, _) = world.till(&shop.merchant, shop.store_id.clone()).await;
    let foreign = world.shop("Books").await;
    shop.till.charge(&order("paid", 900), &digits(&alice, 1_000).await).await.expect("a charge");
    let request = pb::RefundRequest { order_id: "paid".into(), amount_minor: 100 };
    let draft = shop.till.draft(saifu::client::method::REFUND, &request);
    for _ in 0..3 {
        let reply: pb::PaymentStepReply = shop.till.send(draft.clone()).await.expect("the same refund");
        assert_eq!(reply.refunded_minor, 100);
    }
    assert_eq!(available(&alice).await, 4_200);
    for till in [&other, &foreign.till] {
        assert_eq!(reason(till.refund("paid", 1).await), pb::Reason::NotFound);
        assert_eq!(reason(till.void("paid").await), pb::Reason::NotFound);
        assert_eq!(reason(till.capture("paid", 1, false).await), pb::Reason::NotFound);
    }
    // Another customer's payment is nobody's to answer.
    let mallory = world.funded("mallory", 1_000).await;
    let asked = shop.till.charge(&asking("asked", 700), &digits(&alice, 500).await).await.expect("asked");
    let status = own(&alice, &asked.payment_id).await;
    assert_eq!(reason(mallory.confirm_payment(&status, None).await), pb::Reason::NotFound);
    assert_eq!(reason(mallory.decline_payment(asked.payment_id).await), pb::Reason::NotFound);
}
