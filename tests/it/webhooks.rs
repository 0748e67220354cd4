//! Merchants are told of their payments: what, in which order, and what becomes of it when they are not
//! there.

mod faults;
mod lanes;
mod reach;

use std::collections::BTreeMap;
use std::time::Duration;

use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::pb;
use saifu::pb::WebhookDeliveryState::{Delivered, Due, Failed};
use saifu::verify;

use crate::support::hooks::{Act, Hook, Receiver, here};
use crate::support::shop::{Shop, asking, digits, hold, order, secret};
use crate::support::{World, generous, reason};

const HOUR: i64 = 3_600;
const DOCUMENT: &str = include_str!("../../docs/webhooks.md");

async fn world() -> World {
    World::start_with(|settings| {
        generous(settings);
        here(settings);
        settings.policy.payment_codes.live_us = 40 * 24 * HOUR * 1_000_000;
    })
    .await
}

async fn verified(world: World) {
    world.server.stop().await;
    let mut policy = saifu::domain::policy::Policy::standard();
    crate::support::generous_policy(&mut policy);
    policy.payment_codes.live_us = 40 * 24 * HOUR * 1_000_000;
    let report = verify::verify_by(&world.dir.path().join("data"), policy).await.expect("a report");
    assert!(report.holds(), "{:?}", report.problems);
}

/// What came, by order: type and number.
fn by_order(hooks: &[Hook]) -> BTreeMap<String, Vec<(String, i64)>> {
    let mut orders: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for hook in hooks {
        orders.entry(hook.order().to_owned()).or_default().push((hook.kind().to_owned(), hook.sequence()));
    }
    orders
}

async fn refund(shop: &Shop, order_id: &str, amount_minor: i64) {
    let request = pb::RefundRequest { order_id: order_id.into(), amount_minor };
    let draft = shop.merchant.draft(method::MERCHANT_REFUND, &request);
    let _: pb::PaymentStepReply = shop.merchant.send(draft).await.expect("a refund");
}

#[tokio::test]
async fn every_step_of_a_payment_is_told_in_its_order_and_by_its_number() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("before", 100), &code).await.expect("before there was an endpoint");
    // Whoever is told of something later: the journal was read that far.
    let (other, others) = (world.shop("Books").await, Receiver::start().await);
    other.told(&others).await;
    let code = digits(&alice, 500).await;
    other.till.charge(&order("marker", 100), &code).await.expect("a charge");
    others.wait(1).await;
    let endpoint = shop.told(&receiver).await;

    refund(&shop, "before", 40).await;
    refund(&shop, "before", 60).await;
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("sold", 200), &code).await.expect("a charge");
    shop.till.reverse("sold").await.expect("a reversal");
    let code = digits(&alice, 500).await;
    shop.till.authorize(&hold("held", 300), &code).await.expect("a hold");
    let part = pb::CaptureRequest { order_id: "held".into(), amount_minor: 100, more_follows: true };
    let draft = shop.till.draft(method::CAPTURE, &part);
    let _: pb::PaymentStepReply = shop.till.send(draft).await.expect("a capture");
    refund(&shop, "held", 30).await;
    let draft = shop.till.draft(method::VOID, &pb::VoidRequest { order_id: "held".into() });
    let _: pb::PaymentStepReply = shop.till.send(draft).await.expect("a void");
    let code = digits(&alice, 10).await;
    let asked = shop.till.charge(&asking("asked", 20), &code).await.expect("he is asked").payment_id;
    let confirm = pb::ConfirmPaymentRequest {
        payment_id: asked,
        payee_name: "Bakery One".into(),
        amount_minor: 20,
        currency: "JPY".into(),
    };
    world.refresh(&alice).await;
    let draft = alice.draft(method::CONFIRM_PAYMENT, &confirm);
    let _: pb::ConfirmPaymentReply = alice.send(draft).await.expect("a yes");
    refund(&shop, "asked", 20).await;
    let code = digits(&alice, 10).await;
    let asked = shop.till.charge(&asking("no", 20), &code).await.expect("he is asked").payment_id;
    let draft = alice.draft(method::DECLINE_PAYMENT, &pb::DeclinePaymentRequest { payment_id: asked });
    let _: pb::DeclinePaymentReply = alice.send(draft).await.expect("a no");
    let code = digits(&alice, 10).await;
    shop.till.charge(&asking("late", 20), &code).await.expect("he is asked");
    let hooks = receiver.wait(14).await;
    world.pass(121);
    let hooks = [hooks, receiver.wait(15).await[14..].to_vec()].concat();

    let told = |steps: &[(&str, i64)]| -> Vec<(String, i64)> {
        steps.iter().map(|(kind, number)| (format!("payment.{kind}"), *number)).collect()
    };
    let expected = BTreeMap::from([
        ("before".to_owned(), told(&[("refunded", 2), ("refunded", 3)])),
        ("sold".to_owned(), told(&[("captured", 1), ("reversed", 2)])),
        ("held".to_owned(), told(&[("authorized", 1), ("captured", 2), ("refunded", 3), ("voided", 4)])),
        ("asked".to_owned(), told(&[("awaiting_customer", 1), ("captured", 2), ("refunded", 3)])),
        ("no".to_owned(), told(&[("awaiting_customer", 1), ("declined", 2)])),
        ("late".to_owned(), told(&[("awaiting_customer", 1), ("expired", 2)])),
    ]);
    assert_eq!(by_order(&hooks), expected);
    assert!(hooks.iter().all(|hook| is_whole(hook, &endpoint.secret)));
    let deliveries = shop.deliveries_until("all are delivered", |all| all.iter().all(is_delivered)).await;
    assert_eq!(deliveries.len(), 15);
    assert!(deliveries.iter().all(|one| (one.attempts, one.last_status) == (1, 200)));
    verified(world).await;
}

/// Signed once, and its id everywhere the same.
fn is_whole(hook: &Hook, secret: &str) -> bool {
    hook.is_signed_by(secret)
        && hook.signatures.len() == 1
        && hook.id.ends_with(&format!("_{}", hook.sequence()))
        && hook.json["id"].as_str() == Some(hook.id.as_str())
}

fn is_delivered(one: &pb::WebhookDelivery) -> bool {
    one.state() == Delivered
}

#[tokio::test]
async fn an_event_says_what_its_payment_was_then_and_nothing_stable_about_its_customer() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    shop.told(&receiver).await;
    // Sent when the payment is another by now: it tells of then.
    receiver.otherwise(Some(Act::Status(503)));
    for order_id in ["one", "two"] {
        let code = digits(&alice, 500).await;
        shop.till.charge(&order(order_id, 200), &code).await.expect("a charge");
        refund(&shop, order_id, 50).await;
    }
    shop.deliveries_until("tried", |all| all.iter().filter(|one| one.attempts == 1).count() == 2).await;
    receiver.otherwise(None);
    let failed = receiver.hooks().len();
    world.pass(7);
    let hooks = receiver.wait(failed + 4).await.split_off(failed);
    let one: Vec<_> = hooks.iter().filter(|hook| hook.order() == "one").collect();
    let sums = |hook: &Hook| {
        ["amount_minor", "captured_minor", "refunded_minor", "held_minor"]
            .map(|name| hook.json["payment"][name].as_i64().expect("an amount"))
    };
    assert_eq!((sums(one[0]), sums(one[1])), ([200, 200, 0, 0], [200, 200, 50, 0]));
    assert_eq!(one[0].json["payment"]["state"], "captured");
    assert_eq!(one[1].json["payment"]["state"], "partly_refunded");
    assert_eq!(one[0].json["payment"]["external_reference"], "ref-1");

    // What two payments of his have in common is the shop's own.
    let other = hooks.iter().find(|hook| hook.order() == "two" && hook.sequence() == 1).expect("it");
    let fields = |hook: &Hook| {
        let event = hook.json.as_object().expect("an object").clone();
        let payment = event["payment"].as_object().expect("an object").clone();
        let names = event.keys().chain(payment.keys()).cloned().collect::<Vec<_>>();
        (names, payment)
    };
    let ((names, first), (_, second)) = (fields(one[0]), fields(other));
    let same: Vec<&str> = first
        .iter()
        .filter(|(name, value)| second[*name] == **value)
        .map(|(name, _)| name.as_str())
        .collect();
    let shops_own = [
        "amount_minor",
        "captured_minor",
        "created_at_us",
        "currency",
        "external_reference",
        "held_minor",
        "refunded_minor",
        "released_minor",
        "state",
        "store_id",
        "terminal_id",
    ];
    assert_eq!(same, shops_own);
    for name in names {
        assert!(!["account", "device", "customer", "code"].iter().any(|word| name.contains(word)), "{name}");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn endpoints_are_their_merchants_own_five_at_most_and_their_secrets_are_told_once() {
    let world = world().await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let foreign = world.shop("Books").await;
    for url in ["http://10.0.0.1/", "http://example.com/", "ftp://h/", "https://u:p@h.example/", ""] {
        let refused = shop.merchant.create_webhook(url).await.expect_err(url);
        assert_eq!(refused.reason(), Some(pb::Reason::Malformed), "{url}");
        assert!(refused.to_string().contains("private.url must be"), "{refused}");
    }
    let private = pb::CreateWebhookEndpointPrivate { url: receiver.url() };
    let draft = || {
        let request = pb::CreateWebhookEndpointRequest {};
        shop.merchant.draft(method::CREATE_WEBHOOK_ENDPOINT, &request).private(&private).request_id([7; 16])
    };
    let first: pb::CreateWebhookEndpointReply = shop.merchant.send(draft()).await.expect("an endpoint");
    let again: pb::CreateWebhookEndpointReply = shop.merchant.send(draft()).await.expect("the same");
    assert_eq!(first, again);
    let text = secret(first.secret);
    assert!(text.starts_with("whsec_") && text.len() == 50, "{text}");
    world.pass(601);
    let late: pb::CreateWebhookEndpointReply = shop.merchant.send(draft()).await.expect("again");
    let state = late.secret.and_then(|secret| secret.state);
    assert_eq!(state, Some(pb::secret::State::Gone(true)));
    for _ in 0..4 {
        shop.told(&receiver).await;
    }
    let sixth = shop.merchant.create_webhook(&receiver.url()).await;
    assert_eq!(reason(sixth), pb::Reason::TooManyWebhookEndpoints);
    let listed = shop.endpoints().await;
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().all(|one| one.url == receiver.url() && one.older_secret_until.is_none()));
    assert_eq!(foreign.endpoints().await, []);

    let endpoint_id = first.endpoint_id;
    assert_eq!(reason(delete(&foreign, &endpoint_id).await), pb::Reason::NotFound);
    assert_eq!(reason(rotate(&foreign, &endpoint_id).await), pb::Reason::NotFound);
    assert_eq!(reason(end(&foreign, &endpoint_id).await), pb::Reason::NotFound);
    delete(&shop, &endpoint_id).await.expect("it goes");
    assert_eq!(reason(delete(&shop, &endpoint_id).await), pb::Reason::NotFound);
    assert_eq!(shop.endpoints().await.len(), 4);
    // Neither URL nor secret is anywhere but in the sealed document.
    let data = world.dir.path().join("data");
    for file in std::fs::read_dir(&data).expect("a directory").map(|file| file.expect("a file").path()) {
        let bytes = if file.is_file() { std::fs::read(&file).expect("a file") } else { continue };
        for word in ["very-secret", &text[6..]] {
            let is_there = bytes.windows(word.len()).any(|some| some == word.as_bytes());
            assert!(!is_there, "{word} in {}", file.display());
        }
    }
    verified(world).await;
}

async fn delete(shop: &Shop, endpoint_id: &[u8]) -> Result<pb::DeleteWebhookEndpointReply, Refused> {
    let request = pb::DeleteWebhookEndpointRequest { endpoint_id: endpoint_id.to_vec() };
    shop.merchant.send(shop.merchant.draft(method::DELETE_WEBHOOK_ENDPOINT, &request)).await
}

async fn rotate(shop: &Shop, endpoint_id: &[u8]) -> Result<pb::RotateWebhookSecretReply, Refused> {
    let request = pb::RotateWebhookSecretRequest { endpoint_id: endpoint_id.to_vec() };
    shop.merchant.send(shop.merchant.draft(method::ROTATE_WEBHOOK_SECRET, &request)).await
}

async fn end(shop: &Shop, endpoint_id: &[u8]) -> Result<pb::EndWebhookSecretReply, Refused> {
    let request = pb::EndWebhookSecretRequest { endpoint_id: endpoint_id.to_vec() };
    shop.merchant.send(shop.merchant.draft(method::END_WEBHOOK_SECRET, &request)).await
}

#[tokio::test]
async fn while_secrets_rotate_both_sign_until_the_older_one_ends() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let endpoint = shop.told(&receiver).await;
    let mut count = 0;
    let mut signed = async |world: &World, secrets: &[&str]| -> Vec<bool> {
        world.refresh(&alice).await;
        let code = digits(&alice, 10).await;
        count += 1;
        shop.till.charge(&order(&format!("order-{count}"), 1), &code).await.expect("a charge");
        let hook = receiver.wait(count).await.pop().expect("it");
        assert_eq!(hook.signatures.len(), secrets.iter().filter(|one| hook.is_signed_by(one)).count());
        secrets.iter().map(|one| hook.is_signed_by(one)).collect()
    };
    let first = endpoint.secret.as_str();
    assert_eq!(reason(end(&shop, &endpoint.id).await), pb::Reason::WebhookSecretNotRotating);
    let rotated = rotate(&shop, &endpoint.id).await.expect("a second secret");
    assert_eq!(
        rotated.older_secret_until,
        Some(saifu::client::signer::timestamp(crate::support::START_US + 24 * HOUR * 1_000_000))
    );
    let second = secret(rotated.secret);
    assert_eq!(reason(rotate(&shop, &endpoint.id).await), pb::Reason::WebhookSecretRotating);
    assert_eq!(signed(&world, &[first, &second]).await, [true, true]);
    // Ended by its merchant.
    end(&shop, &endpoint.id).await.expect("the older one ends");
    assert_eq!(signed(&world, &[first, &second]).await, [false, true]);
    // Ended by time.
    let third = secret(rotate(&shop, &endpoint.id).await.expect("another").secret);
    assert_eq!(signed(&world, &[first, &second, &third]).await, [false, true, true]);
    assert!(shop.endpoints().await[0].older_secret_until.is_some());
    world.pass(24 * HOUR);
    assert_eq!(signed(&world, &[first, &second, &third]).await, [false, false, true]);
    assert!(shop.endpoints().await[0].older_secret_until.is_none());
    rotate(&shop, &endpoint.id).await.expect("there is one secret only");
    verified(world).await;
}

async fn replay(shop: &Shop, request: pb::ReplayWebhooksRequest) -> Result<pb::ReplayWebhooksReply, Refused> {
    shop.merchant.send(shop.merchant.draft(method::REPLAY_WEBHOOKS, &request)).await
}

#[tokio::test]
async fn events_are_sent_again_by_their_name_or_by_their_time_under_the_same_id() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let (endpoint, foreign) = (shop.told(&receiver).await, world.shop("Books").await);
    for number in 0..5 {
        let code = digits(&alice, 500).await;
        shop.till.charge(&order(&format!("order-{number}"), 100), &code).await.expect("a charge");
        world.pass(10);
    }
    let mut first = receiver.wait(5).await;
    first.sort_by_key(|hook| hook.json["at_us"].as_i64());
    shop.deliveries_until("all are delivered", |all| all.iter().all(is_delivered)).await;
    let named = |event_id: &str| pb::ReplayWebhooksRequest {
        endpoint_id: endpoint.id.clone(),
        event_id: event_id.to_owned(),
        ..pb::ReplayWebhooksRequest::default()
    };
    replay(&shop, named(&first[2].id)).await.expect("it is sent again");
    let again = receiver.wait(6).await.pop().expect("it");
    assert_eq!((&again.id, &again.text), (&first[2].id, &first[2].text));

    let at = |offset: i64| {
        Some(saifu::client::signer::timestamp(first[0].json["at_us"].as_i64().expect("a time") + offset))
    };
    let between = |from, until| pb::ReplayWebhooksRequest {
        endpoint_id: endpoint.id.clone(),
        from,
        until,
        ..pb::ReplayWebhooksRequest::default()
    };
    shop.deliveries_until("all are delivered", |all| all.iter().all(is_delivered)).await;
    // From the second on, and before the fourth.
    world.pass(1);
    replay(&shop, between(at(10_000_000), at(30_000_000))).await.expect("they are sent again");
    let mut ids: Vec<String> = receiver.wait(8).await[6..].iter().map(|hook| hook.id.clone()).collect();
    ids.sort();
    let mut expected = [first[1].id.clone(), first[2].id.clone()];
    expected.sort();
    assert_eq!(ids, expected);
    shop.deliveries_until("all are delivered", |all| all.iter().all(is_delivered)).await;
    assert!(!shop.endpoints().await[0].replaying);

    for (request, expected) in [
        (named("evt_1"), pb::Reason::Malformed),
        (named(&first[2].id.replace("_1", "_2")), pb::Reason::NotFound),
        (between(at(1), at(1)), pb::Reason::Malformed),
        (between(at(1), None), pb::Reason::Malformed),
        (pb::ReplayWebhooksRequest { from: at(1), ..named(&first[2].id) }, pb::Reason::Malformed),
    ] {
        assert_eq!(reason(replay(&shop, request).await), expected);
    }
    assert_eq!(reason(replay(&foreign, named(&first[2].id)).await), pb::Reason::NotFound);
    verified(world).await;
}

#[tokio::test]
async fn however_much_is_asked_for_again_all_of_it_is_sent() {
    // One more than are made due again in a round, all of one moment.
    const ALL: usize = 65;
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let endpoint = shop.told(&receiver).await;
    for number in 0..ALL {
        let code = digits(&alice, 500).await;
        shop.till.charge(&order(&format!("order-{number}"), 10), &code).await.expect("a charge");
    }
    let first = receiver.wait(ALL).await;
    let done = |all: &[pb::WebhookDelivery]| all.len() == ALL && all.iter().all(is_delivered);
    shop.deliveries_until("all are delivered", done).await;
    world.pass(1);
    let at = |us: i64| Some(saifu::client::signer::timestamp(crate::support::START_US + us));
    let request = pb::ReplayWebhooksRequest {
        endpoint_id: endpoint.id,
        from: at(0),
        until: at(3_600_000_000),
        ..pb::ReplayWebhooksRequest::default()
    };
    replay(&shop, request).await.expect("they are sent again");
    let all = receiver.wait(2 * ALL).await;
    let ids =
        |hooks: &[Hook]| hooks.iter().map(|hook| hook.id.clone()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(ids(&all[ALL..]), ids(&first));
}

#[tokio::test]
async fn deliveries_are_listed_in_pages_that_are_their_merchants_own() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let (one, other) = (shop.told(&receiver).await, shop.told(&receiver).await);
    let foreign = world.shop("Books").await;
    for number in 0..3 {
        let code = digits(&alice, 500).await;
        shop.till.charge(&order(&format!("order-{number}"), 100), &code).await.expect("a charge");
        world.pass(1);
    }
    receiver.wait(6).await;
    let page = async |request: pb::ListWebhookDeliveriesRequest| {
        shop.merchant.list_deliveries(request).await.expect("a page")
    };
    let mut request = pb::ListWebhookDeliveriesRequest { page_size: 4, ..Default::default() };
    let first = page(request.clone()).await;
    request.page_token.clone_from(&first.next_page_token);
    let second = page(request.clone()).await;
    assert_eq!((first.deliveries.len(), second.deliveries.len()), (4, 2));
    assert!(second.next_page_token.is_empty());
    let all = [first.deliveries, second.deliveries].concat();
    assert!(
        all.windows(2)
            .all(|two| two[0].at.as_ref().map(|at| at.seconds) >= two[1].at.as_ref().map(|at| at.seconds))
    );
    let keys: std::collections::BTreeSet<_> =
        all.iter().map(|row| (row.event_id.clone(), row.endpoint_id.clone())).collect();
    assert_eq!(keys.len(), 6);
    let of_one = pb::ListWebhookDeliveriesRequest { endpoint_id: one.id.clone(), ..Default::default() };
    let of_one = page(of_one).await.deliveries;
    assert_eq!(of_one.len(), 3);
    assert!(of_one.iter().all(|row| row.endpoint_id == one.id && row.endpoint_id != other.id));

    assert_eq!(foreign.deliveries().await, []);
    let stolen = foreign.merchant.list_deliveries(request.clone()).await;
    assert_eq!(reason(stolen), pb::Reason::Malformed);
    let beside = pb::ListWebhookDeliveriesRequest { endpoint_id: one.id, ..request.clone() };
    assert_eq!(reason(shop.merchant.list_deliveries(beside).await), pb::Reason::Malformed);
    request.page_token[3] ^= 1;
    assert_eq!(reason(shop.merchant.list_deliveries(request).await), pb::Reason::Malformed);
    world.server.stop().await;
}

/// For the tests of faults.
fn states(deliveries: &[pb::WebhookDelivery]) -> Vec<(i64, pb::WebhookDeliveryState, i64, i32)> {
    deliveries.iter().map(|one| (one.sequence, one.state(), one.attempts, one.last_status)).collect()
}

/// The program of the documentation, on a request as it came.
fn python(hook: &Hook, secret: &str, now: i64, body: &str) -> String {
    let (_, rest) = DOCUMENT.split_once("```python\n").expect("there is a program");
    let (program, _) = rest.split_once("```").expect("it ends");
    let call = "\nimport json, sys\n_, secret, headers, now, body = sys.argv\n\
                print(verified(secret, json.loads(headers), body.encode(), int(now)))\n";
    let headers = serde_json::json!({
        "webhook-id": hook.id,
        "webhook-timestamp": hook.timestamp.to_string(),
        "webhook-signature": hook.signatures.join(" "),
    });
    let output = std::process::Command::new("python3")
        .args(["-c", &format!("{program}{call}"), secret, &headers.to_string(), &now.to_string(), body])
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn the_documented_program_takes_what_is_sent_and_nothing_else() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let endpoint = shop.told(&receiver).await;
    let second = secret(rotate(&shop, &endpoint.id).await.expect("a second secret").secret);
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("one", 10), &code).await.expect("a charge");
    let hook = receiver.wait(1).await.remove(0);
    let at = hook.timestamp;
    for (secret, now, body, expected) in [
        (&endpoint.secret, at, hook.text.clone(), "True"),
        (&second, at + 300, hook.text.clone(), "True"),
        (&second, at + 301, hook.text.clone(), "False"),
        (&second, at, hook.text.replace("one", "two"), "False"),
        (&"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(), at, hook.text.clone(), "False"),
    ] {
        assert_eq!(python(&hook, secret, now, &body), expected);
    }
    // The documented event has the fields of a real one.
    let (_, rest) = DOCUMENT.split_once("```json\n").expect("there is an event");
    let (text, _) = rest.split_once("```").expect("it ends");
    let keys = |text: &str| -> Vec<String> {
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let event = json.as_object().expect("an object");
        let payment = event["payment"].as_object().expect("an object");
        event.keys().chain(payment.keys()).cloned().collect()
    };
    assert_eq!(keys(text), keys(&hook.text));
    world.server.stop().await;
}
