//! A shop's day through gRPC: orders that customers pay by themselves, cash over the counter, and the day
//! that is closed.

use std::net::Ipv4Addr;

use saifu::client::method;
use saifu::client::wallet::Wallet;
use saifu::pb;
use tokio::time::{Duration, timeout};

use crate::support::shop::{Shop, asking, digits, hold, order, payable, secret};
use crate::support::{World, available, books_hold, reason};

/// Sooner than a watcher looks again without news.
const SOON: Duration = Duration::from_secs(3);

/// What the app signs after it scanned an order's code.
async fn scanned(wallet: &Wallet, qr: &str) -> pb::PayRequest {
    let payee = wallet.resolve_payee(qr).await.expect("a payee");
    pb::PayRequest {
        store_id: payee.store_id,
        payee_name: payee.payee_name,
        amount_minor: payee.amount_minor,
        currency: payee.currency,
        order_id: payee.order_id,
    }
}

async fn state(shop: &Shop, order_id: &str) -> pb::OrderState {
    shop.till.order(order_id).await.expect("the order").state()
}

#[tokio::test]
async fn an_order_is_paid_once_with_its_amount_and_in_time() {
    let world = World::start().await;
    let (alice, bob) = (world.funded("alice", 5_000).await, world.funded("bob", 5_000).await);
    let shop = world.shop("Bakery One").await;
    let made = shop.till.create_order(&payable("A-1", 700)).await.expect("an order");
    assert_eq!(state(&shop, "A-1").await, pb::OrderState::Payable);
    assert_eq!(reason(shop.till.create_order(&payable("A-1", 700)).await), pb::Reason::OrderExists);
    let request = scanned(&alice, &made.qr).await;
    assert_eq!((request.order_id.as_str(), request.amount_minor), ("A-1", 700));

    let less = pb::PayRequest { amount_minor: 699, ..request.clone() };
    assert_eq!(reason(alice.pay(less, None, None).await), pb::Reason::AmountChanged);
    let unknown = pb::PayRequest { order_id: "A-2".into(), ..request.clone() };
    assert_eq!(reason(alice.pay(unknown, None, None).await), pb::Reason::NotFound);
    let other = world.shop("Books").await;
    let elsewhere =
        pb::PayRequest { store_id: other.store_id.clone(), payee_name: "Books".into(), ..request.clone() };
    assert_eq!(reason(alice.pay(elsewhere, None, None).await), pb::Reason::NotFound);

    alice.pay(request.clone(), None, None).await.expect("a payment");
    assert_eq!(available(&alice).await, 4_300);
    assert_eq!(reason(bob.pay(request.clone(), None, None).await), pb::Reason::OrderTaken);
    let told = shop.till.order("A-1").await.expect("the order");
    assert_eq!(
        (told.state(), told.payment.expect("its payment").captured_minor),
        (pb::OrderState::Paid, 700)
    );
    assert_eq!(reason(shop.till.cancel_order("A-1").await), pb::Reason::OrderTaken);
    // It is a payment like every other: its till gives it back.
    shop.till.refund("A-1", 100).await.expect("a part");
    assert_eq!(available(&alice).await, 4_400);

    let late = shop.till.create_order(&payable("A-3", 10)).await.expect("an order");
    let cancelled = shop.till.create_order(&payable("A-4", 10)).await.expect("an order");
    shop.till.cancel_order("A-4").await.expect("a cancellation");
    let request = scanned(&alice, &cancelled.qr).await;
    assert_eq!(reason(alice.pay(request, None, None).await), pb::Reason::OrderReversed);
    alice.advance_clock(301).await.expect("time passes");
    world.refresh(&alice).await;
    let request = scanned(&alice, &late.qr).await;
    assert_eq!(reason(alice.pay(request, None, None).await), pb::Reason::OrderOver);
    assert_eq!(state(&shop, "A-3").await, pb::OrderState::Open);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_till_watches_its_order_and_nobody_elses() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let made = shop.till.create_order(&payable("A-1", 700)).await.expect("an order");
    let mut watched = shop.till.watch_order("A-1").await.expect("a stream");
    let mut next = async || {
        let told = timeout(SOON, watched.message()).await.expect("in time").expect("no error");
        told.expect("news").order.expect("an order")
    };
    assert_eq!(next().await.state(), pb::OrderState::Payable);
    let request = scanned(&alice, &made.qr).await;
    alice.pay(request, None, None).await.expect("a payment");
    let paid = next().await;
    assert_eq!(paid.state(), pb::OrderState::Paid);
    assert_eq!(paid.customer_reference.len(), 16);
    shop.till.reverse("A-1").await.expect("a reversal");
    assert_eq!(next().await.state(), pb::OrderState::Reversed);

    let (second, _) = world.till(&shop.merchant, shop.store_id.clone()).await;
    assert_eq!(reason(second.watch_order("A-1").await), pb::Reason::NotFound);
    let other = world.shop("Books").await;
    assert_eq!(reason(other.till.watch_order("A-1").await), pb::Reason::NotFound);
}

#[tokio::test]
async fn a_shop_knows_its_customer_again_and_another_shop_does_not() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let mut references = Vec::new();
    for shop in [world.shop("Bakery One").await, world.shop("Books").await] {
        for order_id in ["one", "two"] {
            shop.till.charge(&order(order_id, 10), &digits(&alice, 10).await).await.expect("a charge");
            references.push(shop.till.order(order_id).await.expect("the order").customer_reference);
        }
    }
    assert_eq!(references[0], references[1]);
    assert_eq!(references[2], references[3]);
    assert_ne!(references[0], references[2]);
}

#[tokio::test]
async fn a_key_at_two_places_at_once_raises_an_alarm_that_its_merchant_sees() {
    let world = World::start().await;
    let mut shop = world.shop("Bakery One").await;
    let here = shop.till.channel.clone();
    let there = world.street().channel_from(Ipv4Addr::new(127, 0, 0, 2)).await;
    let alarms = async |shop: &Shop| {
        let tills = shop.merchant.list_terminals(pb::ListTerminalsRequest::default()).await.expect("tills");
        (tills.terminals[0].alarms, tills.terminals[0].alarmed_at.is_some())
    };
    // It moved: that is one place after another.
    for channel in [&here, &there] {
        shop.till.channel = channel.clone();
        shop.till.day(0).await.expect("the day");
    }
    assert_eq!(alarms(&shop).await, (0, false));
    shop.till.channel = here;
    shop.till.reverse("R-1").await.expect("a change is one, too");
    assert_eq!(alarms(&shop).await, (1, true));
}

async fn cash_code(wallet: &Wallet, cap_minor: i64) -> String {
    secret(wallet.issue_cash_code(cap_minor, None).await.expect("a code").payment_code)
}

#[tokio::test]
async fn cash_is_off_until_two_operators_allow_it_and_keeps_to_its_ceilings() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let shop = world.shop("Bakery One").await;
    let code = cash_code(&alice, 3_000).await;
    assert_eq!(reason(shop.till.cash_top_up("C-1", 2_000, &code).await), pb::Reason::CashNotAllowed);
    world.allow_cash(&shop.store_id, 5_000, 3_000).await;
    assert_eq!(reason(shop.till.cash_top_up("C-1", 3_001, &code).await), pb::Reason::CashCeiling);
    // A code to pay with is none to top up with, and the other way round.
    assert_eq!(reason(shop.till.charge(&order("P-1", 10), &code).await), pb::Reason::CodeNotUsable);
    let done = shop.till.cash_top_up("C-1", 2_000, &code).await.expect("cash");
    assert_eq!((done.amount_minor, available(&alice).await), (2_000, 2_000));
    assert_eq!(reason(shop.till.cash_top_up("C-2", 10, &code).await), pb::Reason::CodeNotUsable);
    let told = shop.till.order("C-1").await.expect("the order");
    assert_eq!((told.state(), told.cash_minor), (pb::OrderState::Paid, 2_000));
    let listed = alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
    assert_eq!((listed[0].kind(), listed[0].amount_minor), (pb::EntryKind::CashTopUp, 2_000));

    // An order that was made for a customer to pay may be paid with cash, and then by nobody.
    let made = shop.till.create_order(&payable("C-7", 40)).await.expect("an order");
    let dora = world.wallet("dora").await;
    shop.till.cash_top_up("C-7", 40, &cash_code(&dora, 40).await).await.expect("cash");
    let request = scanned(&dora, &made.qr).await;
    assert_eq!(reason(dora.pay(request, None, None).await), pb::Reason::OrderTaken);
    // Another customer: the till's day, then the store.
    let bob = world.wallet("bob").await;
    let code = cash_code(&bob, 2_000).await;
    assert_eq!(reason(shop.till.cash_top_up("C-3", 961, &code).await), pb::Reason::CashCeiling);
    let (second, _) = world.till(&shop.merchant, shop.store_id.clone()).await;
    assert_eq!(reason(second.cash_top_up("C-4", 3_001, &code).await), pb::Reason::CashCeiling);
    second.cash_top_up("C-4", 2_000, &code).await.expect("cash");
    // More than his code is for is declined, and the till is not told why.
    let carol = world.wallet("carol").await;
    let code = cash_code(&carol, 100).await;
    assert_eq!(reason(shop.till.cash_top_up("C-5", 101, &code).await), pb::Reason::Declined);
    world.allow_cash(&shop.store_id, 0, 0).await;
    assert_eq!(reason(shop.till.cash_top_up("C-6", 10, &code).await), pb::Reason::CashNotAllowed);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn cash_goes_back_over_the_counter_on_its_day_unless_it_was_spent() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 50_000, 30_000).await;
    let (alice, bob, carol) =
        (world.wallet("alice").await, world.wallet("bob").await, world.wallet("carol").await);
    for (wallet, order_id) in [(&alice, "C-1"), (&bob, "C-2"), (&carol, "C-3")] {
        let code = cash_code(wallet, 1_000).await;
        shop.till.cash_top_up(order_id, 1_000, &code).await.expect("cash");
    }
    let soon = cash_code(&alice, 10).await;
    assert_eq!(reason(shop.till.cash_top_up("C-4", 10, &soon).await), pb::Reason::Declined, "30 s apart");
    let back = shop.till.reverse("C-1").await.expect("a reversal");
    assert_eq!((back.result(), back.cash_minor), (pb::ReverseResult::Reversed, 1_000));
    assert_eq!(available(&alice).await, 0);
    assert_eq!(shop.till.reverse("C-1").await.expect("again").result(), pb::ReverseResult::AlreadyReversed);
    shop.till.charge(&order("P-1", 1), &digits(&bob, 1).await).await.expect("a charge");
    assert_eq!(reason(shop.till.reverse("C-2").await), pb::Reason::AlreadySpent);
    assert_eq!(available(&bob).await, 999);
    // A clerk who tries again learns that it was done, whatever the ceiling says by now.
    world.allow_cash(&shop.store_id, 1, 1).await;
    let code = cash_code(&carol, 10).await;
    assert_eq!(reason(shop.till.cash_top_up("C-3", 10, &code).await), pb::Reason::OrderTaken);
    world.pass(121);
    assert_eq!(reason(shop.till.reverse("C-3").await), pb::Reason::ReversalTooLate, "its customer is gone");
    assert_eq!(available(&carol).await, 1_000);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn cash_of_a_closed_day_stays() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 50_000, 1_000).await;
    let (alice, bob) = (world.wallet("alice").await, world.wallet("bob").await);
    shop.till.cash_top_up("C-1", 1_000, &cash_code(&alice, 1_000).await).await.expect("cash");
    shop.till.close_day(1, Vec::new()).await.expect("the day ends");
    assert_eq!(reason(shop.till.reverse("C-1").await), pb::Reason::DayClosed);
    assert_eq!(available(&alice).await, 1_000);
    // The next business day is on the same day of the calendar, which has one ceiling.
    let more = shop.till.cash_top_up("C-2", 1, &cash_code(&bob, 1_000).await).await;
    assert_eq!(reason(more), pb::Reason::CashCeiling);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_yes_counts_in_the_day_in_which_it_comes_and_a_merchants_reversal_in_none() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let asked = shop.till.charge(&asking("A-1", 700), &digits(&alice, 500).await).await.expect("asked");
    // Whoever is only asked is nobody's customer yet.
    assert_eq!(shop.till.order("A-1").await.expect("the order").customer_reference, [0_u8; 0]);
    shop.till.close_day(1, Vec::new()).await.expect("the day ends");
    let status = alice.get_payment(asked.payment_id).await.expect("hers").payment.expect("a status");
    alice.confirm_payment(&status, None).await.expect("a yes");
    let sales = async |day| total(&shop.till.day(day).await.expect("the day").totals, pb::DayLineKind::Sale);
    assert_eq!((sales(1).await, sales(2).await), ((0, 0), (1, 700)));
    let undone = shop.merchant.reverse_for(shop.terminal_id.clone(), "A-1").await.expect("a reversal");
    assert_eq!(undone.result(), pb::ReverseResult::Reversed);
    let day = shop.till.day(2).await.expect("the day");
    assert_eq!(total(&day.totals, pb::DayLineKind::Reversal), (0, 0));
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn whoever_takes_no_part_makes_no_order_and_is_not_paid_by_one() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let made = shop.till.create_order(&payable("A-1", 10)).await.expect("an order");
    shop.merchant.suspend_terminal(shop.terminal_id.clone()).await.expect("suspended");
    assert_eq!(reason(shop.till.create_order(&payable("A-2", 10)).await), pb::Reason::TerminalSuspended);
    let request = scanned(&alice, &made.qr).await;
    assert_eq!(reason(alice.pay(request, None, None).await), pb::Reason::PayeeSuspended);
    shop.merchant.resume_terminal(shop.terminal_id.clone()).await.expect("resumed");
    let [first, _] = world.operators().await;
    first.suspend_merchant(shop.merchant_id.clone()).await.expect("suspended");
    assert_eq!(reason(shop.till.create_order(&payable("A-2", 10)).await), pb::Reason::MerchantSuspended);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_till_that_is_not_activated_yet_is_told_apart_from_a_suspended_one() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    let registered = shop.merchant.register_terminal(shop.store_id.clone(), "new").await.expect("a till");
    for (terminal_id, expected) in [
        (registered.terminal_id, pb::Reason::TerminalNotActive),
        (shop.terminal_id.clone(), pb::Reason::TerminalSuspended),
    ] {
        if expected == pb::Reason::TerminalSuspended {
            shop.merchant.suspend_terminal(terminal_id.clone()).await.expect("suspended");
        }
        let request = pb::MerchantCreateOrderRequest { terminal_id, order: Some(payable("A-1", 10)) };
        let draft = shop.merchant.draft(method::MERCHANT_CREATE_ORDER, &request);
        assert_eq!(reason(shop.merchant.send::<pb::CreateOrderReply>(draft).await), expected);
    }
    books_hold(world, |_| {}).await;
}

fn total(totals: &[pb::DayTotal], kind: pb::DayLineKind) -> (i64, i64) {
    let total = totals.iter().find(|total| total.kind() == kind).expect("every kind is told");
    (total.count, total.sum_minor)
}

fn line(order_id: &str, kind: pb::DayLineKind, amount_minor: i64) -> pb::DayLine {
    pb::DayLine { order_id: order_id.into(), kind: kind.into(), amount_minor }
}

#[tokio::test]
async fn a_day_is_closed_once_compared_and_stays_as_it_is() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Hotel").await;
    let charge = async |order_id: &str, amount_minor: i64| {
        let code = digits(&alice, amount_minor).await;
        shop.till.charge(&order(order_id, amount_minor), &code).await.expect("a charge");
        world.refresh(&alice).await;
    };
    for (order_id, amount_minor) in [("S-1", 100), ("S-2", 200), ("S-3", 300)] {
        charge(order_id, amount_minor).await;
    }
    shop.till.authorize(&hold("H-1", 500), &digits(&alice, 500).await).await.expect("a hold");
    shop.till.capture("H-1", 150, true).await.expect("a part");
    shop.till.refund("S-1", 40).await.expect("a refund");
    shop.till.reverse("S-2").await.expect("a reversal");
    // Its merchant's server moves nothing in a till's day.
    shop.merchant_capture("H-1", 50).await;

    use pb::DayLineKind::{Capture, Refund, Reversal, Sale};
    let open = shop.till.day(0).await.expect("the day");
    assert_eq!((open.business_day, open.closed_at), (1, None));
    let claimed = vec![
        pb::DayTotal { kind: Sale.into(), count: 3, sum_minor: 600 },
        pb::DayTotal { kind: Capture.into(), count: 1, sum_minor: 150 },
        pb::DayTotal { kind: Refund.into(), count: 1, sum_minor: 50 },
        pb::DayTotal { kind: Reversal.into(), count: 1, sum_minor: 200 },
    ];
    assert_eq!(reason(shop.till.close_day(2, Vec::new()).await), pb::Reason::DayClosed);
    let closed = shop.till.close_day(1, claimed).await.expect("it is closed");
    assert!(!closed.agrees, "its refund was another");
    for (kind, expected) in [(Sale, (3, 600)), (Capture, (1, 150)), (Refund, (1, 40)), (Reversal, (1, 200))] {
        assert_eq!(total(&closed.totals, kind), expected, "{kind:?}");
    }
    let lines = vec![
        line("S-1", Sale, 100),
        line("S-2", Sale, 200),
        line("S-2", Reversal, 200),
        line("S-3", Sale, 300),
        line("H-1", Capture, 150),
        line("S-1", Refund, 50),
    ];
    let request = pb::CompareDayRequest { business_day: 1, lines, ..pb::CompareDayRequest::default() };
    let differences = shop.till.compare_day(&request).await.expect("it is compared").differences;
    let [one] = &differences[..] else { panic!("{differences:?}") };
    assert_eq!((one.order_id.as_str(), one.kind()), ("S-1", Refund));
    assert_eq!((one.our_sum_minor, one.till_sum_minor), (40, 50));

    // What is known of it stays; what nobody saw is still a tombstone.
    let too_late = shop.till.reverse("S-3").await.expect("an answer");
    assert_eq!(
        (too_late.result(), too_late.state()),
        (pb::ReverseResult::DayClosed, pb::PaymentState::Captured)
    );
    let tomb = shop.till.reverse("S-9").await.expect("a tombstone");
    assert_eq!(tomb.result(), pb::ReverseResult::NothingFound);
    assert_eq!(reason(shop.till.close_day(1, Vec::new()).await), pb::Reason::DayClosed);
    shop.till.refund("S-3", 300).await.expect("a refund is the way");
    let again = shop.till.day(1).await.expect("the closed day");
    assert_eq!(again.totals, closed.totals, "a closed day stays as it is");
    assert!(again.closed_at.is_some());
    let next = shop.till.day(0).await.expect("the next day");
    assert_eq!((next.business_day, total(&next.totals, Refund)), (2, (1, 300)));
    books_hold(world, |_| {}).await;
}
