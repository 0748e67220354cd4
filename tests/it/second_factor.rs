//! Codes: good once, counted when wrong, and asked for by amount, sum and number of payments.

use futures_util::future::join_all;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::pb;
use saifu::pb::{Reason, SecurityEventKind};
use tonic_types::StatusExt as _;

use crate::support::{
    World, amounts, any_card, available, bakery, confirmation, events, generous, reason, refused, set_up,
    started, wrong_code,
};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;

/// The code of a moment so many seconds from now.
fn code_at(wallet: &Wallet, seconds: i64) -> String {
    let totp = wallet.totp.as_ref().expect("an authenticator");
    totp.code_at(wallet.now_us() + seconds * 1_000_000).to_string()
}

/// Wrong codes, one after another, each answered as not authenticated.
async fn fail(wallet: &Wallet, times: usize) {
    for time in 0..times {
        let wrong = wallet.verify_second_factor(&wrong_code(wallet)).await;
        assert_eq!(reason(wrong), Reason::Unauthenticated, "wrong code {time}");
    }
}

/// Whether codes are blocked, right or wrong, and for how many seconds yet.
async fn blocked_s(wallet: &Wallet) -> u64 {
    let refused = wallet.verify_second_factor(&code_at(wallet, 0)).await.expect_err("a block");
    assert_eq!(refused.reason(), Some(Reason::SecondFactorBlocked));
    assert_eq!(refused.status.code(), tonic::Code::FailedPrecondition);
    let wrong = wallet.verify_second_factor(&wrong_code(wallet)).await;
    assert_eq!(reason(wrong), Reason::SecondFactorBlocked, "whatever the code");
    let retry = refused.status.get_details_retry_info().expect("when to come back");
    retry.retry_delay.expect("a delay").as_secs()
}

#[tokio::test]
async fn a_code_is_good_once() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    // The activation's own code is used up.
    assert_eq!(reason(alice.verify_second_factor(&code_at(&alice, 0)).await), Reason::Unauthenticated);
    let code = world.next_code(&alice);
    alice.verify_second_factor(&code).await.unwrap();
    assert_eq!(reason(alice.verify_second_factor(&code).await), Reason::Unauthenticated);
    let paid = alice.pay(bakery(&alice, 100).await, Some(&code), None).await;
    assert_eq!(reason(paid), Reason::Unauthenticated);
    world.pass(30);
    assert_eq!(reason(alice.verify_second_factor(&code).await), Reason::Unauthenticated);
    assert_eq!(available(&alice).await, 1_000);
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 4);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_code_sent_fifty_times_at_once_is_accepted_once() {
    let world = World::start_with(generous).await;
    let alice = world.wallet("alice").await;
    let code = world.next_code(&alice);
    let calls = (0..50).map(|_| alice.verify_second_factor(&code));
    let results = join_all(calls).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let count = |reason| {
        let is = |result: &&Result<_, Refused>| result.as_ref().is_err_and(|no| no.reason() == Some(reason));
        results.iter().filter(is).count()
    };
    // Five are judged and found used, the others are not looked at any more.
    assert_eq!((count(Reason::Unauthenticated), count(Reason::SecondFactorBlocked)), (5, 44));
    world.server.stop().await;
}

#[tokio::test]
async fn the_previous_code_is_good_until_a_newer_one_was_used() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    world.pass(60);
    alice.verify_second_factor(&code_at(&alice, -30)).await.unwrap();
    alice.verify_second_factor(&code_at(&alice, 0)).await.unwrap();
    world.pass(60);
    alice.verify_second_factor(&code_at(&alice, 0)).await.unwrap();
    let previous = alice.verify_second_factor(&code_at(&alice, -30)).await;
    assert_eq!(reason(previous), Reason::Unauthenticated);
    world.server.stop().await;
}

#[tokio::test]
async fn no_code_is_good_before_its_time_or_two_steps_after() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    world.pass(120);
    for seconds in [30, 60, -60, -90] {
        let drifted = alice.verify_second_factor(&code_at(&alice, seconds)).await;
        assert_eq!(reason(drifted), Reason::Unauthenticated, "{seconds} s");
    }
    alice.verify_second_factor(&code_at(&alice, 0)).await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn what_is_no_code_is_malformed_and_not_counted() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let long = "1".repeat(1_000);
    for code in
        ["", "12345", "1234567", "+12345", "-12345", " 12345", "12 345", "12345a", "１２３４５６", &long]
    {
        assert_eq!(reason(alice.verify_second_factor(code).await), Reason::Malformed, "{code:?}");
    }
    fail(&alice, 4).await;
    alice.verify_second_factor(&world.next_code(&alice)).await.unwrap();
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 4);
    world.server.stop().await;
}

#[tokio::test]
async fn another_accounts_code_is_wrong_and_counts_where_it_was_sent() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let bob = world.wallet("bob").await;
    let code = world.next_code(&alice);
    assert_eq!(reason(bob.verify_second_factor(&code).await), Reason::Unauthenticated);
    assert_eq!(events(&bob, SecurityEventKind::CodeWrong).await, 1);
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 0);
    alice.verify_second_factor(&code).await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn five_wrong_codes_block_for_15_minutes_then_an_hour_then_a_day() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    for (block_s, blocks) in [(15 * MINUTE_S, 1), (HOUR_S, 2), (24 * HOUR_S, 3), (24 * HOUR_S, 4)] {
        fail(&alice, 5).await;
        assert_eq!(blocked_s(&alice).await, block_s.unsigned_abs());
        assert_eq!(events(&alice, SecurityEventKind::CodeBlocked).await, blocks);
        world.clock.advance_us(block_s * 1_000_000 - 1);
        assert_eq!(blocked_s(&alice).await, 1, "a microsecond, rounded up");
        world.clock.advance_us(1);
    }
    alice.verify_second_factor(&code_at(&alice, 0)).await.unwrap();
    // A right code clears the run: the next five block as the first did.
    fail(&alice, 5).await;
    assert_eq!(blocked_s(&alice).await, 900);
    world.server.stop().await;
}

#[tokio::test]
async fn a_right_code_at_15_minutes_is_accepted_and_not_before() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    fail(&alice, 5).await;
    world.clock.advance_us(15 * 60 * 1_000_000 - 1);
    blocked_s(&alice).await;
    world.clock.advance_us(1);
    alice.verify_second_factor(&code_at(&alice, 0)).await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn a_block_stops_codes_and_nothing_that_needs_none() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    fail(&alice, 5).await;
    alice.pay(bakery(&alice, 100).await, None, None).await.unwrap();
    assert_eq!(available(&alice).await, 900);
    // Whoever would need a code is told of the block, code or no code.
    world.pass(301);
    let paid = alice.pay(bakery(&alice, 100).await, None, None).await;
    assert_eq!(reason(paid), Reason::SecondFactorBlocked);
    alice.freeze().await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn twenty_wrong_codes_a_day_block_until_the_day_is_over_whatever_was_right_between() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    for _ in 0..4 {
        fail(&alice, 4).await;
        alice.verify_second_factor(&world.next_code(&alice)).await.unwrap();
    }
    fail(&alice, 4).await;
    // It is 3:02 in the morning, UTC, and the day has 20 h 58 min left.
    assert_eq!(blocked_s(&alice).await, 75_480);
    world.clock.advance_us(75_480_000_000 - 1);
    blocked_s(&alice).await;
    world.clock.advance_us(1);
    alice.verify_second_factor(&code_at(&alice, 0)).await.unwrap();
    // The new day's count begins anew.
    fail(&alice, 4).await;
    alice.verify_second_factor(&world.next_code(&alice)).await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn a_hundred_wrong_codes_in_a_row_end_codes_for_good() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    for _ in 0..20 {
        fail(&alice, 5).await;
        world.pass(24 * HOUR_S);
    }
    for days in [0, 1, 400] {
        world.pass(days * 24 * HOUR_S);
        let right = alice.verify_second_factor(&code_at(&alice, 0)).await;
        assert_eq!(reason(right), Reason::SecondFactorExhausted, "{days} days on");
    }
    alice.freeze().await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn guessing_beside_an_owner_who_logs_in_comes_to_an_end() {
    let world = World::start_with(generous).await;
    let alice = world.wallet("alice").await;
    let mut judged = 0;
    // Eighteen a day, with right ones between: no run is five long, and no day has twenty.
    let ended = 'days: loop {
        world.pass(24 * HOUR_S);
        for guess in 0..18 {
            if guess % 4 == 0
                && let Err(refused) = alice.verify_second_factor(&world.next_code(&alice)).await
            {
                break 'days refused.reason().expect("why the owner does not log in");
            }
            let answer = reason(alice.verify_second_factor(&wrong_code(&alice)).await);
            if answer != Reason::Unauthenticated {
                break 'days answer;
            }
            judged += 1;
        }
    };
    assert_eq!((judged, ended), (300, Reason::SecondFactorExhausted));
    let right = alice.verify_second_factor(&world.next_code(&alice)).await;
    assert_eq!(reason(right), Reason::SecondFactorExhausted, "for good");
    world.server.stop().await;
}

#[tokio::test]
async fn a_device_is_fresh_for_five_minutes_and_not_a_microsecond_longer() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let funding_id = alice.list_funding().await.unwrap().sources.remove(0).funding_id;
    world.refresh(&alice).await;
    world.pass(300);
    alice.pay(bakery(&alice, 100).await, None, None).await.unwrap();
    world.clock.advance_us(1);
    let paid = alice.pay(bakery(&alice, 100).await, None, None).await;
    assert_eq!(reason(paid), Reason::SecondFactorRequired);
    let top_up =
        pb::TopUpRequest { funding_id: funding_id.clone(), amount_minor: 100, currency: "JPY".into() };
    assert_eq!(reason(alice.top_up(top_up, None, None).await), Reason::SecondFactorRequired);
    assert_eq!(reason(alice.link_funding("sandbox-b", "b").await), Reason::SecondFactorRequired);
    assert_eq!(reason(alice.unlink_funding(funding_id).await), Reason::SecondFactorRequired);
    assert_eq!(amounts(&alice).await, [-100, 1_000]);
    // A code in the call does as well, and makes fresh.
    let code = world.next_code(&alice);
    alice.pay(bakery(&alice, 100).await, Some(&code), None).await.unwrap();
    alice.link_funding("sandbox-b", "b").await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn one_accounts_freshness_is_not_anothers() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let bob = world.funded("bob", 1_000).await;
    world.pass(301);
    world.refresh(&alice).await;
    assert_eq!(reason(bob.pay(bakery(&bob, 1).await, None, None).await), Reason::SecondFactorRequired);
    alice.pay(bakery(&alice, 1).await, None, None).await.unwrap();
    world.server.stop().await;
}

/// A wallet whose device is no longer young, with ¥60,000 on it, just made fresh.
async fn grown(world: &World) -> Wallet {
    let alice = world.wallet("alice").await;
    world.pass(12 * HOUR_S);
    world.refresh(&alice).await;
    world.fund(&alice, 60_000).await;
    world.refresh(&alice).await;
    alice
}

async fn pay(wallet: &Wallet, amount_minor: i64, code: Option<&str>) -> Result<pb::PayReply, Refused> {
    wallet.pay(bakery(wallet, amount_minor).await, code, None).await
}

#[tokio::test]
async fn from_ten_thousand_yen_on_a_payment_needs_a_code() {
    let world = World::start_with(|settings| any_card(&mut settings.policy)).await;
    let alice = grown(&world).await;
    assert_eq!(reason(pay(&alice, 10_000, None).await), Reason::SecondFactorRequired);
    assert_eq!(reason(pay(&alice, 50_000, None).await), Reason::SecondFactorRequired);
    pay(&alice, 9_999, None).await.unwrap();
    pay(&alice, 10_000, Some(&world.next_code(&alice))).await.unwrap();
    assert_eq!(available(&alice).await, 40_001);
    world.server.stop().await;
}

#[tokio::test]
async fn from_ten_thousand_yen_on_a_top_up_needs_a_code() {
    let world = World::start_with(|settings| any_card(&mut settings.policy)).await;
    let alice = world.wallet("alice").await;
    world.pass(12 * HOUR_S);
    world.refresh(&alice).await;
    let funding_id = alice.link_funding("sandbox-visa", "card").await.unwrap().funding_id;
    let top_up = |amount_minor| pb::TopUpRequest {
        funding_id: funding_id.clone(),
        amount_minor,
        currency: "JPY".into(),
    };
    assert_eq!(reason(alice.top_up(top_up(10_000), None, None).await), Reason::SecondFactorRequired);
    alice.top_up(top_up(9_999), None, None).await.unwrap();
    let code = world.next_code(&alice);
    alice.top_up(top_up(10_000), Some(&code), None).await.unwrap();
    assert_eq!(available(&alice).await, 19_999);
    world.server.stop().await;
}

#[tokio::test]
async fn fifteen_thousand_yen_since_the_last_code_may_be_spent_without_another_and_no_more() {
    let world = World::start_with(|settings| any_card(&mut settings.policy)).await;
    let alice = grown(&world).await;
    pay(&alice, 9_999, None).await.unwrap();
    assert_eq!(reason(pay(&alice, 5_002, None).await), Reason::SecondFactorRequired);
    pay(&alice, 5_001, None).await.unwrap();
    assert_eq!(reason(pay(&alice, 1, None).await), Reason::SecondFactorRequired);
    // What a code pays for does not count against the next one.
    pay(&alice, 20_000, Some(&world.next_code(&alice))).await.unwrap();
    pay(&alice, 9_999, None).await.unwrap();
    pay(&alice, 5_001, None).await.unwrap();
    assert_eq!(reason(pay(&alice, 1, None).await), Reason::SecondFactorRequired);
    assert_eq!(available(&alice).await, 10_000);
    world.server.stop().await;
}

#[tokio::test]
async fn the_sixth_payment_since_the_last_code_needs_a_code_however_small() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    world.refresh(&alice).await;
    for _ in 0..2 {
        for _ in 0..5 {
            pay(&alice, 1, None).await.unwrap();
        }
        assert_eq!(reason(pay(&alice, 1, None).await), Reason::SecondFactorRequired);
        // This one pays with the code, and five more may follow.
        pay(&alice, 1, Some(&world.next_code(&alice))).await.unwrap();
    }
    assert_eq!(available(&alice).await, 988);
    world.server.stop().await;
}

#[tokio::test]
async fn a_wrong_code_moves_no_money_even_where_none_is_needed() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    assert_eq!(reason(pay(&alice, 100, Some(&wrong_code(&alice))).await), Reason::Unauthenticated);
    assert_eq!(amounts(&alice).await, [1_000]);
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 1);
    world.server.stop().await;
}

#[tokio::test]
async fn a_code_that_was_spent_on_a_refused_payment_is_spent() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let code = world.next_code(&alice);
    assert_eq!(reason(pay(&alice, 1_001, Some(&code)).await), Reason::InsufficientBalance);
    assert_eq!(reason(alice.verify_second_factor(&code).await), Reason::Unauthenticated);
    assert_eq!(reason(pay(&alice, 100, Some(&code)).await), Reason::Unauthenticated);
    assert_eq!(available(&alice).await, 1_000);
    world.server.stop().await;
}

#[tokio::test]
async fn a_wrong_code_a_used_code_and_a_wrong_signature_are_not_told_apart() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let request = bakery(&alice, 100).await;
    let code = world.next_code(&alice);
    alice.verify_second_factor(&code).await.unwrap();
    let wrong = refused(alice.pay(request.clone(), Some(&wrong_code(&alice)), None).await);
    let used = refused(alice.pay(request.clone(), Some(&code), None).await);
    let mut envelope = alice.draft(method::PAY, &request).code(&code).seal(&alice.signer);
    envelope.signature[20] ^= 1;
    let forged = refused(alice.send_sealed::<pb::PayReply>(method::PAY, envelope).await);
    for status in [&used, &forged] {
        assert_eq!(
            (status.code(), status.message(), status.details()),
            (wrong.code(), wrong.message(), wrong.details())
        );
    }
    world.server.stop().await;
}

#[tokio::test]
async fn activation_wants_a_right_code() {
    let world = World::start().await;
    let mut phone = world.phone().await;
    let (enrolment_id, code) = started(&phone, "alice@example.jp").await;
    let confirmed = phone.confirm_enrolment(enrolment_id, &confirmation(&code)).await.unwrap();
    set_up(&mut phone, &confirmed);
    let activate = phone.draft(method::ENROLMENT_ACTIVATE, &pb::EnrolmentActivateRequest {});
    let without: Result<pb::EnrolmentActivateReply, _> = phone.send(activate).await;
    assert_eq!(reason(without), Reason::SecondFactorRequired);
    assert_eq!(reason(phone.activate(&wrong_code(&phone)).await), Reason::Unauthenticated);
    assert_eq!(reason(phone.link_funding("sandbox-b", "b").await), Reason::AccountNotActive);
    phone.activate(&phone.code().unwrap()).await.unwrap();
    world.server.stop().await;
}
