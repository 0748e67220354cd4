//! Recoveries while what they rest on fails: a mail relay that is down, slow or refuses, a webhook that
//! refuses, a Redis that forgets. Nothing becomes possible that was not.

use std::sync::Arc;

use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::Wallet;
use saifu::gate::limit::LimitTable;
use saifu::notify::Channel;
use saifu::notify::smtp::Smtp;
use saifu::notify::webhook::{Webhook, WebhookSettings};
use saifu::pb;

use crate::redis::shared;
use crate::support::receivers::{SmtpServer, WebhookReceiver, eventually};
use crate::support::recovery::{DAY, HOUR, MINUTE, Owner, begin, passphrase, reaches, state};
use crate::support::redis_server::RedisServer;
use crate::support::{World, code_in, confirmation, email, reason, secret, set_up};

/// Mail by this relay, messages to devices by this webhook.
async fn world(relay: &SmtpServer, devices: &WebhookReceiver) -> World {
    let smtp = Smtp::new(relay.settings()).expect("good settings");
    let push = WebhookSettings { channels: vec![Channel::Push], ..devices.settings() };
    let push = Webhook::new(push).expect("good settings");
    World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        settings.channels.email = Some(Arc::new(smtp));
        settings.channels.push = Some(Arc::new(push));
    })
    .await
}

/// An owner who enrolled by real mail, long ago.
async fn owner(world: &World, relay: &SmtpServer, name: &str) -> Owner {
    let mut wallet = world.phone().await;
    let address = format!("{name}@example.jp");
    let started = wallet.start_enrolment(email(&address)).await.expect("an enrolment");
    let mail = relay.wait_for(1).await.pop().expect("a mail");
    let confirmed = wallet.confirm_enrolment(started.enrolment_id, &confirmation(&code_in(&mail.text))).await;
    set_up(&mut wallet, &confirmed.expect("the code is right"));
    let code = wallet.code().expect("an authenticator");
    let activated = wallet.activate(&code).await.expect("activated");
    let saved_code = secret(activated.recovery_code.as_ref()).expect("a saved code");
    world.pass(45 * DAY);
    Owner { wallet, saved_code, email: address }
}

/// Enough is proved.
async fn prove_all(phone: &Wallet, owner: &Owner) -> Vec<u8> {
    let case_id = begin(phone, owner).await;
    phone.prove(case_id.clone(), &owner.saved()).await.expect("the saved code");
    phone.prove(case_id.clone(), &passphrase()).await.expect("the passphrase");
    case_id
}

/// How long it cools, in hours, from about now.
async fn delay_hours(phone: &Wallet, case_id: &[u8]) -> i64 {
    let ready_at = phone.recovery_status(case_id.to_vec()).await.expect("a status").ready_at;
    let seconds = ready_at.expect("it cools").seconds - phone.now_us() / 1_000_000;
    (seconds + HOUR / 2) / HOUR
}

#[tokio::test]
async fn while_the_relay_is_down_nothing_cools_and_then_it_does() {
    let (mut relay, devices) = (SmtpServer::start(), WebhookReceiver::start());
    let world = world(&relay, &devices).await;
    let owner = owner(&world, &relay, "alice").await;
    let phone = world.phone().await;
    relay.stop();
    let case_id = prove_all(&phone, &owner).await;
    devices.wait_for(1).await;
    // One class took its notice, the other is being asked again: hours pass, and the delay has not begun.
    for _ in 0..5 {
        world.pass(HOUR);
        assert_eq!(state(&phone, &case_id).await, pb::RecoveryState::Proven);
    }
    relay.resume();
    eventually("the notice by mail", || {
        world.pass(MINUTE);
        Some(()).filter(|()| relay.messages().len() > 1)
    })
    .await;
    reaches(&phone, &case_id, pb::RecoveryState::Cooling).await;
    assert_eq!(delay_hours(&phone, &case_id).await, 24, "it began when the last class took it");
    assert!(relay.messages()[1].text.contains("cancellation code"));
    // A notice that was taken is not sent again.
    assert_eq!(devices.messages().len(), 1);
    assert_eq!(relay.messages().len(), 2);
}

#[tokio::test]
async fn a_class_that_refuses_is_passed_over_for_three_days_more() {
    let (mut relay, devices) = (SmtpServer::start(), WebhookReceiver::start());
    let world = world(&relay, &devices).await;
    let owner = owner(&world, &relay, "alice").await;
    let phone = world.phone().await;
    relay.refuse(&owner.email);
    let case_id = prove_all(&phone, &owner).await;
    reaches(&phone, &case_id, pb::RecoveryState::Cooling).await;
    assert_eq!(delay_hours(&phone, &case_id).await, 24 + 72);
}

#[tokio::test]
async fn when_nobody_can_be_told_it_never_cools() {
    let (mut relay, mut devices) = (SmtpServer::start(), WebhookReceiver::start());
    let world = world(&relay, &devices).await;
    let owner = owner(&world, &relay, "alice").await;
    let phone = world.phone().await;
    relay.refuse(&owner.email);
    devices.answer(410);
    let case_id = prove_all(&phone, &owner).await;
    for _ in 0..71 {
        world.pass(HOUR);
        assert_eq!(state(&phone, &case_id).await, pb::RecoveryState::Proven);
    }
    world.pass(HOUR);
    reaches(&phone, &case_id, pb::RecoveryState::Expired).await;
    // Nothing about the account is restricted.
    world.refresh(&owner.wallet).await;
    owner.wallet.link_funding("sandbox-visa", "card").await.expect("as before");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_under_the_same_id() {
    let (relay, mut devices) = (SmtpServer::start(), WebhookReceiver::start());
    let world = world(&relay, &devices).await;
    let owner = owner(&world, &relay, "alice").await;
    let phone = world.phone().await;
    devices.hang_up(1);
    let case_id = prove_all(&phone, &owner).await;
    let posts = eventually("the notice again", || {
        world.pass(2);
        Some(devices.messages()).filter(|posts| posts.len() >= 2)
    })
    .await;
    assert_eq!(posts[0].id, posts[1].id);
    reaches(&phone, &case_id, pb::RecoveryState::Cooling).await;
    assert_eq!(devices.messages().len(), 2);
}

#[tokio::test]
async fn a_redis_that_forgets_gives_no_attempt_back() {
    let redis = RedisServer::start();
    let world = World::start_with(|settings| shared(settings, &redis)).await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let wrong = RecoveryProof::Passphrase("not the right one at all".into());
    for case in 0..2 {
        let case_id = begin(&phone, &owner).await;
        for attempt in 0..5 {
            let refused = reason(phone.prove(case_id.clone(), &wrong).await);
            assert_eq!(refused, pb::Reason::Unauthenticated, "{case} {attempt}");
            redis.flush();
        }
        assert_eq!(reason(phone.prove(case_id, &passphrase()).await), pb::Reason::RecoveryOver);
    }
    redis.flush();
    let case_id = begin(&phone, &owner).await;
    assert_eq!(reason(phone.prove(case_id.clone(), &passphrase()).await), pb::Reason::RecoveryAttempts);
    for _ in 0..3 {
        redis.flush();
        phone.send_recovery_code(case_id.clone(), pb::RecoveryChannel::Email).await.expect("sent");
    }
    redis.flush();
    let fourth = phone.send_recovery_code(case_id, pb::RecoveryChannel::Email).await;
    assert_eq!(reason(fourth), pb::Reason::RecoveryMessages);
}
