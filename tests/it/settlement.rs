//! Merchants are paid, through gRPC: fees, days, payouts and what the bank says of them, cash that stores
//! keep, and the floor under what a merchant may owe.

use saifu::client::wallet::Wallet;
use saifu::pb;
use saifu::pb::propose_request::Proposal;

use crate::support::recovery::{DAY, HOUR};
use crate::support::shop::{Shop, asking, digits, hold, order, secret};
use crate::support::{World, available, books_hold, reason};
use crate::verify::{all_are_found, make_anew, report, tamper};

/// The worlds begin at noon in Japan; so it is settled when so much has passed.
const SETTLED: i64 = 14 * HOUR;
const FIRST_DAY: &str = "2026-01-05";
const SECOND_DAY: &str = "2026-01-06";
const THIRD_DAY: &str = "2026-01-07";

async fn lines(shop: &Shop, day: &str) -> Vec<pb::SettlementLine> {
    let mut request =
        pb::ListSettlementLinesRequest { day: day.into(), page_size: 2, page_token: Vec::new() };
    let mut lines = Vec::new();
    loop {
        let page = shop.merchant.list_settlement_lines(request.clone()).await.expect("a page");
        assert!(page.lines.len() <= 2);
        lines.extend(page.lines);
        if page.next_page_token.is_empty() {
            return lines;
        }
        request.page_token = page.next_page_token;
    }
}

async fn set_fee(world: &World, shop: &Shop, basis_points: u32) {
    let fee = pb::SetFee { merchant_id: shop.merchant_id.clone(), basis_points };
    world.approved(Proposal::SetFee(fee)).await.expect("a fee");
}

/// Charges, a second after what was before it.
async fn charge(world: &World, shop: &Shop, wallet: &Wallet, order_id: &str, minor: i64) {
    world.pass(1);
    shop.till.charge(&order(order_id, minor), &digits(wallet, minor).await).await.expect("a charge");
}

/// What the bank is told for a day, in one part.
async fn payout_file(world: &World, day: &str) -> (String, i64) {
    let [operator, _] = world.operators().await;
    let request = pb::GetPayoutFileRequest { day: day.into(), after: Vec::new() };
    let reply = operator.get_payout_file(request).await.expect("a file");
    assert!(reply.next.is_empty());
    (String::from_utf8(reply.part).expect("text"), reply.total_minor)
}

/// The sums of a settlement are those of its lines, and its payout follows.
fn adds_up(settlement: &pb::Settlement, lines: &[pb::SettlementLine]) {
    let sum = |of: fn(&pb::SettlementLine) -> i64| lines.iter().map(of).sum::<i64>();
    assert_eq!(settlement.net_minor, sum(|line| line.net_minor), "{lines:?}");
    assert_eq!(settlement.fee_minor, sum(|line| line.fee_minor), "{lines:?}");
    assert!(settlement.payout_minor <= (settlement.carried_minor + settlement.net_minor).max(0));
}

/// Each line of that day, with its fee.
async fn the_first_days_lines(shop: &Shop, settled: &pb::Settlement) {
    let lines = lines(shop, FIRST_DAY).await;
    adds_up(settled, &lines);
    let told: Vec<_> =
        lines.iter().map(|line| (line.order_id.as_str(), line.amount_minor, line.fee_minor)).collect();
    assert_eq!(
        told,
        [
            ("free", 500, 0),
            ("one", 999, 19),
            ("undone", 77, 1),
            ("held", 150, 2),
            ("held", 151, 3),
            ("held", 150, 3),
            ("one", 333, -6),
            ("undone", 77, -1),
        ]
    );
}

#[tokio::test]
async fn a_day_is_settled_with_its_fees_and_paid_by_the_bank() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, idle) = (world.shop("Bakery One").await, world.shop("Books").await);
    charge(&world, &shop, &alice, "free", 500).await;
    set_fee(&world, &shop, 198).await;
    charge(&world, &shop, &alice, "one", 999).await;
    let code = digits(&alice, 700).await;
    shop.till.authorize(&hold("held", 700), &code).await.expect("a hold");
    for (part_minor, more_follows) in [(150, true), (151, true), (150, false)] {
        world.pass(1);
        shop.till.capture("held", part_minor, more_follows).await.expect("a part");
    }
    world.pass(1);
    shop.till.refund("one", 333).await.expect("a refund");
    world.refresh(&alice).await;
    charge(&world, &shop, &alice, "undone", 77).await;
    shop.till.reverse("undone").await.expect("a reversal");

    world.pass(SETTLED);
    let settled = shop.settlements(1).await.remove(0);
    // 999 less 333 is 666, of which 198 basis points are 13; of 451 they are 8, and of nothing nothing.
    let expected = pb::Settlement {
        day: FIRST_DAY.into(),
        currency: "JPY".into(),
        captures: 6,
        captured_minor: 500 + 999 + 451 + 77,
        refunds: 2,
        refunded_minor: 333 + 77,
        fee_minor: 13 + 8,
        net_minor: 500 + 666 + 451 - 21,
        payout_minor: 500 + 666 + 451 - 21,
        payout_state: pb::PayoutState::Ordered.into(),
        lines_from: settled.lines_from,
        lines_until: settled.lines_until,
        settled_at: settled.settled_at,
        ..pb::Settlement::default()
    };
    assert_eq!(settled, expected);
    the_first_days_lines(&shop, &settled).await;

    let merchant = saifu::domain::id::hex(&shop.merchant_id);
    let payout = format!("{FIRST_DAY},{merchant},1596,JPY,20260105-{merchant}");
    let file = format!("day,merchant_id,amount_minor,currency,reference\r\n{payout}\r\n");
    let [operator, _] = world.operators().await;
    let asked = || pb::GetPayoutFileRequest { day: FIRST_DAY.into(), after: Vec::new() };
    assert_eq!(reason(operator.get_payout_file(asked()).await), pb::Reason::Malformed, "it may grow");
    world.pass(DAY + HOUR);
    assert_eq!(payout_file(&world, FIRST_DAY).await, (file.clone(), 1_596));
    idle.settlements(0).await;
    let closed = || {
        let paid_merchant_ids = vec![shop.merchant_id.clone()];
        let day = FIRST_DAY.into();
        Proposal::ClosePayouts(pb::ClosePayouts { day, paid_merchant_ids, ..pb::ClosePayouts::default() })
    };
    world.approved(closed()).await.expect("it is paid");
    assert_eq!(reason(world.approved(closed()).await), pb::Reason::PayoutOver);
    let paid = shop.settlements(1).await.remove(0);
    assert_eq!((paid.payout_state(), paid.closed_at.is_some()), (pb::PayoutState::Paid, true));
    assert_eq!(payout_file(&world, FIRST_DAY).await, (file.clone(), 1_596), "the same bytes for good");

    the_bank_gives_back_what_was_paid(&world, &shop).await;
    assert_eq!(payout_file(&world, FIRST_DAY).await, (file, 1_596), "whatever comes after it");
    books_hold(world, |_| {}).await;
}

/// A payout that was paid comes back. That is said once, too, and it is owed again.
async fn the_bank_gives_back_what_was_paid(world: &World, shop: &Shop) {
    let returned = || {
        let returned_merchant_ids = vec![shop.merchant_id.clone()];
        let day = FIRST_DAY.into();
        Proposal::ClosePayouts(pb::ClosePayouts { day, returned_merchant_ids, ..pb::ClosePayouts::default() })
    };
    world.approved(returned()).await.expect("it came back");
    assert_eq!(reason(world.approved(returned()).await), pb::Reason::PayoutOver);
    world.pass(DAY);
    let again = shop.settlements(2).await.remove(0);
    assert_eq!((again.carried_minor, again.payout_minor), (1_596, 1_596));
}

#[tokio::test]
async fn what_comes_back_is_owed_again_and_whoever_is_suspended_waits() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    charge(&world, &shop, &alice, "one", 1_000).await;
    world.pass(SETTLED);
    assert_eq!(shop.settlements(1).await[0].payout_minor, 1_000);
    let returned = pb::ClosePayouts {
        day: FIRST_DAY.into(),
        returned_merchant_ids: vec![shop.merchant_id.clone()],
        ..pb::ClosePayouts::default()
    };
    world.approved(Proposal::ClosePayouts(returned)).await.expect("it came back");
    let [operator, _] = world.operators().await;
    operator.suspend_merchant(shop.merchant_id.clone()).await.expect("a suspension");

    // Nothing is paid to it, and nothing is lost.
    world.refresh(&alice).await;
    shop.merchant
        .send::<pb::PaymentStepReply>(shop.merchant.draft(
            saifu::client::method::MERCHANT_REFUND,
            &pb::RefundRequest { order_id: "one".into(), amount_minor: 100 },
        ))
        .await
        .expect("a refund");
    world.pass(DAY);
    let second = shop.settlements(2).await.remove(0);
    assert_eq!((second.day.as_str(), second.refunded_minor), (SECOND_DAY, 100));
    assert_eq!((second.carried_minor, second.payout_minor), (1_000, 0));
    assert_eq!(second.payout_state(), pb::PayoutState::Nothing);

    let merchant_id = shop.merchant_id.clone();
    world.approved(Proposal::ResumeMerchant(pb::ResumeMerchant { merchant_id })).await.expect("it goes on");
    world.pass(DAY);
    let all = shop.settlements(3).await;
    assert_eq!((all[0].day.as_str(), all[0].carried_minor, all[0].payout_minor), (THIRD_DAY, 900, 900));
    assert_eq!(all[2].payout_state(), pb::PayoutState::Returned);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_went_back_after_the_day_is_not_paid_out_for_it() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    charge(&world, &shop, &alice, "one", 1_000).await;
    world.pass(SETTLED - HOUR);
    shop.till.refund("one", 900).await.expect("a refund, on the next day");
    world.pass(HOUR);
    let first = shop.settlements(1).await.remove(0);
    assert_eq!((first.refunded_minor, first.net_minor, first.payout_minor), (0, 1_000, 100));
    world.pass(DAY);
    let second = shop.settlements(2).await.remove(0);
    assert_eq!((second.carried_minor, second.net_minor, second.payout_minor), (900, -900, 0));
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn refunds_stop_at_the_floor_and_what_is_older_than_minutes_goes_back_by_them_alone() {
    let floor = |settings: &mut saifu::server::Settings| {
        settings.policy.settlement.payable_floor_minor = -300;
    };
    let world = World::start_with(floor).await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    charge(&world, &shop, &alice, "one", 1_000).await;
    world.pass(SETTLED);
    assert_eq!(shop.settlements(1).await[0].payout_minor, 1_000);
    let refund = |order_id: &str, amount_minor| {
        let request = pb::RefundRequest { order_id: order_id.into(), amount_minor };
        shop.merchant.send::<pb::PaymentStepReply>(
            shop.merchant.draft(saifu::client::method::MERCHANT_REFUND, &request),
        )
    };
    assert_eq!(reason(shop.till.refund("one", 301).await), pb::Reason::PayableFloor);
    shop.till.refund("one", 300).await.expect("down to it");
    assert_eq!(reason(refund("one", 1).await), pb::Reason::PayableFloor);
    let late = shop.till.reverse("one").await.expect("an answer");
    assert_eq!((late.result(), late.state()), (pb::ReverseResult::TooLate, pb::PaymentState::PartlyRefunded));
    assert_eq!(available(&alice).await, 8_300);
    // The till undoes what it does not know, at the floor as well.
    world.refresh(&alice).await;
    charge(&world, &shop, &alice, "two", 1_000).await;
    shop.till.reverse("two").await.expect("a reversal");
    assert_eq!(available(&alice).await, 8_300);
    // What comes in fills it up again.
    world.refresh(&alice).await;
    charge(&world, &shop, &alice, "three", 1_000).await;
    refund("one", 700).await.expect("that much is there");
    refund("three", 300).await.expect("and that much");
    assert_eq!(reason(refund("three", 1).await), pb::Reason::PayableFloor);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn cash_that_stores_keep_is_taken_off_when_it_can_no_longer_go_back() {
    let world = World::start().await;
    let (alice, gwen) = (world.funded("alice", 9_000).await, world.wallet("gwen").await);
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 500, 500).await;
    charge(&world, &shop, &alice, "one", 2_000).await;
    let cash = async |order_id: &str, minor| {
        let code = secret(gwen.issue_cash_code(minor, None).await.expect("a code").payment_code);
        shop.till.cash_top_up(order_id, minor, &code).await
    };
    cash("undone", 200).await.expect("cash");
    shop.till.reverse("undone").await.expect("it goes back over the counter");
    world.pass(31);
    cash("kept", 300).await.expect("cash");
    // A minute before midnight: by then it may go back for another minute.
    world.pass_until(12 * HOUR - 60);
    world.refresh(&gwen).await;
    assert_eq!(reason(cash("more", 201).await), pb::Reason::CashCeiling);
    cash("late", 200).await.expect("cash");
    world.pass(2 * HOUR + 60);
    let first = shop.settlements(1).await.remove(0);
    assert_eq!((first.cash_minor, first.payout_minor), (300, 1_700));
    world.refresh(&alice).await;
    charge(&world, &shop, &alice, "two", 700).await;
    // The store holds the rest until then, and as much again as was settled.
    world.refresh(&gwen).await;
    assert_eq!(reason(cash("more", 301).await), pb::Reason::CashCeiling);
    world.pass(DAY);
    let second = shop.settlements(2).await.remove(0);
    assert_eq!((second.captured_minor, second.cash_minor, second.payout_minor), (700, 200, 500));
    let lines = lines(&shop, SECOND_DAY).await;
    adds_up(&second, &lines);
    let told: Vec<_> = lines.iter().map(|line| (line.order_id.as_str(), line.net_minor)).collect();
    assert_eq!(told, [("two", 700), ("late", -200)]);
    world.refresh(&gwen).await;
    cash("again", 500).await.expect("there is room again");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_merchant_that_owes_for_cash_takes_no_more_of_it() {
    let world = World::start().await;
    let gwen = world.wallet("gwen").await;
    let shop = world.shop("Bakery One").await;
    world.allow_cash(&shop.store_id, 500, 500).await;
    let cash = async |order_id: &str, minor| {
        let code = secret(gwen.issue_cash_code(minor, None).await.expect("a code").payment_code);
        shop.till.cash_top_up(order_id, minor, &code).await
    };
    cash("one", 400).await.expect("cash");
    world.pass(SETTLED);
    let settled = shop.settlements(1).await.remove(0);
    assert_eq!((settled.cash_minor, settled.payout_minor), (400, 0));
    world.refresh(&gwen).await;
    // Its store holds none of it any more, and it did not pay it.
    assert_eq!(reason(cash("two", 101).await), pb::Reason::CashCeiling);
    world.pass(31);
    cash("three", 100).await.expect("as much as there is room for");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_yes_that_comes_after_midnight_is_settled_with_the_day_in_which_it_comes() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    world.pass_until(12 * HOUR - 40);
    world.refresh(&alice).await;
    let code = digits(&alice, 10).await;
    let asked = shop.till.charge(&asking("late", 200), &code).await.expect("she is asked");
    world.pass(20);
    let status = alice.get_payment(asked.payment_id).await.expect("the payment").payment.expect("its status");
    alice.confirm_payment(&status, None).await.expect("a yes");
    world.pass(DAY + 2 * HOUR);
    let settled = shop.settlements(1).await.remove(0);
    assert_eq!((settled.day.as_str(), settled.captured_minor), (SECOND_DAY, 200));
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn one_merchant_whose_rows_cannot_be_read_keeps_no_other_waiting() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let (first, second) = (world.shop("Bakery One").await, world.shop("Books").await);
    charge(&world, &first, &alice, "one", 100).await;
    charge(&world, &second, &alice, "two", 200).await;
    let broken = saifu::domain::id::hex(&first.merchant_id);
    let data = world.dir.path().join("data");
    let set = |version: i64| {
        tamper(
            &data,
            &format!("UPDATE payment SET fee_rule_version = {version} WHERE merchant_id = x'{broken}'"),
        );
    };
    set(7);
    world.pass(SETTLED);
    assert_eq!(second.settlements(1).await[0].payout_minor, 200);
    first.settlements(0).await;
    // It is not given up either.
    set(0);
    world.pass(61);
    assert_eq!(first.settlements(1).await[0].payout_minor, 100);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn settlements_are_their_merchants_own_and_requests_are_judged() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, other) = (world.shop("Bakery One").await, world.shop("Books").await);
    charge(&world, &shop, &alice, "one", 10).await;
    charge(&world, &shop, &alice, "two", 20).await;
    charge(&world, &other, &alice, "three", 30).await;
    world.pass(SETTLED);
    shop.settlements(1).await;
    other.settlements(1).await;
    let page = |day: &str, page_token: Vec<u8>| pb::ListSettlementLinesRequest {
        day: day.into(),
        page_size: 1,
        page_token,
    };
    let token = shop.merchant.list_settlement_lines(page(FIRST_DAY, Vec::new())).await.expect("a page");
    let token = token.next_page_token;
    let rest = shop.merchant.list_settlement_lines(page(FIRST_DAY, token.clone())).await.expect("the rest");
    assert_eq!((rest.lines[0].order_id.as_str(), rest.next_page_token.is_empty()), ("two", true));
    let foreign = other.merchant.list_settlement_lines(page(FIRST_DAY, token.clone())).await;
    assert_eq!(reason(foreign), pb::Reason::Malformed);
    for (day, page_token, expected) in [
        (SECOND_DAY, token, pb::Reason::Malformed),
        (SECOND_DAY, Vec::new(), pb::Reason::NotFound),
        ("yesterday", Vec::new(), pb::Reason::Malformed),
    ] {
        let answer = shop.merchant.list_settlement_lines(page(day, page_token)).await;
        assert_eq!(reason(answer), expected, "{day}");
    }

    let (one, two) = (shop.merchant_id.clone(), other.merchant_id.clone());
    let close = |day: &str, paid: &[&Vec<u8>], returned: &[&Vec<u8>]| {
        let ids = |ids: &[&Vec<u8>]| ids.iter().map(|id| (*id).clone()).collect();
        let (paid_merchant_ids, returned_merchant_ids) = (ids(paid), ids(returned));
        let day = day.to_owned();
        Proposal::ClosePayouts(pb::ClosePayouts { day, paid_merchant_ids, returned_merchant_ids })
    };
    let fee = |merchant_id: &Vec<u8>, basis_points| {
        Proposal::SetFee(pb::SetFee { merchant_id: merchant_id.clone(), basis_points })
    };
    let nobody = vec![7; 16];
    for (proposal, expected) in [
        (close(FIRST_DAY, &[&one, &one], &[]), pb::Reason::Malformed),
        (close(FIRST_DAY, &[&one], &[&one]), pb::Reason::Malformed),
        (close(FIRST_DAY, &[], &[]), pb::Reason::Malformed),
        (close("2026-02-30", &[&one], &[]), pb::Reason::Malformed),
        (close(SECOND_DAY, &[&one], &[]), pb::Reason::NotFound),
        (close(FIRST_DAY, &[&one], &[&nobody]), pb::Reason::NotFound),
        (fee(&one, 3_001), pb::Reason::Malformed),
        (fee(&one, 0), pb::Reason::FeeUnchanged),
        (fee(&nobody, 5), pb::Reason::NotFound),
    ] {
        let told = format!("{proposal:?}");
        assert_eq!(reason(world.approved(proposal).await), expected, "{told}");
    }
    world.approved(close(FIRST_DAY, &[&one], &[&two])).await.expect("what was refused changed nothing");
    books_hold(world, |_| {}).await;
}

/// A stopped server's data with two settled days, a fee, a part that went back, and payouts that are over.
async fn settled_books() -> (World, std::path::PathBuf) {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, other) = (world.shop("Bakery One").await, world.shop("Books").await);
    set_fee(&world, &shop, 300).await;
    charge(&world, &shop, &alice, "one", 1_000).await;
    charge(&world, &other, &alice, "two", 500).await;
    shop.till.refund("one", 100).await.expect("a refund");
    world.pass(SETTLED);
    shop.settlements(1).await;
    other.settlements(1).await;
    let closed = pb::ClosePayouts {
        day: FIRST_DAY.into(),
        paid_merchant_ids: vec![shop.merchant_id.clone()],
        returned_merchant_ids: vec![other.merchant_id.clone()],
    };
    world.approved(Proposal::ClosePayouts(closed)).await.expect("it is said");
    let data = world.dir.path().join("data");
    (world, data)
}

#[tokio::test]
async fn whatever_is_changed_about_a_settlement_is_found() {
    let (world, data) = Box::pin(settled_books()).await;
    assert_eq!(report(&data).await.problems, []);
    world.server.stop().await;
    let (sums, owed) = ("its sums, payout or state", "what is settled and owed");
    let cases = [
        ("a larger payout", "UPDATE settlement SET payout_minor = payout_minor + 1", sums),
        ("another state", "UPDATE settlement SET state = 2 WHERE state = 3", sums),
        ("a smaller fee", "UPDATE settlement SET fee_minor = 1 WHERE fee_minor > 1", sums),
        ("a forgotten settlement", "DELETE FROM settlement WHERE state = 3", "is missing"),
        ("more that is owed", "UPDATE payable SET carried_minor = carried_minor + 1", owed),
        ("a day that may be settled again", "UPDATE payable SET settled_until = 0", owed),
        ("a merchant that never was settled", "DELETE FROM payable", "is missing"),
        ("another share", "UPDATE fee_rule SET basis_points = 200", "no two operators"),
        ("a forgotten share", "DELETE FROM fee_rule", "is missing"),
        ("a merchant without its fee", "UPDATE merchant SET fee_rule_version = 0", "its account or standing"),
        (
            "a payment without its fee",
            "UPDATE payment SET fee_rule_version = 0 WHERE fee_rule_version = 1",
            "its account, store, day or amounts",
        ),
        ("a part with another rest", "UPDATE movement SET net_after_minor = 0", "its payment, kind, amount"),
        ("a part of another time", "UPDATE movement SET at = at + 1", "its payment, kind, amount"),
        (
            "fees that were earned",
            "UPDATE ledger_account SET credits_posted_minor = 99 WHERE kind = 5",
            "its balance",
        ),
        (
            "a payout that the bank got",
            "UPDATE ledger_account SET credits_posted_minor = 1 WHERE kind = 9",
            "its balance",
        ),
    ];
    all_are_found(&data, cases.map(|(case, sql, found)| (case, sql.to_owned(), found)).into()).await;
}

/// Without the checkpoint and with the chain made anew, what was paid must still follow from the lines.
#[tokio::test]
async fn a_payout_that_its_lines_do_not_make_is_found() {
    let (world, data) = Box::pin(settled_books()).await;
    world.server.stop().await;
    std::fs::remove_file(data.join("checkpoints")).expect("they would tell it first");
    tamper(&data, "UPDATE journal SET postings = zeroblob(4) WHERE kind = 110");
    make_anew(&data, |_| {});
    let found = report(&data).await.problems;
    let told = "what was paid is not what its lines make it";
    assert!(found.iter().any(|problem| problem.what == told), "{found:?}");
}
