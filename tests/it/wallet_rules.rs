//! The wallet's rules as a client meets them: freezing, limits, payees, and what is one's own.

use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::pb;
use saifu::pb::{Reason, SecurityEventKind};
use tonic_types::StatusExt as _;

use crate::support::{
    World, amounts, any_card, available, bakery, events, generous, reason, refused, wrong_code,
};

const HOUR_S: i64 = 3_600;
const YOUNG_US: i64 = 12 * HOUR_S * 1_000_000;

async fn pay(wallet: &Wallet, amount_minor: i64, code: Option<&str>) -> Result<pb::PayReply, Refused> {
    wallet.pay(bakery(wallet, amount_minor).await, code, None).await
}

async fn card(wallet: &Wallet, token: &str) -> Vec<u8> {
    wallet.link_funding(token, "card").await.expect("a card").funding_id
}

async fn top_up(
    wallet: &Wallet,
    funding_id: &[u8],
    amount_minor: i64,
    code: Option<&str>,
) -> Result<pb::TopUpState, Refused> {
    let request = pb::TopUpRequest { funding_id: funding_id.to_vec(), amount_minor, currency: "JPY".into() };
    Ok(wallet.top_up(request, code, None).await?.top_up.expect("a status").state())
}

#[tokio::test]
async fn a_frozen_account_lets_nothing_out_and_everything_else_on() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let funding_id = alice.list_funding().await.unwrap().sources.remove(0).funding_id;
    world.refresh(&alice).await;
    let frozen = alice.freeze().await.unwrap();
    world.pass(1);
    assert_eq!(alice.freeze().await.unwrap(), frozen, "freezing what is frozen changes nothing");
    assert_eq!(reason(pay(&alice, 100, None).await), Reason::AccountFrozen);
    assert_eq!(reason(top_up(&alice, &funding_id, 100, None).await), Reason::AccountFrozen);
    assert_eq!(reason(alice.link_funding("sandbox-b", "b").await), Reason::AccountFrozen);
    assert!(alice.get_balance().await.unwrap().frozen);
    assert_eq!(amounts(&alice).await, [1_000]);
    assert_eq!(events(&alice, SecurityEventKind::Frozen).await, 1);
    alice.list_devices().await.unwrap();
    alice.unlink_funding(funding_id).await.unwrap();
    let device_id = alice.list_devices().await.unwrap().devices.remove(0).device_id;
    let code = world.next_code(&alice);
    assert!(alice.revoke_device(device_id, &code).await.unwrap().account_frozen);
    world.server.stop().await;
}

#[tokio::test]
async fn unfreezing_wants_a_code_of_its_own() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    world.refresh(&alice).await;
    assert_eq!(reason(alice.unfreeze(&world.next_code(&alice)).await), Reason::AccountNotFrozen);
    alice.freeze().await.unwrap();
    let without = alice.draft(saifu::client::method::UNFREEZE, &pb::UnfreezeRequest {});
    let without: Result<pb::UnfreezeReply, _> = alice.send(without).await;
    assert_eq!(reason(without), Reason::SecondFactorRequired, "though it is fresh");
    assert_eq!(reason(alice.unfreeze(&wrong_code(&alice)).await), Reason::Unauthenticated);
    assert_eq!(reason(pay(&alice, 100, None).await), Reason::AccountFrozen);
    alice.unfreeze(&world.next_code(&alice)).await.unwrap();
    pay(&alice, 100, None).await.unwrap();
    assert_eq!(available(&alice).await, 900);
    world.server.stop().await;
}

#[tokio::test]
async fn revoking_the_last_device_freezes_the_account_and_ends_its_key() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let device_id = alice.list_devices().await.unwrap().devices.remove(0).device_id;
    let without = alice.revoke_device(device_id.clone(), &wrong_code(&alice)).await;
    assert_eq!(reason(without), Reason::Unauthenticated);
    let request = bakery(&alice, 100).await;
    let in_flight = alice.draft(saifu::client::method::PAY, &request).seal(&alice.signer);
    assert!(alice.revoke_device(device_id, &world.next_code(&alice)).await.unwrap().account_frozen);
    let late = alice.send_sealed::<pb::PayReply>(saifu::client::method::PAY, in_flight).await;
    assert_eq!(reason(late), Reason::Unauthenticated);
    assert_eq!(reason(alice.get_balance().await), Reason::Unauthenticated);
    world.server.stop().await;
}

#[tokio::test]
async fn a_young_device_pays_five_thousand_yen_at_a_time_and_ten_thousand_a_day() {
    let world = World::start().await;
    let alice = world.funded("alice", 10_000).await;
    world.refresh(&alice).await;
    let too_much = pay(&alice, 5_001, None).await.unwrap_err();
    assert_eq!((too_much.reason(), too_much.is_final()), (Some(Reason::LimitPerPayment), Some(true)));
    pay(&alice, 4_000, None).await.unwrap();
    pay(&alice, 5_000, None).await.unwrap();
    assert_eq!(reason(pay(&alice, 1_001, None).await), Reason::LimitPerDay);
    pay(&alice, 1_000, None).await.unwrap();
    assert_eq!(available(&alice).await, 0);
    world.server.stop().await;
}

#[tokio::test]
async fn a_device_is_young_for_twelve_hours() {
    let world = World::start().await;
    let alice = world.funded("alice", 10_000).await;
    // Its funding took 30 s of them, and the code will take 30 more.
    world.clock.advance_us(YOUNG_US - 60 * 1_000_000 - 1);
    world.refresh(&alice).await;
    assert_eq!(reason(pay(&alice, 5_001, None).await), Reason::LimitPerPayment);
    world.clock.advance_us(1);
    pay(&alice, 5_001, None).await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn a_grown_device_pays_a_hundred_thousand_a_time_two_a_day_and_a_million_a_month() {
    let world = World::start_with(|settings| {
        any_card(&mut settings.policy);
        settings.policy.limits.standard.top_up_day_minor = None;
        settings.policy.limits.standard.top_up_day_count = None;
    })
    .await;
    let alice = world.wallet("alice").await;
    world.pass(12 * HOUR_S);
    world.refresh(&alice).await;
    let card = card(&alice, "sandbox-visa").await;
    for day in 0..5 {
        let code = world.next_code(&alice);
        top_up(&alice, &card, 200_000, Some(&code)).await.unwrap();
        let code = world.next_code(&alice);
        assert_eq!(reason(pay(&alice, 100_001, Some(&code)).await), Reason::LimitPerPayment, "day {day}");
        for _ in 0..2 {
            let code = world.next_code(&alice);
            pay(&alice, 100_000, Some(&code)).await.unwrap();
        }
        assert_eq!(reason(pay(&alice, 1, None).await), Reason::LimitPerDay, "day {day}");
        world.pass(25 * HOUR_S);
    }
    world.refresh(&alice).await;
    assert_eq!(reason(pay(&alice, 1, None).await), Reason::LimitPerMonth);
    assert_eq!(available(&alice).await, 0);
    world.server.stop().await;
}

#[tokio::test]
async fn top_ups_keep_half_a_minute_apart() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let card = card(&alice, "sandbox-visa").await;
    top_up(&alice, &card, 100, None).await.unwrap();
    let soon = refused(top_up(&alice, &card, 100, None).await);
    assert_eq!(soon.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs(), 30);
    world.clock.advance_us(29_999_999);
    assert_eq!(reason(top_up(&alice, &card, 100, None).await), Reason::TopUpTooSoon);
    world.clock.advance_us(1);
    top_up(&alice, &card, 100, None).await.unwrap();
    assert_eq!(available(&alice).await, 200);
    world.server.stop().await;
}

#[tokio::test]
async fn a_day_has_five_top_ups_and_a_young_devices_ten_thousand_yen() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let visa = card(&alice, "sandbox-visa").await;
    for _ in 0..5 {
        world.pass(30);
        top_up(&alice, &visa, 1, None).await.unwrap();
    }
    world.pass(30);
    assert_eq!(reason(top_up(&alice, &visa, 1, None).await), Reason::LimitTopUps);

    let bob = world.wallet("bob").await;
    let visa = card(&bob, "sandbox-visa").await;
    top_up(&bob, &visa, 6_000, None).await.unwrap();
    world.pass(30);
    assert_eq!(reason(top_up(&bob, &visa, 4_001, None).await), Reason::LimitPerDay);
    top_up(&bob, &visa, 4_000, None).await.unwrap();
    assert_eq!((available(&alice).await, available(&bob).await), (5, 10_000));
    world.server.stop().await;
}

#[tokio::test]
async fn a_grown_device_tops_up_a_hundred_thousand_a_day_to_three_hundred_thousand() {
    let world = World::start_with(|settings| any_card(&mut settings.policy)).await;
    let alice = world.wallet("alice").await;
    world.pass(12 * HOUR_S);
    world.refresh(&alice).await;
    let card = card(&alice, "sandbox-visa").await;
    for day in 0..3 {
        let code = world.next_code(&alice);
        let too_much = top_up(&alice, &card, 100_001, Some(&code)).await;
        assert_eq!(reason(too_much), Reason::LimitPerDay, "day {day}");
        let code = world.next_code(&alice);
        top_up(&alice, &card, 100_000, Some(&code)).await.unwrap();
        world.pass(25 * HOUR_S);
    }
    world.refresh(&alice).await;
    assert_eq!(reason(top_up(&alice, &card, 1, None).await), Reason::LimitBalance);
    assert_eq!(available(&alice).await, 300_000);
    world.server.stop().await;
}

#[tokio::test]
async fn a_declined_card_credits_nothing_and_gives_the_limit_back() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let declined = card(&alice, "sandbox-declined").await;
    let visa = card(&alice, "sandbox-visa").await;
    // For more than a day's sum.
    for _ in 0..4 {
        let code = world.next_code(&alice);
        let state = top_up(&alice, &declined, 10_000, Some(&code)).await.unwrap();
        assert_eq!(state, pb::TopUpState::Failed);
    }
    let balance = alice.get_balance().await.unwrap();
    assert_eq!((balance.available_minor, balance.incoming_minor), (0, 0));
    assert_eq!(amounts(&alice).await, [0; 0]);
    let code = world.next_code(&alice);
    top_up(&alice, &visa, 10_000, Some(&code)).await.unwrap();
    assert_eq!(available(&alice).await, 10_000);
    // A declined attempt stays one of the day's five: a stolen card is not tried without end.
    world.pass(30);
    assert_eq!(reason(top_up(&alice, &declined, 1, None).await), Reason::LimitTopUps);
    world.server.stop().await;
}

#[tokio::test]
async fn a_source_stays_linked_while_its_top_up_has_no_answer() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let silent = card(&alice, "sandbox-silent").await;
    let state = top_up(&alice, &silent, 9_000, None).await.unwrap();
    assert_eq!(state, pb::TopUpState::Unknown);
    assert_eq!(reason(alice.unlink_funding(silent).await), Reason::TopUpUnderWay);
    world.server.stop().await;
}

#[tokio::test]
async fn a_top_up_under_way_credits_nothing_and_holds_its_limit() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let silent = card(&alice, "sandbox-silent").await;
    let visa = card(&alice, "sandbox-visa").await;
    let state = top_up(&alice, &silent, 9_000, None).await.unwrap();
    assert_eq!(state, pb::TopUpState::Unknown);
    let balance = alice.get_balance().await.unwrap();
    assert_eq!((balance.available_minor, balance.incoming_minor), (0, 9_000));
    world.pass(30);
    assert_eq!(reason(top_up(&alice, &visa, 1_001, None).await), Reason::LimitPerDay);
    assert_eq!(reason(pay(&alice, 1, None).await), Reason::InsufficientBalance);
    world.server.stop().await;
}

#[tokio::test]
async fn nobody_spends_a_yen_more_than_there_is() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    assert_eq!(reason(pay(&alice, 1_001, None).await), Reason::InsufficientBalance);
    pay(&alice, 1_000, None).await.unwrap();
    assert_eq!(reason(pay(&alice, 1, None).await), Reason::InsufficientBalance);
    assert_eq!(amounts(&alice).await, [-1_000, 1_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn a_payment_names_the_shop_as_it_is_registered() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let request = bakery(&alice, 100).await;
    for name in ["Kanda bakery", "Kanda Bakery ", "Mallory's", "Kanda Bakery\u{200b}"] {
        let other = pb::PayRequest { payee_name: name.into(), ..request.clone() };
        assert_eq!(reason(alice.pay(other, None, None).await), Reason::PayeeChanged, "{name}");
    }
    for name in ["", "Kanda\nBakery", &"x".repeat(129)] {
        let other = pb::PayRequest { payee_name: name.into(), ..request.clone() };
        assert_eq!(reason(alice.pay(other, None, None).await), Reason::Malformed, "{name:?}");
    }
    let unknown = pb::PayRequest { store_id: vec![7; 16], ..request.clone() };
    assert_eq!(reason(alice.pay(unknown, None, None).await), Reason::NotFound);
    for bytes in [0, 15, 17] {
        let short = pb::PayRequest { store_id: vec![7; bytes], ..request.clone() };
        assert_eq!(reason(alice.pay(short, None, None).await), Reason::Malformed, "{bytes}");
    }
    assert_eq!(available(&alice).await, 1_000);
    world.server.stop().await;
}

#[tokio::test]
async fn money_is_yen() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let card = alice.list_funding().await.unwrap().sources.remove(0).funding_id;
    let request = bakery(&alice, 100).await;
    world.pass(30);
    for (currency, expected) in [
        ("USD", Reason::WrongCurrency),
        ("XXX", Reason::WrongCurrency),
        ("jpy", Reason::Malformed),
        ("", Reason::Malformed),
        ("JPYN", Reason::Malformed),
        ("円円円", Reason::Malformed),
    ] {
        let paid = pb::PayRequest { currency: currency.into(), ..request.clone() };
        assert_eq!(reason(alice.pay(paid, None, None).await), expected, "{currency}");
        let added =
            pb::TopUpRequest { funding_id: card.clone(), amount_minor: 100, currency: currency.into() };
        assert_eq!(reason(alice.top_up(added, None, None).await), expected, "{currency}");
    }
    assert_eq!(amounts(&alice).await, [1_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn an_amount_is_one_yen_at_least_and_a_million_million_at_most() {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 1_000).await;
    let card = alice.list_funding().await.unwrap().sources.remove(0).funding_id;
    for amount_minor in [0, -1, -1_000, i64::MIN, i64::MAX, i64::MAX - 1, 1_000_000_000_001] {
        assert_eq!(reason(pay(&alice, amount_minor, None).await), Reason::Malformed, "{amount_minor}");
        let added = top_up(&alice, &card, amount_minor, None).await;
        assert_eq!(reason(added), Reason::Malformed, "{amount_minor}");
    }
    let most = pay(&alice, 1_000_000_000_000, None).await;
    assert_eq!(reason(most), Reason::InsufficientBalance);
    pay(&alice, 1, None).await.unwrap();
    assert_eq!(amounts(&alice).await, [-1, 1_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn anothers_payment_top_up_card_or_device_is_as_if_there_were_none() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let bob = world.funded("bob", 1_000).await;
    let absent = vec![7; 16];
    let payment_id = pay(&alice, 100, None).await.unwrap().payment_id;
    let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.unwrap().entries;
    let top_up_id = entries[1].subject_id.clone();
    let funding_id = alice.list_funding().await.unwrap().sources.remove(0).funding_id;
    let device_id = alice.list_devices().await.unwrap().devices.remove(0).device_id;
    world.pass(30);

    let one = refused(bob.get_payment(payment_id.clone()).await);
    let none = refused(bob.get_payment(absent.clone()).await);
    assert_eq!((one.code(), one.details()), (tonic::Code::NotFound, none.details()));
    let one = refused(bob.get_top_up(top_up_id.clone()).await);
    let none = refused(bob.get_top_up(absent.clone()).await);
    assert_eq!((one.code(), one.details()), (tonic::Code::NotFound, none.details()));
    let one = refused(top_up(&bob, &funding_id, 100, None).await);
    let none = refused(top_up(&bob, &absent, 100, None).await);
    assert_eq!((one.code(), one.details()), (tonic::Code::FailedPrecondition, none.details()));
    let one = refused(bob.unlink_funding(funding_id.clone()).await);
    let none = refused(bob.unlink_funding(absent.clone()).await);
    assert_eq!((one.code(), one.details()), (tonic::Code::FailedPrecondition, none.details()));
    let one = refused(bob.revoke_device(device_id, &world.next_code(&bob)).await);
    let none = refused(bob.revoke_device(absent, &world.next_code(&bob)).await);
    assert_eq!((one.code(), one.details()), (tonic::Code::NotFound, none.details()));

    alice.get_payment(payment_id).await.unwrap();
    alice.get_top_up(top_up_id).await.unwrap();
    assert_eq!(alice.list_funding().await.unwrap().sources[0].funding_id, funding_id);
    world.server.stop().await;
}

#[tokio::test]
async fn a_page_token_is_its_owners_and_its_lists() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let bob = world.funded("bob", 1_000).await;
    pay(&alice, 100, None).await.unwrap();
    let page = |page_token| pb::ListEntriesRequest { page_size: 1, page_token };
    let first = alice.list_entries(page(Vec::new())).await.unwrap();
    assert_eq!(first.entries[0].amount_minor, -100);
    let token = first.next_page_token;
    let second = alice.list_entries(page(token.clone())).await.unwrap();
    assert_eq!((second.entries[0].amount_minor, second.next_page_token.len()), (1_000, 0));
    assert_eq!(reason(bob.list_entries(page(token.clone())).await), Reason::Malformed);
    let of_events = alice.list_events(pb::ListEventsRequest { page_size: 1, page_token: token.clone() });
    assert_eq!(reason(of_events.await), Reason::Malformed);
    for at in 0..token.len() {
        let mut altered = token.clone();
        altered[at] ^= 1;
        assert_eq!(reason(alice.list_entries(page(altered)).await), Reason::Malformed, "byte {at}");
        world.pass(1);
    }
    assert_eq!(reason(alice.list_entries(page(token[1..].to_vec())).await), Reason::Malformed);

    let page = |page_token| pb::ListEventsRequest { page_size: 1, page_token };
    let first = alice.list_events(page(Vec::new())).await.unwrap();
    let token = first.next_page_token;
    assert_eq!(reason(bob.list_events(page(token.clone())).await), Reason::Malformed);
    let second = alice.list_events(page(token)).await.unwrap();
    assert_ne!(first.events, second.events);
    let many = pb::ListEntriesRequest { page_size: 101, ..pb::ListEntriesRequest::default() };
    assert_eq!(reason(alice.list_entries(many).await), Reason::Malformed);
    world.server.stop().await;
}

#[tokio::test]
async fn five_cards_may_be_linked_and_an_unlinked_one_is_not_charged() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let mut cards = Vec::new();
    for _ in 0..5 {
        cards.push(card(&alice, "sandbox-visa").await);
    }
    assert_eq!(reason(alice.link_funding("sandbox-visa", "six").await), Reason::TooManyFundingSources);
    alice.unlink_funding(cards[0].clone()).await.unwrap();
    assert_eq!(reason(alice.unlink_funding(cards[0].clone()).await), Reason::FundingNotLinked);
    assert_eq!(reason(top_up(&alice, &cards[0], 100, None).await), Reason::FundingNotLinked);
    top_up(&alice, &cards[1], 100, None).await.unwrap();
    card(&alice, "sandbox-visa").await;
    for (token, label) in [("visa", "a"), ("", "a"), ("sandbox-a", ""), ("sandbox-a", "a\nb")] {
        assert_eq!(reason(alice.link_funding(token, label).await), Reason::Malformed, "{token:?} {label:?}");
    }
    world.server.stop().await;
}
