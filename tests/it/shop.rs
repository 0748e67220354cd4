//! A customer's payment code at a till, end to end: a merchant that two operators let in, a till that it
//! activated, and everything a till may find out.

use saifu::pb;
use saifu::verify;

use crate::support::shop::{order, secret};
use crate::support::{World, available, reason};

async fn code(wallet: &saifu::client::wallet::Wallet, cap_minor: i64) -> String {
    secret(wallet.issue_code(cap_minor, None, None).await.expect("a code").payment_code)
}

#[tokio::test]
async fn a_code_is_charged_once_within_its_cap_and_the_books_bear_it_out() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let digits = code(&alice, 3_000).await;
    assert_eq!(digits.len(), 18);

    let charged = shop.till.charge(&order("order-1", 1_200), &digits).await.expect("a charge");
    assert_eq!(charged.amount_minor, 1_200);
    assert_eq!(available(&alice).await, 3_800);

    let again = shop.till.charge(&order("order-2", 100), &digits).await;
    assert_eq!(reason(again), pb::Reason::CodeNotUsable, "it is good once");
    let status = shop.till.order("order-1").await.expect("the order");
    assert_eq!(status.state(), pb::OrderState::Paid);
    let payment = status.payment.expect("its payment");
    assert_eq!((payment.payment_id, payment.captured_minor), (charged.payment_id.clone(), 1_200));
    assert_eq!(payment.payee_name, "Bakery One");

    let own = alice.get_payment(charged.payment_id).await.expect("the customer's view").payment;
    assert_eq!(own.expect("a payment").captured_minor, 1_200);
    let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
    assert_eq!((entries[0].kind(), entries[0].amount_minor), (pb::EntryKind::Payment, -1_200));

    world.server.stop().await;
    let report = verify::verify(&world.dir.path().join("data")).await.expect("a report");
    assert!(report.holds(), "{:?}", report.problems);
    assert_eq!((report.payments, report.sum_minor), (1, 0));
}

#[tokio::test]
async fn every_unusable_code_is_unusable_in_the_same_words() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let mut answers = Vec::new();

    let replaced = code(&alice, 1_000).await;
    let used = code(&alice, 1_000).await;
    answers.push(("replaced", shop.till.charge(&order("a", 100), &replaced).await));
    shop.till.charge(&order("b", 100), &used).await.expect("a charge");
    answers.push(("used", shop.till.charge(&order("c", 100), &used).await));
    answers.push(("unknown", shop.till.charge(&order("d", 100), "771234567890123456").await));

    let expired = code(&alice, 1_000).await;
    world.pass(60);
    answers.push(("expired", shop.till.charge(&order("e", 100), &expired).await));

    let frozen = code(&alice, 1_000).await;
    alice.freeze().await.expect("a freeze");
    answers.push(("frozen", shop.till.charge(&order("f", 100), &frozen).await));
    alice.unfreeze(&world.next_code(&alice)).await.expect("an unfreeze");
    answers.push(("issued before a freeze", shop.till.charge(&order("g", 100), &frozen).await));

    let top_up = pb::IssueCodeRequest {
        purpose: pb::CodePurpose::TopUp.into(),
        cap_minor: 1_000,
        currency: "JPY".into(),
    };
    let issued: pb::IssueCodeReply =
        alice.send(alice.draft(saifu::client::method::ISSUE_CODE, &top_up)).await.expect("a code");
    let for_cash = secret(issued.payment_code);
    answers.push(("for topping up", shop.till.charge(&order("h", 100), &for_cash).await));

    let mut texts = std::collections::BTreeSet::new();
    for (what, answer) in answers {
        let refused = answer.expect_err(what);
        assert_eq!(refused.reason(), Some(pb::Reason::CodeNotUsable), "{what}");
        texts.insert(format!("{refused:?}"));
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(available(&alice).await, 4_900);
}

#[tokio::test]
async fn what_concerns_the_customer_is_declined_and_only_he_is_told_why() {
    let world = World::start().await;
    let alice = world.funded("alice", 2_000).await;
    let shop = world.shop("Bakery One").await;
    for (cap, amount, why) in
        [(500, 501, pb::Reason::LimitPerPayment), (5_000, 2_001, pb::Reason::InsufficientBalance)]
    {
        let digits = code(&alice, cap).await;
        let answer = shop.till.charge(&order(&format!("order-{amount}"), amount), &digits).await;
        assert_eq!(reason(answer), pb::Reason::Declined);
        let events = alice.list_events(pb::ListEventsRequest::default()).await.expect("events").events;
        let event = events.into_iter().find(|event| event.kind() == pb::SecurityEventKind::ChargeDeclined);
        assert_eq!(event.expect("the customer is told").reason(), why);
        world.pass(1);
    }
    // A declined charge leaves the code alive: the till may offer less.
    let digits = code(&alice, 5_000).await;
    let much = shop.till.charge(&order("much", 4_000), &digits).await;
    assert_eq!(reason(much), pb::Reason::Declined);
    shop.till.charge(&order("less", 1_000), &digits).await.expect("what is there is paid");
    assert_eq!(available(&alice).await, 1_000);
}

#[tokio::test]
async fn a_codes_cap_asks_for_the_factor_that_a_payment_would() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    // A device in its first twelve hours may not pay more than ¥5,000.
    let much = alice.issue_code(5_001, None, None).await;
    assert_eq!(reason(much), pb::Reason::LimitPerPayment);
    world.pass(12 * 3_600);
    world.refresh(&alice).await;
    assert_eq!(reason(alice.issue_code(10_000, None, None).await), pb::Reason::SecondFactorRequired);
    alice.issue_code(9_000, None, None).await.expect("fresh suffices below ¥10,000");
    // The live code's cap counts: 9,000 may still go out, and 6,001 more would pass ¥15,000.
    let pay = crate::support::bakery(&alice, 6_001).await;
    assert_eq!(reason(alice.pay(pay, None, None).await), pb::Reason::SecondFactorRequired);
    // This device's next code kills the live one, which then does not count.
    alice.issue_code(9_500, None, None).await.expect("its own live code is not counted beside it");
    world.pass(5 * 60 + 1);
    assert_eq!(reason(alice.issue_code(100, None, None).await), pb::Reason::SecondFactorRequired);
}

#[tokio::test]
async fn a_lost_answer_to_issue_code_is_fetched_again_until_the_code_expires() {
    let world = World::start().await;
    let alice = world.funded("alice", 2_000).await;
    let id = [7; 16];
    let first = secret(alice.issue_code(1_000, None, Some(id)).await.expect("a code").payment_code);
    let again = secret(alice.issue_code(1_000, None, Some(id)).await.expect("again").payment_code);
    assert_eq!(first, again);
    world.pass(60);
    let late = alice.issue_code(1_000, None, Some(id)).await.expect("again").payment_code;
    let state = late.and_then(|secret| secret.state);
    assert_eq!(state, Some(pb::secret::State::Gone(true)));
}

#[tokio::test]
async fn a_reversal_undoes_a_payment_or_overtakes_it() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;

    // Overtaken: the tombstone refuses the payment that arrives later.
    let digits = code(&alice, 1_000).await;
    let nothing = shop.till.reverse("late").await.expect("a reversal");
    assert_eq!(nothing.result(), pb::ReverseResult::NothingFound);
    let late = shop.till.charge(&order("late", 300), &digits).await;
    assert_eq!(reason(late), pb::Reason::OrderReversed);
    assert_eq!(shop.till.order("late").await.expect("the order").state(), pb::OrderState::Reversed);
    assert_eq!(available(&alice).await, 5_000);

    // Undone: once.
    let paid = shop.till.charge(&order("paid", 300), &digits).await.expect("the code is still good");
    assert_eq!(available(&alice).await, 4_700);
    let undone = shop.till.reverse("paid").await.expect("a reversal");
    assert_eq!((undone.result(), undone.refunded_minor), (pb::ReverseResult::Reversed, 300));
    assert_eq!(undone.payment_id, paid.payment_id);
    let again = shop.till.reverse("paid").await.expect("a reversal");
    assert_eq!((again.result(), again.refunded_minor), (pb::ReverseResult::AlreadyReversed, 0));
    assert_eq!(available(&alice).await, 5_000);
    let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
    assert_eq!((entries[0].kind(), entries[0].amount_minor), (pb::EntryKind::Reversal, 300));

    // Given back also to a frozen account.
    let digits = code(&alice, 1_000).await;
    shop.till.charge(&order("frozen", 400), &digits).await.expect("a charge");
    alice.freeze().await.expect("a freeze");
    assert_eq!(shop.till.reverse("frozen").await.expect("a reversal").refunded_minor, 400);
    assert_eq!(available(&alice).await, 5_000);

    world.server.stop().await;
    let report = verify::verify(&world.dir.path().join("data")).await.expect("a report");
    assert!(report.holds(), "{:?}", report.problems);
}

#[tokio::test]
async fn an_order_is_its_tills_own_and_is_paid_once() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let (other, _) = world.till(&shop.merchant, shop.store_id.clone()).await;
    let foreign = world.shop("Books").await;

    let digits = code(&alice, 1_000).await;
    shop.till.charge(&order("one", 300), &digits).await.expect("a charge");
    let digits = code(&alice, 1_000).await;
    let twice = shop.till.charge(&order("one", 300), &digits).await;
    assert_eq!(reason(twice), pb::Reason::OrderTaken);
    assert_eq!(reason(other.charge(&order("one", 300), &digits).await), pb::Reason::NotFound);
    assert_eq!(reason(other.reverse("one").await), pb::Reason::NotFound);
    assert_eq!(reason(other.order("one").await), pb::Reason::NotFound);
    // The same name at another merchant is another order.
    foreign.till.charge(&order("one", 300), &digits).await.expect("a charge");
    assert_eq!(available(&alice).await, 4_400);
    // A refused charge named it first: it belongs to that till.
    assert_eq!(
        reason(shop.till.charge(&order("named", 1), "770000000000000000").await),
        pb::Reason::CodeNotUsable
    );
    assert_eq!(shop.till.order("named").await.expect("the order").state(), pb::OrderState::Open);
    let digits = code(&alice, 1_000).await;
    assert_eq!(reason(other.charge(&order("named", 100), &digits).await), pb::Reason::NotFound);
    shop.till.charge(&order("named", 100), &digits).await.expect("the owner may");
}

#[tokio::test]
async fn ten_unusable_codes_make_a_till_wait_for_seconds_through_a_restart_and_nobody_resumes_it() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let miss = |name: String| {
        let (till, request) = (&shop.till, order(&name, 100));
        async move { till.charge(&request, "770000000000000000").await }
    };
    for number in 0..9 {
        assert_eq!(reason(miss(format!("miss-{number}")).await), pb::Reason::CodeNotUsable);
    }
    let digits = code(&alice, 1_000).await;
    shop.till.charge(&order("good", 100), &digits).await.expect("a good code after nine others");
    assert_eq!(reason(miss("tenth".into()).await), pb::Reason::CodeNotUsable, "which makes up for none");
    let digits = code(&alice, 1_000).await;
    let waits = shop.till.charge(&order("waits", 100), &digits).await.expect_err("not yet");
    assert_eq!(waits.reason(), Some(pb::Reason::TerminalBlocked));
    let wait_s = waits.retry_after().expect("it says for how long").as_secs();
    assert!((1..=10).contains(&wait_s), "{wait_s}");
    // It may still give back.
    assert_eq!(shop.till.reverse("good").await.expect("a reversal").refunded_minor, 100);

    let world = world.restart().await;
    let till = world.staff_at(world.server.address(), key_of(&shop.till)).await;
    let waits = till.charge(&order("waits-2", 100), &digits).await;
    assert_eq!(reason(waits), pb::Reason::TerminalBlocked, "it outlives a restart");
    let merchant = world.staff_at(world.server.address(), key_of(&shop.merchant)).await;
    let listed = merchant.list_terminals(pb::ListTerminalsRequest::default()).await.expect("tills");
    assert_eq!(listed.terminals[0].unusable_codes, 10);
    let resumed = merchant.resume_terminal(shop.terminal_id.clone()).await;
    assert_eq!(reason(resumed), pb::Reason::TerminalNotSuspended);
    world.pass(10);
    till.charge(&order("after", 100), &digits).await.expect("it charges again");
}

fn key_of(staff: &saifu::client::staff::Staff) -> saifu::crypto::device_key::DeviceKey {
    let key = staff.signer.key();
    saifu::crypto::device_key::DeviceKey::from_pkcs8(key.pkcs8(), key.public().form()).expect("a key")
}
