//! Top-ups by a real-shaped provider, through a network that loses, doubles, delays and spoils: each is
//! credited or failed exactly once, charged at most once, and verified from the journal.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use saifu::client::wallet::Wallet;
use saifu::crypto::hash::hmac_sha256;
use saifu::domain::id::hex;
use saifu::domain::policy::Policy;
use saifu::env::clock::{Clock as _, ManualClock, SystemClock};
use saifu::pb::{self, Reason, TopUpState};
use saifu::server::Settings;
use saifu::verify::verify_by;
use tokio::time::interval;

use crate::support::stripe::{Fault, StripeServer, WEBHOOK_SECRET, exchange};
use crate::support::{World, available, bakery, events, generous, generous_policy, reason};

pub const VISA: &str = "4242424242424242";
const DECLINED: &str = "4000000000000341";
pub const SECURE: &str = "4000002500003155";
pub const AMOUNT: i64 = 700;

async fn world(stripe: &StripeServer) -> World {
    World::start_with(|settings| with(settings, stripe)).await
}

fn with(settings: &mut Settings, stripe: &StripeServer) {
    generous(settings);
    settings.funding = stripe.funding();
}

pub async fn linked(stripe: &StripeServer, wallet: &Wallet, number: &str) -> Vec<u8> {
    let token = stripe.card(number).await;
    wallet.link_funding(&token, "card").await.expect("link").funding_id
}

pub async fn top_up(wallet: &Wallet, funding_id: &[u8]) -> pb::TopUpStatus {
    let request =
        pb::TopUpRequest { funding_id: funding_id.to_vec(), amount_minor: AMOUNT, currency: "JPY".into() };
    wallet.top_up(request, None, None).await.expect("top-up").top_up.expect("a status")
}

pub async fn status(wallet: &Wallet, id: &[u8]) -> pb::TopUpStatus {
    wallet.get_top_up(id.to_vec()).await.expect("its own").top_up.expect("a status")
}

fn is_open(state: TopUpState) -> bool {
    matches!(state, TopUpState::Requested | TopUpState::RequiresAction | TopUpState::Unknown)
}

/// The state once it is another than these, while the clock goes on by so many seconds a look.
async fn until(
    world: &World,
    wallet: &Wallet,
    id: &[u8],
    pass: i64,
    wanted: impl Fn(TopUpState) -> bool,
) -> TopUpState {
    let mut ticks = interval(Duration::from_millis(100));
    for _ in 0..600 {
        ticks.tick().await;
        world.pass(pass);
        let state = status(wallet, id).await.state();
        if wanted(state) {
            return state;
        }
    }
    panic!("a top-up did not come to an end");
}

/// Stops the server; everything must hold.
pub async fn holds(world: World) {
    let World { server, dir, .. } = world;
    server.stop().await;
    let mut policy = Policy::standard();
    generous_policy(&mut policy);
    let report = verify_by(&dir.path().join("data"), policy).await.expect("readable");
    assert_eq!(report.problems, []);
    assert_eq!(report.sum_minor, 0);
}

#[tokio::test]
async fn a_card_is_charged_and_credited_once() {
    let stripe = StripeServer::start().await;
    let world = world(&stripe).await;
    let alice = world.wallet("alice").await;
    let card = linked(&stripe, &alice, VISA).await;
    let before = stripe.seen().len();
    let told = top_up(&alice, &card).await;
    assert_eq!((told.state(), told.action), (TopUpState::Succeeded, None));
    assert_eq!(available(&alice).await, AMOUNT);
    let charged = stripe.charged().await;
    assert_eq!(charged.get(&hex(&told.top_up_id)), Some(&1));
    let asked = stripe.seen().split_off(before);
    assert_eq!(asked.len(), 2, "created and confirmed: {asked:?}");
    assert!(asked[1].contains("/confirm"), "{asked:?}");
    holds(world).await;
}

#[tokio::test]
async fn a_declined_card_is_a_failure_that_nobody_can_turn_into_a_charge() {
    let stripe = StripeServer::start().await;
    let world = world(&stripe).await;
    let alice = world.wallet("alice").await;
    let card = linked(&stripe, &alice, DECLINED).await;
    assert_eq!(top_up(&alice, &card).await.state(), TopUpState::Failed);
    assert_eq!(available(&alice).await, 0);
    assert_eq!(alice.get_balance().await.unwrap().incoming_minor, 0);
    let intents = stripe.intents().await;
    assert_eq!((intents.len(), intents[0]["status"].as_str()), (1, Some("canceled")));
    holds(world).await;
}

#[tokio::test]
async fn what_its_owner_has_to_do_is_told_to_his_device_alone_and_kept_sealed() {
    let stripe = StripeServer::start().await;
    let world = world(&stripe).await;
    let (alice, bob) = (world.wallet("alice").await, world.wallet("bob").await);
    let card = linked(&stripe, &alice, SECURE).await;
    for (success, expected) in [("true", TopUpState::Succeeded), ("false", TopUpState::Failed)] {
        let told = top_up(&alice, &card).await;
        assert_eq!(told.state(), TopUpState::RequiresAction);
        let action = told.action.expect("something to do");
        assert_eq!(action.kind, "stripe_client_secret");
        assert_eq!(reason(bob.get_top_up(told.top_up_id.clone()).await), Reason::NotFound);
        let (intent, _) = action.value.split_once("_secret_").expect("a secret");
        for file in std::fs::read_dir(world.dir.path().join("data")).expect("a directory") {
            let path = file.expect("an entry").path();
            let bytes = if path.is_file() { std::fs::read(&path).expect("readable") } else { Vec::new() };
            let is_in = bytes.windows(action.value.len()).any(|window| window == action.value.as_bytes());
            assert!(!is_in, "the secret is in {}", path.display());
        }
        let form = format!("client_secret={}&success={success}", action.value);
        let path = format!("/v1/payment_intents/{intent}/_authenticate");
        drop(stripe.call("POST", &path, &form).await);
        assert_eq!(until(&world, &alice, &told.top_up_id, 1, |state| !is_open(state)).await, expected);
        assert_eq!(status(&alice, &told.top_up_id).await.action, None);
    }
    assert_eq!(available(&alice).await, AMOUNT);
    holds(world).await;
}

#[tokio::test]
async fn past_its_deadline_it_is_cancelled_at_the_provider_and_nobody_can_pay_it_any_more() {
    let stripe = StripeServer::start().await;
    let world = world(&stripe).await;
    let alice = world.wallet("alice").await;
    let card = linked(&stripe, &alice, SECURE).await;
    let told = top_up(&alice, &card).await;
    let secret = told.action.expect("something to do").value;
    // While the provider says nothing about it, nothing is guessed.
    stripe.roll(1, 1);
    stripe.faults(std::iter::repeat_n(Fault::DropRequest, 1_000));
    world.pass(15 * 60);
    for _ in 0..20 {
        let state = until(&world, &alice, &told.top_up_id, 30, |_| true).await;
        assert_eq!(state, TopUpState::RequiresAction);
    }
    stripe.faults([]);
    stripe.roll(1, 0);
    let state = until(&world, &alice, &told.top_up_id, 30, |state| !is_open(state)).await;
    assert_eq!(state, TopUpState::Failed);
    let (intent, _) = secret.split_once("_secret_").expect("a secret");
    let path = format!("/v1/payment_intents/{intent}/_authenticate");
    let late = stripe.call("POST", &path, &format!("client_secret={secret}&success=true")).await;
    assert_eq!(late.0, 400, "{}", late.1);
    assert!(stripe.charged().await.is_empty());
    holds(world).await;
}

#[tokio::test]
async fn a_charge_whose_name_was_never_stored_is_failed_at_the_deadline_and_never_made() {
    let stripe = StripeServer::start().await;
    let world = world(&stripe).await;
    let alice = world.wallet("alice").await;
    let card = linked(&stripe, &alice, VISA).await;
    // Created, and the name lost; no list answers either.
    stripe.faults(std::iter::once(Fault::DropReply).chain(std::iter::repeat_n(Fault::DropRequest, 1_000)));
    let told = top_up(&alice, &card).await;
    assert_eq!(told.state(), TopUpState::Unknown);
    let state = until(&world, &alice, &told.top_up_id, 60, |state| !is_open(state)).await;
    assert_eq!(state, TopUpState::Failed);
    assert!(stripe.charged().await.is_empty());
    let intents = stripe.intents().await;
    assert_eq!(intents[0]["status"], "requires_confirmation", "it was created, and never confirmed");
    holds(world).await;
}

/// Everything about one top-up that had a fault.
async fn is_one_thing(stripe: &StripeServer, world: &World, alice: &Wallet, card: &[u8], what: &str) -> bool {
    let before = available(alice).await;
    let told = tokio::select! {
        told = top_up(alice, card) => told,
        () = async {
            let mut ticks = interval(Duration::from_millis(100));
            loop {
                ticks.tick().await;
                world.pass(1);
            }
        } => unreachable!("it passes time for ever"),
    };
    let state = until(world, alice, &told.top_up_id, 1, |state| !is_open(state)).await;
    let charged = stripe.charged().await.get(&hex(&told.top_up_id)).copied().unwrap_or(0);
    let gained = available(alice).await - before;
    let expected = if state == TopUpState::Succeeded { (AMOUNT, 1) } else { (0, 0) };
    assert_eq!((gained, charged), expected, "{what}: {state:?}");
    assert!(matches!(state, TopUpState::Succeeded | TopUpState::Failed), "{what}: {state:?}");
    let incoming_minor = alice.get_balance().await.expect("a balance").incoming_minor;
    assert_eq!(incoming_minor, 0, "{what}");
    state == TopUpState::Succeeded
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_step_credits_or_fails_once_and_charges_at_most_once() {
    join_all(Fault::ALL.map(|fault| async move {
        let stripe = StripeServer::start().await;
        let world = world(&stripe).await;
        let alice = world.wallet("alice").await;
        for number in [VISA, DECLINED] {
            stripe.faults([]);
            let card = linked(&stripe, &alice, number).await;
            for step in 0..4 {
                world.pass(60);
                stripe.faults((0..step).map(|_| Fault::Nothing).chain([fault]));
                let what = format!("{fault:?} of request {step}, {number}");
                let succeeded = is_one_thing(&stripe, &world, &alice, &card, &what).await;
                // A fault of the network is no reason to fail.
                assert_eq!(succeeded, number == VISA, "{what}");
            }
        }
        assert_eq!(stripe.overlaps(), 0, "never asked twice at a time");
        if [Fault::DropReply, Fault::Garbage, Fault::OtherReply].contains(&fault) {
            // What was made, and its name lost, was found again.
            assert_eq!(stripe.intents().await.len(), 8, "{fault:?}");
        }
        holds(world).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_never_credit_or_charge_twice() {
    join_all((1..=4_u64).map(|seed| async move {
        let stripe = StripeServer::start().await;
        let world = world(&stripe).await;
        let alice = world.wallet("alice").await;
        let card = linked(&stripe, &alice, VISA).await;
        for round in 0..4 {
            world.pass(60);
            stripe.roll(seed * 100 + round, 2);
            is_one_thing(&stripe, &world, &alice, &card, &format!("seed {seed}, round {round}")).await;
        }
        holds(world).await;
    }))
    .await;
}

#[tokio::test]
async fn money_that_goes_back_is_taken_from_what_is_left_and_a_charge_back_stops_its_account() {
    let stripe = StripeServer::start().await;
    let world = world(&stripe).await;
    let alice = world.wallet("alice").await;
    let card = linked(&stripe, &alice, VISA).await;
    let (first, second) = (top_up(&alice, &card).await, top_up(&alice, &card).await);
    let intents = stripe.intents().await;
    let is_first = |intent: &&serde_json::Value| intent["metadata"]["top_up_id"] == hex(&first.top_up_id);
    let intent = intents.iter().find(is_first).expect("its intent")["id"].as_str().expect("an id");
    let refunded = stripe.call("POST", "/v1/refunds", &format!("payment_intent={intent}")).await;
    assert_eq!(refunded.0, 200, "{}", refunded.1);
    let state = until(&world, &alice, &first.top_up_id, 3_600, |state| state != TopUpState::Succeeded).await;
    assert_eq!((state, available(&alice).await), (TopUpState::Refunded, AMOUNT));

    // Most of the other one is spent by the time that the payer's bank takes it back.
    alice.pay(bakery(&alice, 600).await, None, None).await.expect("a payment");
    stripe.dispute();
    let state = until(&world, &alice, &second.top_up_id, 3_600, |state| state != TopUpState::Succeeded).await;
    assert_eq!((state, available(&alice).await), (TopUpState::ChargedBack, 0));
    assert_eq!(events(&alice, pb::SecurityEventKind::TopUpChargedBack).await, 1);
    assert_eq!(events(&alice, pb::SecurityEventKind::TopUpRefunded).await, 1);
    let request = bakery(&alice, 1).await;
    assert_eq!(reason(alice.pay(request, None, None).await), Reason::AccountHalted);
    assert_eq!(alice.get_balance().await.expect("a balance").debt_minor, 600);
    holds(world).await;
}

/// A post to the listener of webhooks; its status.
async fn posted(world: &World, method: &str, signature: Option<&str>, body: &[u8]) -> u16 {
    let address = world.server.news_address().expect("it listens");
    let signature = signature.map_or(String::new(), |text| format!("Stripe-Signature: {text}\r\n"));
    let mut request = format!(
        "{method} /stripe HTTP/1.1\r\nHost: saifu\r\n{signature}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    let answer = exchange(address, &request).await.expect("it answers");
    let text = String::from_utf8(answer).expect("text");
    text.split(' ').nth(1).expect("a status").parse().expect("a number")
}

fn signed(secret: &str, at_s: i64, body: &[u8]) -> String {
    let signature = hmac_sha256(secret.as_bytes(), &[at_s.to_string().as_bytes(), b".", body].concat());
    format!("t={at_s},v1={}", hex(&signature))
}

#[tokio::test]
async fn a_webhook_wakes_the_driver_and_books_nothing() {
    let stripe = StripeServer::start().await;
    let now_us = SystemClock.now_us();
    // Time stands still, so that only a webhook can be why the provider is asked again.
    let clock = Arc::new(ManualClock::new(now_us));
    let mut world = World::start_with(|settings| {
        with(settings, &stripe);
        settings.clock = Some(Arc::clone(&clock) as Arc<_>);
    })
    .await;
    world.clock = clock;
    let address = world.server.news_address().expect("it listens");
    let hook = format!(r#"{{"url":"http://{address}/","secret":"{WEBHOOK_SECRET}"}}"#);
    assert_eq!(stripe.call("POST", "/_config/webhooks/saifu", &hook).await.0, 200);
    let alice = world.wallet("alice").await;
    let card = linked(&stripe, &alice, SECURE).await;
    let told = top_up(&alice, &card).await;
    let secret = told.action.expect("something to do").value;
    let (intent, _) = secret.split_once("_secret_").expect("a secret");

    // It lies: the provider knows better.
    let body = format!(
        r#"{{"id":"evt_1","type":"payment_intent.succeeded",
            "data":{{"object":{{"object":"payment_intent","id":"{intent}","status":"succeeded"}}}}}}"#
    );
    let at_s = now_us / 1_000_000;
    let asked = stripe.seen().len();
    for (what, method, signature, expected) in [
        ("unsigned", "POST", None, 400),
        ("another secret", "POST", Some(signed("whsec_another", at_s, body.as_bytes())), 400),
        ("another body", "POST", Some(signed(WEBHOOK_SECRET, at_s, b"{}")), 400),
        ("too old", "POST", Some(signed(WEBHOOK_SECRET, at_s - 301, body.as_bytes())), 400),
        ("no post", "PUT", Some(signed(WEBHOOK_SECRET, at_s, body.as_bytes())), 405),
    ] {
        let status = posted(&world, method, signature.as_deref(), body.as_bytes()).await;
        assert_eq!(status, expected, "{what}");
    }
    let long = vec![b' '; 300_000];
    assert_eq!(posted(&world, "POST", Some(&signed(WEBHOOK_SECRET, at_s, &long)), &long).await, 413);
    assert_eq!(stripe.seen().len(), asked, "nobody was woken");
    let good = signed(WEBHOOK_SECRET, at_s, body.as_bytes());
    assert_eq!(posted(&world, "POST", Some(&good), body.as_bytes()).await, 200);
    let looked = |count: usize| {
        let stripe = &stripe;
        async move {
            let mut ticks = interval(Duration::from_millis(50));
            for _ in 0..100 {
                ticks.tick().await;
                if stripe.seen().len() >= count {
                    return;
                }
            }
            panic!("the provider was not asked");
        }
    };
    looked(asked + 1).await;
    assert_eq!(status(&alice, &told.top_up_id).await.state(), TopUpState::RequiresAction);
    // The same event again asks nothing.
    assert_eq!(posted(&world, "POST", Some(&good), body.as_bytes()).await, 200);
    let mut ticks = interval(Duration::from_millis(1_500));
    ticks.tick().await;
    ticks.tick().await;
    assert_eq!(stripe.seen().len(), asked + 1, "heard before");

    let path = format!("/v1/payment_intents/{intent}/_authenticate");
    drop(stripe.call("POST", &path, &format!("client_secret={secret}&success=true")).await);
    let state = until(&world, &alice, &told.top_up_id, 0, |state| !is_open(state)).await;
    assert_eq!((state, available(&alice).await), (TopUpState::Succeeded, AMOUNT));
    holds(world).await;
}
