//! Whose a card is, in how many accounts it is, what it brings in, and for what its owner must do 3-D Secure.

use std::path::Path;

use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::pb::{self, Reason, TopUpState};

use crate::support::stripe::{Fault, StripeServer};
use crate::support::{World, available, books_hold, reason};
use crate::verify::all_are_found;

/// A card whose bank knows no 3-D Secure, at the fake.
const UNSECURED: &str = "5105105105105100";
const VISA: &str = "4242424242424242";
/// One whose bank never asks its owner, as the fake has it.
const FRICTIONLESS: &str = "4000056655665556";
const SHARED: &str = "sandbox-shared-1";

async fn top_up(wallet: &Wallet, funding_id: &[u8], amount_minor: i64) -> Result<TopUpState, Refused> {
    let request = pb::TopUpRequest { funding_id: funding_id.to_vec(), amount_minor, currency: "JPY".into() };
    Ok(wallet.top_up(request, None, None).await?.top_up.expect("a status").state())
}

async fn linked(wallet: &Wallet, token: &str) -> Vec<u8> {
    wallet.link_funding(token, "card").await.expect("a link").funding_id
}

/// Whether these bytes are in any file of the data directory.
fn is_written(data: &Path, needle: &[u8]) -> bool {
    let files = std::fs::read_dir(data).expect("a directory").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = std::fs::read(path).expect("readable");
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test]
async fn one_card_is_in_two_accounts_and_in_no_third_and_whose_nobody_is_told() {
    let world = World::start().await;
    let mut wallets = Vec::new();
    for name in ["alice", "bob", "carol"] {
        wallets.push(world.wallet(name).await);
    }
    for wallet in &wallets[..2] {
        linked(wallet, SHARED).await;
    }
    let refused = wallets[2].link_funding(SHARED, "card").await;
    assert_eq!(reason(refused), Reason::FundingInUse);
    assert!(wallets[2].list_funding().await.expect("a list").sources.is_empty());
    // Unlinked it still is the card of those two, for a month.
    let source = wallets[0].list_funding().await.expect("a list").sources.remove(0);
    wallets[0].unlink_funding(source.funding_id).await.expect("unlinked");
    assert_eq!(reason(wallets[2].link_funding(SHARED, "card").await), Reason::FundingInUse);
    linked(&wallets[0], SHARED).await;
    linked(&wallets[2], "sandbox-shared-2").await;
    let data = world.dir.path().join("data");
    assert!(!is_written(&data, SHARED.as_bytes()), "what the provider knows it by is nowhere");
    world.pass(31 * 24 * 3_600);
    world.refresh(&wallets[2]).await;
    linked(&wallets[2], SHARED).await;
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_one_card_brings_in_is_bounded_over_all_accounts() {
    let world = World::start().await;
    let (alice, bob) = (world.wallet("alice").await, world.wallet("bob").await);
    let (hers, his) = (linked(&alice, SHARED).await, linked(&bob, SHARED).await);
    for (wallet, source) in [(&alice, &hers), (&bob, &his), (&alice, &hers), (&bob, &his), (&alice, &hers)] {
        world.pass(30);
        assert_eq!(top_up(wallet, source, 10).await.expect("within five"), TopUpState::Succeeded);
    }
    world.pass(30);
    world.refresh(&bob).await;
    assert_eq!(reason(top_up(&bob, &his, 10).await), Reason::CardLimit, "his third, the card's sixth");
    let other = linked(&bob, "sandbox-visa").await;
    assert_eq!(top_up(&bob, &other, 10).await.expect("another card"), TopUpState::Succeeded);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_new_source_brings_in_ten_thousand_yen_a_day_however_old_the_device() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    world.pass(40 * 24 * 3_600);
    world.refresh(&alice).await;
    let card = linked(&alice, "sandbox-visa").await;
    let with_code = |amount_minor| {
        let (alice, card, code) = (&alice, card.clone(), world.next_code(&alice));
        async move {
            let request = pb::TopUpRequest { funding_id: card, amount_minor, currency: "JPY".into() };
            alice.top_up(request, Some(&code), None).await
        }
    };
    assert_eq!(reason(with_code(10_001).await), Reason::LimitNewSource);
    with_code(10_000).await.expect("so much");
    // Nor does another new one bring in more.
    let second = linked(&alice, "sandbox-second").await;
    world.pass(30);
    assert_eq!(reason(top_up(&alice, &second, 1).await), Reason::LimitNewSource);
    world.pass(25 * 3_600);
    with_code(100_000).await.expect("it has proved itself");
    world.pass(25 * 3_600);
    world.refresh(&alice).await;
    let request = pb::TopUpRequest { funding_id: second, amount_minor: 10_001, currency: "JPY".into() };
    let refused = alice.top_up(request, Some(&world.next_code(&alice)), None).await;
    assert_eq!(reason(refused), Reason::LimitNewSource, "never topped up from");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_card_that_is_anothers_or_not_answered_for_is_not_linked() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    for (token, expected) in [("sandbox-stolen", Reason::Malformed), ("sandbox-unknown", Reason::Unavailable)]
    {
        assert_eq!(reason(alice.link_funding(token, "card").await), expected, "{token}");
    }
    assert!(alice.list_funding().await.expect("a list").sources.is_empty());
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_its_owner_did_no_3_d_secure_for_is_not_credited() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let card = linked(&alice, "sandbox-unsecured").await;
    assert_eq!(top_up(&alice, &card, 100).await.expect("it is recorded"), TopUpState::Failed);
    assert_eq!(available(&alice).await, 0);
    books_hold(world, |_| {}).await;
}

async fn with_stripe(stripe: &StripeServer) -> World {
    World::start_with(|settings| settings.funding = stripe.funding()).await
}

#[tokio::test]
async fn stripe_is_asked_for_3_d_secure_and_gives_back_what_was_charged_without() {
    let stripe = StripeServer::start().await;
    let world = with_stripe(&stripe).await;
    let alice = world.wallet("alice").await;
    let good = linked(&alice, &stripe.card(VISA).await).await;
    let old = linked(&alice, &stripe.card(UNSECURED).await).await;
    assert_eq!(top_up(&alice, &old, 700).await.expect("it is recorded"), TopUpState::Failed);
    let intent = stripe.intents().await.remove(0);
    assert_eq!(intent["card_options"]["request_three_d_secure"], "challenge");
    assert_eq!(intent["latest_charge"]["refunded"], true, "{intent}");
    assert_eq!(available(&alice).await, 0);
    world.pass(30);
    assert_eq!(top_up(&alice, &good, 700).await.expect("the first"), TopUpState::Succeeded);
    world.pass(30);
    // The second small one asks for nothing.
    assert_eq!(top_up(&alice, &good, 700).await.expect("the second"), TopUpState::Succeeded);
    let asked = stripe.intents().await;
    let options: Vec<_> = asked.iter().map(|one| &one["card_options"]["request_three_d_secure"]).collect();
    assert_eq!(options.iter().filter(|option| option.is_string()).count(), 2, "{options:?}");
    assert_eq!(available(&alice).await, 1_400);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_payment_method_is_its_accounts_own_at_stripe() {
    let stripe = StripeServer::start().await;
    let world = with_stripe(&stripe).await;
    let (alice, bob) = (world.wallet("alice").await, world.wallet("bob").await);
    let hers = stripe.card(VISA).await;
    linked(&alice, &hers).await;
    let (status, method) = stripe.call("GET", &format!("/v1/payment_methods/{hers}"), "").await;
    assert_eq!(status, 200);
    let customer = method["customer"].as_str().expect("attached").to_owned();
    for token in [hers.clone(), format!("{customer}:{hers}")] {
        assert_eq!(reason(bob.link_funding(&token, "card").await), Reason::Malformed, "{token}");
    }
    // Nor a customer that somebody else made.
    let (_, strange) = stripe.call("POST", "/v1/customers", "description=strange").await;
    let strange = strange["id"].as_str().expect("a customer").to_owned();
    let method = stripe.card(VISA).await;
    let form = format!("customer={strange}");
    stripe.call("POST", &format!("/v1/payment_methods/{method}/attach"), &form).await;
    assert_eq!(reason(bob.link_funding(&method, "card").await), Reason::Malformed);
    // Her second card is the same customer's.
    let second = stripe.card(FRICTIONLESS).await;
    linked(&alice, &second).await;
    let (_, method) = stripe.call("GET", &format!("/v1/payment_methods/{second}"), "").await;
    assert_eq!(method["customer"], customer.as_str());
    // The same card by another token is the same card.
    linked(&bob, &stripe.card(VISA).await).await;
    let carol = world.wallet("carol").await;
    let third = carol.link_funding(&stripe.card(VISA).await, "card").await;
    assert_eq!(reason(third), Reason::FundingInUse);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn while_stripe_says_nothing_nothing_is_linked_and_the_same_call_may_come_again() {
    let stripe = StripeServer::start().await;
    let world = with_stripe(&stripe).await;
    let alice = world.wallet("alice").await;
    let mut attached = None;
    for step in 0..3 {
        for fault in [Fault::DropRequest, Fault::DropReply, Fault::Error, Fault::Garbage, Fault::OtherReply] {
            let token = stripe.card(VISA).await;
            stripe.faults((0..step).map(|_| Fault::Nothing).chain([fault]));
            let refused = alice.link_funding(&token, "card").await;
            assert_eq!(reason(refused), Reason::Unavailable, "{fault:?} of request {step}");
            assert!(alice.list_funding().await.expect("a list").sources.is_empty());
            let (_, method) = stripe.call("GET", &format!("/v1/payment_methods/{token}"), "").await;
            attached = method["customer"].is_string().then_some(token).or(attached);
        }
    }
    stripe.faults([]);
    // What was attached by a call whose answer was lost is its owner's by now: one question less.
    linked(&alice, &attached.expect("the last request attaches it")).await;
    linked(&alice, &stripe.card(VISA).await).await;
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_source_above_the_cap_is_refused_and_its_provider_never_hears_of_it() {
    let stripe = StripeServer::start().await;
    let world = with_stripe(&stripe).await;
    let alice = world.wallet("alice").await;
    for _ in 0..5 {
        linked(&alice, &stripe.card(VISA).await).await;
    }
    let asked = stripe.seen().len();
    let token = stripe.card(VISA).await;
    assert_eq!(reason(alice.link_funding(&token, "card").await), Reason::TooManyFundingSources);
    assert_eq!(stripe.seen()[asked..], [""; 0]);
    let source = alice.list_funding().await.expect("a list").sources.remove(0);
    alice.unlink_funding(source.funding_id).await.expect("unlinked");
    linked(&alice, &token).await;
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_its_bank_approved_without_asking_its_owner_is_given_back() {
    let stripe = StripeServer::start().await;
    let world = with_stripe(&stripe).await;
    let alice = world.wallet("alice").await;
    let card = linked(&alice, &stripe.card(FRICTIONLESS).await).await;
    assert_eq!(top_up(&alice, &card, 700).await.expect("it is recorded"), TopUpState::Failed);
    let intent = stripe.intents().await.remove(0);
    assert_eq!(intent["latest_charge"]["refunded"], true, "{intent}");
    assert_eq!(available(&alice).await, 0);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_card_set_free_in_the_database_is_found() {
    let world = World::start().await;
    let (alice, bob) = (world.wallet("alice").await, world.wallet("bob").await);
    let hers = linked(&alice, SHARED).await;
    linked(&bob, "sandbox-visa").await;
    top_up(&alice, &hers, 100).await.expect("a top-up");
    let data = world.dir.path().join("data");
    world.server.stop().await;
    let cases = [
        ("its users struck off", "UPDATE card SET users = x'00000000'", "who uses this card"),
        ("its top-ups struck off", "UPDATE card SET top_ups = x'0000000000000000'", "who uses this card"),
        (
            "a card that nobody linked",
            "INSERT INTO card SELECT randomblob(32), tenant_id, users, top_ups, tag FROM card \
          LIMIT 1",
            "nobody linked this card",
        ),
        ("a source of no card", "UPDATE funding SET card_tag = NULL", "its account, card or first top-up"),
        (
            "a source that proved itself",
            "UPDATE funding SET topped_up_at = 1 WHERE topped_up_at IS NULL",
            "its account, card or first top-up",
        ),
        ("another card charged", "UPDATE top_up SET card_tag = NULL", "its account, amount, state"),
        ("3-D Secure not asked for", "UPDATE top_up SET wants_challenge = 0", "its account, amount, state"),
    ];
    all_are_found(&data, cases.map(|(case, sql, what)| (case, sql.to_owned(), what)).to_vec()).await;
}
