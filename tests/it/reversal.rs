//! How far back a shop reaches into what its customers paid and were credited: minutes by Reverse, and
//! through gRPC what a dishonest shop and a dishonest clerk try beyond that.

use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::pb;
use tokio::time::{Duration, interval};

use crate::support::recovery::{DAY, HOUR, MINUTE};
use crate::support::shop::{Shop, digits, order, secret};
use crate::support::{World, available, books_hold, reason};
use crate::verify::{all_are_found, make_anew, report, tamper};

/// The worlds begin at noon in Japan; so the first day is settled when so much has passed.
const SETTLED: i64 = 14 * HOUR;

async fn charge(world: &World, shop: &Shop, wallet: &Wallet, order_id: &str, minor: i64) {
    world.refresh(wallet).await;
    shop.till.charge(&order(order_id, minor), &digits(wallet, minor).await).await.expect("a charge");
}

async fn cash(shop: &Shop, wallet: &Wallet, order_id: &str, minor: i64) -> Result<(), pb::Reason> {
    let code = secret(wallet.issue_cash_code(minor, None).await.expect("a code").payment_code);
    shop.till.cash_top_up(order_id, minor, &code).await.map(drop).map_err(|no| no.reason().expect("a reason"))
}

/// The merchant's server gives back.
async fn give_back(shop: &Shop, order_id: &str, minor: i64) -> Result<pb::PaymentStepReply, pb::Reason> {
    let request = pb::RefundRequest { order_id: order_id.into(), amount_minor: minor };
    let draft = shop.merchant.draft(saifu::client::method::MERCHANT_REFUND, &request);
    shop.merchant.send(draft).await.map_err(|no| no.reason().expect("a reason"))
}

#[tokio::test]
async fn what_was_paid_out_is_not_reversed_by_whoever_was_paid() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    charge(&world, &shop, &alice, "one", 4_000).await;
    charge(&world, &shop, &alice, "two", 4_000).await;
    world.pass(SETTLED);
    assert_eq!(shop.settlements(1).await[0].payout_minor, 8_000);
    let late = shop.till.reverse("one").await.expect("an answer");
    assert_eq!((late.result(), late.state()), (pb::ReverseResult::TooLate, pb::PaymentState::Captured));
    let late = shop.merchant.reverse_for(shop.terminal_id.clone(), "two").await.expect("an answer");
    assert_eq!((late.result(), late.refunded_minor), (pb::ReverseResult::TooLate, 0));
    assert_eq!(available(&alice).await, 1_000, "the wallet is full again, and the shop was paid");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_reversal_is_for_minutes_from_the_first_capture_and_a_hold_is_released_at_any_time() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Hotel").await;
    let minutes = 15 * MINUTE;
    let hold = async |order_id: &str| {
        world.refresh(&alice).await;
        let code = digits(&alice, 500).await;
        shop.till.authorize(&crate::support::shop::hold(order_id, 500), &code).await.expect("a hold");
    };
    for order_id in ["untouched", "in-parts", "in-time", "tomorrow"] {
        hold(order_id).await;
    }
    shop.till.capture("in-parts", 100, true).await.expect("a part");
    world.pass(minutes - 1);
    charge(&world, &shop, &alice, "sold", 300).await;
    // However late its last part comes: the first one is its shop's by now.
    shop.till.capture("in-parts", 100, true).await.expect("another part");
    let late = shop.till.reverse("in-parts").await.expect("an answer");
    assert_eq!((late.result(), late.state()), (pb::ReverseResult::TooLate, pb::PaymentState::PartlyCaptured));
    shop.till.capture("in-time", 200, true).await.expect("a part");
    world.pass(minutes);
    let undone = shop.till.reverse("in-time").await.expect("a reversal");
    assert_eq!((undone.refunded_minor, undone.released_minor), (200, 300), "in its last second");
    let again = shop.till.reverse("in-time").await.expect("an answer");
    assert_eq!(again.result(), pb::ReverseResult::AlreadyReversed);
    world.pass(1);
    let late = shop.till.reverse("sold").await.expect("an answer");
    assert_eq!((late.result(), late.state()), (pb::ReverseResult::TooLate, pb::PaymentState::Captured));
    let again = shop.till.reverse("in-time").await.expect("an answer");
    assert_eq!(again.result(), pb::ReverseResult::AlreadyReversed, "whenever that is asked");
    let unseen = shop.till.reverse("unseen").await.expect("a tombstone");
    assert_eq!(unseen.result(), pb::ReverseResult::NothingFound);
    shop.till.close_day(1, Vec::new()).await.expect("the day ends");
    let released = shop.till.reverse("untouched").await.expect("a reversal");
    assert_eq!((released.result(), released.released_minor), (pb::ReverseResult::Reversed, 500));
    // Captured now, of a hold of a day that is closed.
    shop.till.capture("tomorrow", 0, false).await.expect("a capture");
    let closed = shop.till.reverse("tomorrow").await.expect("an answer");
    assert_eq!((closed.result(), closed.state()), (pb::ReverseResult::DayClosed, pb::PaymentState::Captured));
    shop.till.refund("tomorrow", 500).await.expect("a refund is the way");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_is_given_back_of_old_sales_is_not_taken_out_of_new_ones_that_are_then_reversed() {
    let floor =
        |settings: &mut saifu::server::Settings| settings.policy.settlement.payable_floor_minor = -300;
    let world = World::start_with(floor).await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    charge(&world, &shop, &alice, "old", 4_000).await;
    world.pass(SETTLED);
    assert_eq!(shop.settlements(1).await[0].payout_minor, 4_000);
    give_back(&shop, "old", 300).await.expect("down to the floor");
    for round in 0..3 {
        let order_id = format!("new-{round}");
        charge(&world, &shop, &alice, &order_id, 500).await;
        give_back(&shop, "old", 500).await.expect("as much as came in");
        assert_eq!(reason(shop.till.reverse(&order_id).await), pb::Reason::PayableFloor, "{order_id}");
    }
    // What was there, less what was paid out, and what may be owed: each new sale paid for what was given
    // back.
    assert_eq!(available(&alice).await, 9_000 - 4_000 + 300);
    books_hold(world, |_| {}).await;
}

/// The till's open day, once it is this one.
async fn until_day(till: &Staff, business_day: i64) -> pb::GetDayReply {
    let mut looks = interval(Duration::from_millis(400));
    for _ in 0..25 {
        looks.tick().await;
        let open = till.day(0).await.expect("the day");
        if open.business_day == business_day {
            return open;
        }
    }
    panic!("day {business_day} does not begin");
}

fn sales(totals: &[pb::DayTotal]) -> (i64, i64) {
    let sales = totals.iter().find(|total| total.kind() == pb::DayLineKind::Sale).expect("every kind");
    (sales.count, sales.sum_minor)
}

#[tokio::test]
async fn a_day_that_its_till_does_not_close_is_closed_for_it() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    let (other, other_id) = world.till(&shop.merchant, shop.store_id.clone()).await;
    charge(&world, &shop, &alice, "one", 100).await;
    world.refresh(&alice).await;
    other.charge(&order("other", 70), &digits(&alice, 70).await).await.expect("a charge");
    shop.merchant.suspend_terminal(other_id).await.expect("suspended");
    let (idle, _) = world.till(&shop.merchant, shop.store_id.clone()).await;
    // Its calendar day ends at midnight, and so much later its day.
    world.pass_until(16 * HOUR);
    until_day(&shop.till, 2).await;
    until_day(&other, 2).await;
    assert_eq!(idle.day(0).await.expect("the day").business_day, 1, "nothing was in it");
    world.refresh(&alice).await;
    charge(&world, &shop, &alice, "two", 30).await;
    // A till that comes with its totals hears what is closed, whatever it was told before, and goes on.
    let totals = vec![pb::DayTotal { kind: pb::DayLineKind::Sale.into(), count: 1, sum_minor: 100 }];
    let told = shop.till.close_day(1, totals).await.expect("an answer");
    assert!(told.closed_by_system && told.agrees, "{told:?}");
    assert_eq!((told.business_day, sales(&told.totals)), (1, (1, 100)));
    let again = shop.till.close_day(1, Vec::new()).await.expect("an answer");
    assert!(again.closed_by_system && !again.agrees && again.closed_at == told.closed_at, "{again:?}");
    let closed = shop.till.day(1).await.expect("the day");
    assert_eq!((closed.closed_by_system, closed.closed_at), (true, told.closed_at));
    let next = shop.till.close_day(2, Vec::new()).await.expect("it ends");
    assert_eq!((next.closed_by_system, sales(&next.totals)), (false, (1, 30)));
    assert_eq!(reason(shop.till.close_day(2, Vec::new()).await), pb::Reason::DayClosed, "its own doing");
    books_hold(world, |_| {}).await;
}

/// Without the checkpoint and with the chain made anew, a day must still be closed when it may be.
#[tokio::test]
async fn whatever_is_changed_about_a_day_that_was_closed_for_its_till_is_found() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    charge(&world, &shop, &alice, "one", 100).await;
    world.pass(17 * HOUR);
    until_day(&shop.till, 2).await;
    let data = world.dir.path().join("data");
    assert_eq!(report(&data).await.problems, []);
    world.server.stop().await;
    let cases = [
        ("its till closed it", "UPDATE closed_day SET by_system = 0", "nobody closed this day so"),
        ("at another time", "UPDATE closed_day SET closed_at = closed_at + 1", "nobody closed this day so"),
        ("a forgotten one", "DELETE FROM closed_day", "is missing"),
        (
            "a sale of another moment",
            "UPDATE payment SET captured_at = captured_at + 1",
            "its account, store, day or amounts",
        ),
    ];
    all_are_found(&data, cases.map(|(case, sql, found)| (case, sql.to_owned(), found)).into()).await;
    std::fs::remove_file(data.join("checkpoints")).expect("they would tell it first");
    // What the server did after that day's end, earlier than it may.
    tamper(&data, "UPDATE journal SET at = at - 16200000000 WHERE kind IN (110, 140)");
    make_anew(&data, |_| {});
    let found = report(&data).await.problems;
    let told = "it closes another day than the till is in, or too early";
    assert!(found.iter().any(|problem| problem.what == told), "{found:?}");
}

#[tokio::test]
async fn a_till_takes_no_more_cash_in_a_day_by_closing_it() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    let (gwen, hana) = (world.wallet("gwen").await, world.wallet("hana").await);
    world.allow_cash(&shop.store_id, 9_000, 500).await;
    cash(&shop, &gwen, "C-1", 500).await.expect("cash");
    shop.till.close_day(1, Vec::new()).await.expect("the day ends");
    assert_eq!(cash(&shop, &hana, "C-2", 1).await, Err(pb::Reason::CashCeiling));
    world.pass(DAY);
    world.refresh(&hana).await;
    cash(&shop, &hana, "C-3", 500).await.expect("another day");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_merchant_that_gave_back_more_than_it_took_today_takes_no_cash_in_any_store() {
    let world = World::start().await;
    let (alice, gwen) = (world.funded("alice", 9_000).await, world.wallet("gwen").await);
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 500, 500).await;
    charge(&world, &shop, &alice, "old", 4_000).await;
    world.pass(SETTLED);
    assert_eq!(shop.settlements(1).await[0].payout_minor, 4_000);
    give_back(&shop, "old", 450).await.expect("above the floor");
    world.refresh(&gwen).await;
    assert_eq!(cash(&shop, &gwen, "C-1", 51).await, Err(pb::Reason::CashCeiling), "it owes 450");
    cash(&shop, &gwen, "C-2", 50).await.expect("as much as there is room for");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_clerk_takes_no_cash_back_when_its_customer_is_gone() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 9_000, 9_000).await;
    let (gwen, hana) = (world.wallet("gwen").await, world.wallet("hana").await);
    cash(&shop, &gwen, "C-1", 1_000).await.expect("cash");
    cash(&shop, &hana, "C-2", 1_000).await.expect("cash");
    // Nobody but the till that took it.
    let by_merchant = shop.merchant.reverse_for(shop.terminal_id.clone(), "C-1").await;
    assert_eq!(reason(by_merchant), pb::Reason::CashBackByTill);
    assert_eq!(available(&gwen).await, 1_000);
    world.pass(2 * MINUTE);
    shop.till.reverse("C-1").await.expect("a slip of the clerk's hand");
    world.pass(1);
    assert_eq!(reason(shop.till.reverse("C-2").await), pb::Reason::ReversalTooLate);
    assert_eq!((available(&gwen).await, available(&hana).await), (0, 1_000));
    // A merchant that takes no part takes nothing out of anybody's account either.
    world.pass(31);
    world.refresh(&gwen).await;
    cash(&shop, &gwen, "C-3", 500).await.expect("cash");
    let [operator, _] = world.operators().await;
    operator.suspend_merchant(shop.merchant_id.clone()).await.expect("a suspension");
    assert_eq!(reason(shop.till.reverse("C-3").await), pb::Reason::MerchantSuspended);
    assert_eq!(available(&gwen).await, 500);
    books_hold(world, |_| {}).await;
}

/// Whoever runs a server that reaches further back than any may is found out by its journal.
#[tokio::test]
async fn what_was_undone_later_than_any_deployment_may_is_found() {
    let longer = |settings: &mut saifu::server::Settings| {
        settings.policy.staff.reversal_us = 2 * HOUR * 1_000_000;
        settings.policy.staff.cash_back_us = HOUR * 1_000_000;
    };
    let world = World::start_with(longer).await;
    let (alice, gwen) = (world.funded("alice", 9_000).await, world.wallet("gwen").await);
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 500, 500).await;
    charge(&world, &shop, &alice, "one", 100).await;
    cash(&shop, &gwen, "C-1", 500).await.expect("cash");
    let data = world.dir.path().join("data");
    world.pass(10 * MINUTE + 1);
    shop.till.reverse("C-1").await.expect("a reversal");
    let found = report(&data).await.problems;
    let told = "it changes a business day that is closed, or comes too late";
    assert!(found.iter().any(|problem| problem.what == told), "{found:?}");
    world.pass(50 * MINUTE);
    shop.till.reverse("one").await.expect("a reversal");
    let found = report(&data).await.problems;
    let told = "it undoes what was captured longer ago than any reversal may";
    assert!(found.iter().any(|problem| problem.what == told), "{found:?}");
}
