//! A merchant's lists and reports: its own rows alone, in pages that nobody else can use and that fit no
//! other question.

use prost::Message;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::signer::timestamp;
use saifu::pb;

use crate::support::shop::{Shop, asking, digits, hold, order};
use crate::support::{START_US, World, generous, reason};

const HOUR_US: i64 = 3_600_000_000;

async fn ask<Reply: Message + Default + 'static>(
    shop: &Shop,
    method: &'static str,
    request: &impl Message,
) -> Result<Reply, Refused> {
    shop.merchant.send(shop.merchant.draft(method, request)).await
}

async fn orders(shop: &Shop, request: pb::ListPaymentsRequest) -> Vec<String> {
    let reply = shop.merchant.list_payments(request).await.expect("payments");
    reply.payments.into_iter().map(|payment| payment.order_id).collect()
}

/// A shop with a payment in most states, one a minute.
async fn sold() -> (World, Shop) {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 9_000).await;
    let shop = world.shop("Bakery One").await;
    for (order_id, cap) in [("captured", 500), ("refunded", 500), ("partly", 500), ("reversed", 500)] {
        let code = digits(&alice, cap).await;
        shop.till.charge(&order(order_id, 100), &code).await.expect("a charge");
        world.pass(60);
    }
    for (order_id, amount_minor) in [("refunded", 100), ("partly", 30)] {
        let request = pb::RefundRequest { order_id: order_id.into(), amount_minor };
        let _: pb::PaymentStepReply = ask(&shop, method::MERCHANT_REFUND, &request).await.expect("a refund");
    }
    shop.till.reverse("reversed").await.expect("a reversal");
    for order_id in ["held", "part-held", "voided"] {
        let code = digits(&alice, 500).await;
        shop.till.authorize(&hold(order_id, 100), &code).await.expect("a hold");
        world.pass(60);
    }
    let part = pb::CaptureRequest { order_id: "part-held".into(), amount_minor: 40, more_follows: true };
    let _: pb::PaymentStepReply = ask(&shop, method::MERCHANT_CAPTURE, &part).await.expect("a capture");
    let void = pb::VoidRequest { order_id: "voided".into() };
    let _: pb::PaymentStepReply = ask(&shop, method::MERCHANT_VOID, &void).await.expect("a void");
    let code = digits(&alice, 10).await;
    let no = shop.till.charge(&asking("declined", 20), &code).await.expect("he is asked").payment_id;
    let draft = alice.draft(method::DECLINE_PAYMENT, &pb::DeclinePaymentRequest { payment_id: no });
    let _: pb::DeclinePaymentReply = alice.send(draft).await.expect("a no");
    world.pass(60);
    let code = digits(&alice, 10).await;
    shop.till.charge(&asking("awaiting", 20), &code).await.expect("he is asked");
    (world, shop)
}

#[tokio::test]
async fn payments_are_listed_newest_first_by_time_state_store_and_order() {
    let (world, shop) = sold().await;
    let all = pb::ListPaymentsRequest::default;
    let newest_first =
        ["awaiting", "declined", "voided", "part-held", "held", "reversed", "partly", "refunded", "captured"];
    assert_eq!(orders(&shop, all()).await, newest_first);
    use pb::PaymentState as State;
    for (state, expected) in [
        (State::AwaitingCustomer, "awaiting"),
        (State::Authorized, "held"),
        (State::PartlyCaptured, "part-held"),
        (State::Captured, "captured"),
        (State::PartlyRefunded, "partly"),
        (State::Refunded, "refunded"),
        (State::Declined, "declined"),
        (State::Voided, "voided"),
        (State::Reversed, "reversed"),
    ] {
        let listed =
            shop.merchant.list_payments(pb::ListPaymentsRequest { state: state.into(), ..all() }).await;
        let listed = listed.expect("payments").payments;
        let states: Vec<_> = listed.iter().map(|one| one.status.clone().expect("one").state()).collect();
        let names: Vec<_> = listed.iter().map(|one| one.order_id.as_str()).collect();
        assert_eq!((names, states), (vec![expected], vec![state]));
    }
    assert!(
        orders(&shop, pb::ListPaymentsRequest { state: State::Expired.into(), ..all() }).await.is_empty()
    );
    assert_eq!(orders(&shop, pb::ListPaymentsRequest { order_id: "held".into(), ..all() }).await, ["held"]);
    // From the second minute on, before the fourth.
    let made = shop.merchant.list_payments(all()).await.expect("payments").payments;
    let at = |place: usize| made[place].status.as_ref().and_then(|status| status.created_at);
    let range = pb::ListPaymentsRequest { from: at(7), until: at(5), ..all() };
    assert_eq!(orders(&shop, range).await, ["partly", "refunded"]);
    let store_id = shop.store_id.clone();
    assert_eq!(orders(&shop, pb::ListPaymentsRequest { store_id, ..all() }).await.len(), 9);
    let store_id = vec![9; 16];
    assert!(orders(&shop, pb::ListPaymentsRequest { store_id, ..all() }).await.is_empty());
    for wrong in [
        pb::ListPaymentsRequest { state: 77, ..all() },
        pb::ListPaymentsRequest { store_id: vec![1], ..all() },
        pb::ListPaymentsRequest { page_size: 101, ..all() },
        pb::ListPaymentsRequest { order_id: "two words".into(), ..all() },
        pb::ListPaymentsRequest { from: Some(prost_types::Timestamp { seconds: 1, nanos: 1 }), ..all() },
    ] {
        assert_eq!(reason(shop.merchant.list_payments(wrong).await), pb::Reason::Malformed);
    }
    // Nothing in a payment says whose it was: two of his have only the shop's own in common.
    let (one, other) = (&made[8], &made[7]);
    let mut same = one.clone();
    same.order_id.clone_from(&other.order_id);
    same.status.clone_from(&other.status);
    assert_eq!(&same, other);
    world.server.stop().await;
}

#[tokio::test]
async fn a_page_token_is_its_merchants_and_its_questions_own() {
    let (world, shop) = sold().await;
    let foreign = world.shop("Books").await;
    let first = pb::ListPaymentsRequest { page_size: 4, ..pb::ListPaymentsRequest::default() };
    let mut request = first.clone();
    let mut pages = Vec::new();
    loop {
        let reply = shop.merchant.list_payments(request.clone()).await.expect("a page");
        pages.push(reply.payments.into_iter().map(|one| one.order_id).collect::<Vec<_>>());
        if reply.next_page_token.is_empty() {
            break;
        }
        request.page_token = reply.next_page_token;
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
    assert_eq!(pages.concat(), orders(&shop, pb::ListPaymentsRequest::default()).await);

    let token = shop.merchant.list_payments(first.clone()).await.expect("a page").next_page_token;
    let with = |token: &[u8]| pb::ListPaymentsRequest { page_token: token.to_vec(), ..first.clone() };
    // Another page size is the same question.
    let more = pb::ListPaymentsRequest { page_size: 2, ..with(&token) };
    assert_eq!(orders(&shop, more).await, pages[1][..2]);
    assert_eq!(reason(foreign.merchant.list_payments(with(&token)).await), pb::Reason::Malformed);
    let beside = [
        pb::ListPaymentsRequest { state: pb::PaymentState::Captured.into(), ..with(&token) },
        pb::ListPaymentsRequest { store_id: shop.store_id.clone(), ..with(&token) },
        pb::ListPaymentsRequest { from: Some(timestamp(START_US)), ..with(&token) },
        pb::ListPaymentsRequest { until: Some(timestamp(START_US)), ..with(&token) },
        pb::ListPaymentsRequest { order_id: "held".into(), ..with(&token) },
    ];
    for request in beside {
        assert_eq!(reason(shop.merchant.list_payments(request).await), pb::Reason::Malformed);
    }
    for place in 0..token.len() {
        let mut changed = token.clone();
        changed[place] ^= 1;
        let refused = shop.merchant.list_payments(with(&changed)).await.expect_err("a changed token");
        assert_eq!(refused.status.code(), tonic::Code::InvalidArgument);
    }
    assert_eq!(reason(shop.merchant.list_payments(with(&token[1..])).await), pb::Reason::Malformed);
    // Another list's.
    let tills = pb::ListTerminalsRequest { page_token: token, ..pb::ListTerminalsRequest::default() };
    assert_eq!(reason(shop.merchant.list_terminals(tills).await), pb::Reason::Malformed);
    world.server.stop().await;
}

#[tokio::test]
async fn tills_and_stores_are_listed_by_what_is_asked() {
    let world = World::start_with(generous).await;
    let shop = world.shop("Bakery One").await;
    for number in 2..=4 {
        let made = shop.merchant.register_terminal(shop.store_id.clone(), &format!("till {number}")).await;
        let made = made.expect("a till");
        if number == 4 {
            shop.merchant.suspend_terminal(made.terminal_id).await.expect("suspended");
        }
    }
    let labels = async |request: pb::ListTerminalsRequest| -> Vec<String> {
        let listed = shop.merchant.list_terminals(request).await.expect("tills").terminals;
        let mut labels: Vec<String> = listed.into_iter().map(|till| till.label).collect();
        // By id, which those made in one moment have by chance.
        labels.sort();
        labels
    };
    let all = pb::ListTerminalsRequest::default;
    assert_eq!(labels(all()).await, ["till 1", "till 2", "till 3", "till 4"]);
    use pb::TerminalState as State;
    for (state, expected) in [
        (State::Active, vec!["till 1"]),
        (State::Registered, vec!["till 2", "till 3"]),
        (State::Suspended, vec!["till 4"]),
    ] {
        assert_eq!(labels(pb::ListTerminalsRequest { state: state.into(), ..all() }).await, expected);
    }
    assert_eq!(labels(pb::ListTerminalsRequest { label: "till 3".into(), ..all() }).await, ["till 3"]);
    assert!(labels(pb::ListTerminalsRequest { store_id: vec![9; 16], ..all() }).await.is_empty());
    let registered = pb::ListTerminalsRequest { state: State::Registered.into(), page_size: 1, ..all() };
    let page = shop.merchant.list_terminals(registered.clone()).await.expect("a page");
    let next = pb::ListTerminalsRequest { page_token: page.next_page_token.clone(), ..registered };
    let mut both = [labels(next).await, vec![page.terminals[0].label.clone()]].concat();
    both.sort();
    assert_eq!(both, ["till 2", "till 3"]);
    let beside = pb::ListTerminalsRequest { page_token: page.next_page_token, ..all() };
    assert_eq!(reason(shop.merchant.list_terminals(beside).await), pb::Reason::Malformed);

    let stores: pb::ListStoresReply =
        ask(&shop, method::LIST_STORES, &pb::ListStoresRequest { page_size: 1, ..Default::default() })
            .await
            .expect("stores");
    assert_eq!((stores.stores.len(), stores.next_page_token.len()), (1, 0));
    assert_eq!(stores.stores[0].store_id, shop.store_id);
    world.server.stop().await;
}

#[tokio::test]
async fn a_merchant_sees_the_payment_of_any_of_its_tills_orders_and_of_no_other() {
    let (world, shop) = sold().await;
    let foreign = world.shop("Books").await;
    let request = pb::MerchantGetPaymentRequest { order_id: "partly".into() };
    let own: pb::MerchantGetPaymentReply =
        ask(&shop, method::MERCHANT_GET_PAYMENT, &request).await.expect("a payment");
    let payment = own.payment.expect("a payment");
    let status = payment.status.expect("its sums");
    assert_eq!((status.captured_minor, status.refunded_minor), (100, 30));
    assert_eq!(
        (payment.terminal_id, payment.external_reference.as_str()),
        (shop.terminal_id.clone(), "ref-1")
    );
    let theirs: Result<pb::MerchantGetPaymentReply, _> =
        ask(&foreign, method::MERCHANT_GET_PAYMENT, &request).await;
    assert_eq!(reason(theirs), pb::Reason::NotFound);
    assert!(orders(&foreign, pb::ListPaymentsRequest::default()).await.is_empty());
    world.server.stop().await;
}

#[tokio::test]
async fn a_report_counts_and_sums_by_store_and_day() {
    let (world, shop) = sold().await;
    // 2026-01-05, noon in Tokyo; another day begins there twelve hours later.
    let bob = world.funded("bob", 5_000).await;
    world.clock.advance_us(13 * HOUR_US);
    world.refresh(&bob).await;
    let code = digits(&bob, 500).await;
    shop.till.charge(&order("next-day", 250), &code).await.expect("a charge");
    let request = pb::GetSalesReportRequest {
        from: Some(timestamp(START_US - HOUR_US)),
        until: Some(timestamp(START_US + 24 * HOUR_US)),
        store_id: Vec::new(),
        utc_offset_minutes: 540,
    };
    let report = async |request: pb::GetSalesReportRequest| {
        let reply: Result<pb::GetSalesReportReply, Refused> =
            ask(&shop, method::GET_SALES_REPORT, &request).await;
        reply.map(|reply| reply.lines)
    };
    let line = |day: &str, [payments, captured_minor, refunds, refunded_minor]: [i64; 4]| pb::SalesLine {
        day: day.into(),
        store_id: shop.store_id.clone(),
        currency: "JPY".into(),
        payments,
        captured_minor,
        refunds,
        refunded_minor,
        net_minor: captured_minor - refunded_minor,
    };
    // captured 100, refunded 100 − 100, partly 100 − 30, reversed 100 − 100, part-held 40.
    let (first, second) = (line("2026-01-05", [5, 440, 3, 230]), line("2026-01-06", [1, 250, 0, 0]));
    assert_eq!(report(request.clone()).await.expect("a report"), [first, second]);
    let in_utc = pb::GetSalesReportRequest { utc_offset_minutes: 0, ..request.clone() };
    assert_eq!(report(in_utc).await.expect("a report"), [line("2026-01-05", [6, 690, 3, 230])]);
    let elsewhere = pb::GetSalesReportRequest { store_id: vec![9; 16], ..request.clone() };
    assert_eq!(report(elsewhere).await.expect("a report"), []);
    let foreign = world.shop("Books").await;
    let theirs: pb::GetSalesReportReply =
        ask(&foreign, method::GET_SALES_REPORT, &request).await.expect("a report");
    assert_eq!(theirs.lines, []);
    for wrong in [
        pb::GetSalesReportRequest { from: None, ..request.clone() },
        pb::GetSalesReportRequest { until: request.from, ..request.clone() },
        pb::GetSalesReportRequest { until: Some(timestamp(START_US + 31 * 24 * HOUR_US)), ..request.clone() },
        pb::GetSalesReportRequest { utc_offset_minutes: 841, ..request.clone() },
    ] {
        assert_eq!(reason(report(wrong).await), pb::Reason::Malformed);
    }
    world.server.stop().await;
}
