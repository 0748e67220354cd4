//! Strangers who know a contact: they learn nothing of its account by what they use up, and keep nobody out.

use std::sync::Arc;

use saifu::client::refused::Refused;
use saifu::client::signer::{RecoveryProof, Signer};
use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::domain::rows::Table;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::pb::recovery_start_private::Locator;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::store::sqlite::snapshot::Snapshot;

use crate::support::recovery::{DAY, Owner, passphrase, with_contact};
use crate::support::{World, code_in, confirmation, email, wrong_code};

/// Where the stranger is, and where the owner.
const STRANGER: u8 = 2;
const OWNER: u8 = 3;

/// Another key on a connection that is there already.
fn another(world: &World, phone: &Wallet) -> Wallet {
    let signer = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    Wallet::with_signer(phone.channel.clone(), signer, SANDBOX_AUDIENCE, Arc::clone(&world.clock) as _)
}

/// The documented limits, with stamps that a test can pay.
async fn documented() -> World {
    World::start_with(|settings| {
        settings.limits.anonymous.stamp_bits = 4;
        settings.limits.anonymous.heavy_bits = 8;
    })
    .await
}

fn guess() -> RecoveryProof {
    RecoveryProof::Passphrase("not the right one at all".into())
}

/// What somebody is told who asks for everything by one contact until there is no more.
async fn told(phone: &Wallet, address: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut hear = |what: &str, answer: String| told.push(format!("{what}: {answer}"));
    fn of<T>(answer: Result<T, Refused>) -> String {
        answer.map_or_else(|refused| format!("{:?}", refused.reason()), |_| "yes".to_owned())
    }
    for _ in 0..5 {
        hear("add", of(phone.request_add(address).await));
    }
    for _ in 0..3 {
        let locator = Locator::Email(address.to_owned());
        let case_id = phone.start_recovery(locator, false).await.expect("a case").case_id;
        for channel in [pb::RecoveryChannel::Email, pb::RecoveryChannel::Phone] {
            for _ in 0..2 {
                hear("code", of(phone.send_recovery_code(case_id.clone(), channel).await));
            }
        }
        for proof in [&guess(), &RecoveryProof::Totp("000000".into()), &guess(), &guess()] {
            hear("proof", of(phone.prove(case_id.clone(), proof).await));
        }
        let digits = RecoveryProof::EmailCode("12345678".into());
        hear("digits", of(phone.prove(case_id.clone(), &digits).await));
        let state = phone.recovery_status(case_id).await.expect("a status").state();
        hear("state", state.as_str_name().to_owned());
    }
    told
}

#[tokio::test]
async fn two_contacts_of_one_account_are_answered_like_two_of_two_and_like_two_of_none() {
    for shares in [LimitTable::standard().shares, LimitTable::unlimited().shares] {
        let world = World::start_with(|settings| {
            let LimitTable { recovery_target, codes_of, .. } = settings.limits.clone();
            settings.limits = LimitTable { recovery_target, codes_of, shares, ..LimitTable::unlimited() };
        })
        .await;
        let alice = world.owner("alice", 0).await;
        let (bob, carol) = (world.owner("bob", 0).await, world.owner("carol", 0).await);
        with_contact(&world, &alice, "second@example.jp").await;
        world.pass(40 * DAY);
        let pairs = [
            (alice.email.as_str(), "second@example.jp"),
            (bob.email.as_str(), carol.email.as_str()),
            ("nobody@example.jp", "nobody.else@example.jp"),
        ];
        let mut answers = Vec::new();
        for (one, other) in pairs {
            let phone = world.phone().await;
            answers.push([told(&phone, one).await, told(&phone, other).await]);
        }
        let [linked, two, none] = &answers[..] else { panic!("three pairs") };
        assert_eq!(linked, two);
        assert_eq!(linked, none);
        assert_eq!(linked[0], linked[1], "what was asked by one contact is not felt by the other");
        let has = |reason: &str| linked[0].iter().any(|answer| answer.contains(reason));
        assert!(has("AdditionsTooMany") || has("Throttled"), "the limits are felt: {linked:?}");
        world.server.stop().await;
    }
}

/// How many of a hundred.
fn percent(done: usize, of: usize) -> usize {
    100 * done / of
}

#[tokio::test]
async fn one_stranger_who_starts_once_a_second_keeps_no_owner_from_starting() {
    let world = documented().await;
    let owner = world.owner("alice", 0).await;
    let (place, phone) = (world.phone_at(STRANGER).await, world.phone_at(OWNER).await);
    let (mut done, mut tries) = (0, 0);
    for second in 0..260 {
        world.pass(1);
        // Refused or not, and with a stamp where one is asked for.
        drop(another(&world, &place).start_recovery(owner.locator(), false).await);
        if second % 13 == 12 {
            tries += 1;
            done += usize::from(another(&world, &phone).start_recovery(owner.locator(), false).await.is_ok());
        }
    }
    let rate = percent(done, tries);
    println!("of {tries} starts of the owner's {done} succeeded, {rate} %");
    assert!(rate >= 95, "of {tries} starts of the owner's {done} succeeded, {rate} %");
    world.server.stop().await;
}

/// A day's worth of a stranger's, as fast as he can.
async fn flood(world: &World, place: &Wallet, owner: &Owner) {
    for _ in 0..4 {
        drop(another(world, place).request_add(&owner.email).await);
    }
    for _ in 0..4 {
        let phone = another(world, place);
        let Ok(case) = phone.start_recovery(owner.locator(), false).await else { continue };
        for _ in 0..4 {
            let wrong = RecoveryProof::Totp(wrong_code(&owner.wallet));
            drop(phone.prove(case.case_id.clone(), &wrong).await);
            drop(phone.send_recovery_code(case.case_id.clone(), pb::RecoveryChannel::Email).await);
        }
    }
}

/// The code that was sent last, once all messages are delivered.
async fn sent_last(world: &World, phone: &Wallet, address: &str) -> String {
    let data = world.dir.path().join("data");
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        let waiting =
            Snapshot::open(&data).expect("a database").page(Table::Message, None).expect("its rows");
        if waiting.is_empty() {
            let messages = phone.read_messages(address).await.expect("the sandbox's messages").messages;
            return code_in(&messages[0].text);
        }
    }
    panic!("messages to {address} were not delivered");
}

#[tokio::test]
async fn one_stranger_at_full_rate_leaves_an_owner_without_a_saved_code_his_factors_and_his_place() {
    let world = documented().await;
    let owner = world.owner("alice", 0).await;
    let place = world.phone_at(STRANGER).await;
    let phone = world.phone_at(OWNER).await;
    let names = ["asks to join", "proves his authenticator", "is sent a code", "proves it"];
    let mut done = [0; 4];
    let days = 20;
    for day in 0..days {
        world.pass(DAY);
        flood(&world, &place, &owner).await;
        world.pass(60);
        flood(&world, &place, &owner).await;
        done[0] += usize::from(another(&world, &phone).request_add(&owner.email).await.is_ok());
        let first = another(&world, &phone);
        let case_id = first.start_recovery(owner.locator(), false).await.expect("a case").case_id;
        let totp = owner.totp(&world);
        done[1] += usize::from(first.prove(case_id, &totp).await.is_ok());
        world.pass(60);
        let second = another(&world, &phone);
        let case_id = second.start_recovery(owner.locator(), false).await.expect("a case").case_id;
        let channel = pb::RecoveryChannel::Email;
        if second.send_recovery_code(case_id.clone(), channel).await.is_ok() {
            done[2] += 1;
            let digits = RecoveryProof::EmailCode(sent_last(&world, &phone, &owner.email).await);
            done[3] += usize::from(second.prove(case_id.clone(), &digits).await.is_ok());
        }
        if day + 1 == days {
            flood(&world, &place, &owner).await;
            let reply = second.prove(case_id, &passphrase()).await.expect("of the account's own attempts");
            assert_eq!(reply.state(), pb::RecoveryState::Proven);
        }
    }
    for (name, done) in names.into_iter().zip(done) {
        let rate = percent(done, days);
        println!("the owner {name} on {done} of {days} days, {rate} %");
        assert!(rate >= 95, "the owner {name} on {done} of {days} days, {rate} %");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn one_stranger_at_full_rate_keeps_no_newcomer_from_enrolling() {
    let world = documented().await;
    let (place, phone) = (world.phone_at(STRANGER).await, world.phone_at(OWNER).await);
    let (mut done, tries) = (0, 20);
    for number in 0..tries {
        let address = format!("newcomer{number}@example.jp");
        for _ in 0..10 {
            world.pass(30);
            drop(another(&world, &place).start_enrolment(email(&address)).await);
        }
        let newcomer = another(&world, &phone);
        let Ok(started) = newcomer.start_enrolment(email(&address)).await else { continue };
        let code = sent_last(&world, &phone, &address).await;
        let answer = newcomer.confirm_enrolment(started.enrolment_id, &confirmation(&code)).await;
        done += usize::from(answer.is_ok());
    }
    let rate = percent(done, tries);
    println!("of {tries} newcomers {done} enrolled, {rate} %");
    assert!(rate >= 95, "of {tries} newcomers {done} enrolled, {rate} %");
    world.server.stop().await;
}
