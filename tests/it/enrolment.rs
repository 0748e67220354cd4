//! How a phone becomes a wallet, and what nobody learns or gains by trying.

use futures_util::future::join_all;
use prost::Message;
use saifu::client::method;
use saifu::client::signer::timestamp;
use saifu::client::wallet::{Confirmation, Wallet};
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::pb::enrolment_start_private::Contact;
use saifu::pb::{Reason, SecurityEventKind};
use saifu::server::SANDBOX_AUDIENCE;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{
    PASSPHRASE, World, bakery, books_hold, code_in, confirmation, email, events, reason, refused, set_up,
    started, texts,
};

const DAY_S: i64 = 86_400;

/// Eight digits that are not this code.
fn other_code(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:08}", (number + 1) % 100_000_000)
}

#[tokio::test]
async fn start_answers_the_same_for_a_known_and_an_unknown_contact() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let phone = world.phone().await;
    let known = phone.start_enrolment(email("alice@example.jp")).await.unwrap();
    let unknown = phone.start_enrolment(email("zelda@example.jp")).await.unwrap();
    assert_eq!(known.encoded_len(), unknown.encoded_len());
    assert_eq!(known.expires_at, unknown.expires_at);
    assert_eq!((known.enrolment_id.len(), unknown.enrolment_id.len()), (16, 16));
    let to_known = texts(&phone, "alice@example.jp", 2).await;
    let to_unknown = texts(&phone, "zelda@example.jp", 1).await;
    let warning = to_known.iter().find(|text| text.contains("you have a wallet already")).unwrap();
    // The owner alone reads the difference.
    assert!(!warning.contains("code") && !to_unknown[0].contains("wallet already"));
    // The owner sees that somebody tried.
    assert_eq!(events(&alice, SecurityEventKind::EnrolmentAttempted).await, 1);
    world.server.stop().await;
}

#[tokio::test]
async fn a_taken_contacts_confirm_fails_like_a_wrong_code() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let phone = world.phone().await;
    let taken = phone.start_enrolment(email("alice@example.jp")).await.unwrap().enrolment_id;
    let (free, code) = started(&phone, "zelda@example.jp").await;
    let wrong = confirmation(&other_code(&code));
    for time in 0..5 {
        let of_taken = refused(phone.confirm_enrolment(taken.clone(), &confirmation("12345678")).await);
        let of_wrong = refused(phone.confirm_enrolment(free.clone(), &wrong).await);
        assert_eq!(of_taken.code(), Code::Unauthenticated, "{time}");
        assert_eq!(of_taken.message(), of_wrong.message(), "{time}");
        assert_eq!(of_taken.details(), of_wrong.details(), "{time}");
        world.pass(10);
    }
    let of_taken = refused(phone.confirm_enrolment(taken, &confirmation("12345678")).await);
    let of_wrong = refused(phone.confirm_enrolment(free, &wrong).await);
    assert_eq!(of_taken.details(), of_wrong.details(), "and both are over after five");
    assert_eq!(alice.list_devices().await.unwrap().devices.len(), 1);
    world.server.stop().await;
}

#[tokio::test]
async fn the_ways_to_write_a_contact_are_one_contact() {
    let world = World::start().await;
    let mut phone = world.phone().await;
    let reply = phone.start_enrolment(Contact::Phone("+81 090 1234 5678".into())).await.unwrap();
    let code = code_in(&texts(&phone, "+819012345678", 1).await[0]);
    let confirmed = phone.confirm_enrolment(reply.enrolment_id, &confirmation(&code)).await.unwrap();
    set_up(&mut phone, &confirmed);
    phone.activate(&phone.code().unwrap()).await.unwrap();
    let other = world.phone().await;
    other.start_enrolment(Contact::Phone("+81-90-1234-5678".into())).await.unwrap();
    let sent = texts(&other, "+819012345678", 2).await;
    assert_eq!(sent.iter().filter(|text| text.contains("you have a wallet already")).count(), 1);

    world.wallet("alice").await;
    other.start_enrolment(email("Alice@EXAMPLE.jp")).await.unwrap();
    let sent = texts(&other, "alice@example.jp", 2).await;
    assert_eq!(sent.iter().filter(|text| text.contains("you have a wallet already")).count(), 1);
    world.server.stop().await;
}

/// As protobufjs writes it: whatever was assigned, an epoch of 0 and a whole second's nanos too. What is
/// neither, and what a body has of it, is named.
#[tokio::test]
async fn a_call_with_default_values_written_out_is_good_and_a_body_with_them_is_named() {
    let world = World::start().await;
    let phone = world.phone().await;
    let private = pb::EnrolmentStartPrivate { contact: Some(email("alice@example.jp")) };
    let draft = phone.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {});
    let good = draft.private(&private).as_candidate().seal(&phone.signer);
    let call = pb::Call::decode(good.payload.as_slice()).expect("the phone made it");
    let at = call.issued_at.expect("a moment");
    assert_eq!((at.nanos, call.epoch, call.body.len()), (0, 0, 0), "all of them are defaults");
    let head = pb::Call { issued_at: None, private_sha256: Vec::new(), ..call.clone() }.encode_to_vec();
    let tail = pb::Call { private_sha256: call.private_sha256.clone(), ..pb::Call::default() };
    let moment = [at.encode_to_vec(), vec![0x10, 0]].concat();
    let length = u8::try_from(moment.len()).expect("a short message");
    let written = [&head[..], &[0x22, length], &moment, &[0x28, 0, 0x32, 0], &tail.encode_to_vec()].concat();
    assert_eq!(pb::Call::decode(written.as_slice()).as_ref(), Ok(&call), "the same call in other bytes");
    let sealed = |payload: Vec<u8>| pb::Envelope {
        signature: phone.signer.key().sign(method::ENROLMENT_START, &payload),
        payload,
        ..good.clone()
    };
    let first: pb::EnrolmentStartReply =
        phone.send_sealed(method::ENROLMENT_START, sealed(written)).await.expect("good");
    let again: pb::EnrolmentStartReply =
        phone.send_sealed(method::ENROLMENT_START, good.clone()).await.expect("the same call");
    assert_eq!(first, again, "one request id, one effect, however the call is written");

    let alice = world.funded("bob", 1_000).await;
    let body = [bakery(&alice, 10).await.encode_to_vec(), vec![0x2a, 0]].concat();
    let call = pb::Call {
        audience: SANDBOX_AUDIENCE.into(),
        key_id: alice.signer.key_id(),
        request_id: vec![3; 16],
        issued_at: Some(timestamp(alice.now_us())),
        epoch: 1,
        body,
        private_sha256: Vec::new(),
    };
    let envelope = alice.signer.sign_call(method::PAY, &call, Vec::new());
    let refused = alice.send_sealed::<pb::PayReply>(method::PAY, envelope).await.expect_err("odd");
    assert!(refused.to_string().contains("order_id must be left out"), "{refused}");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_is_no_contact_is_malformed() {
    let world = World::start().await;
    let phone = world.phone().await;
    let many = format!("{}@example.jp", "a".repeat(300));
    for contact in [
        email(""),
        email("alice"),
        email("alice@"),
        email("@example.jp"),
        email("alice@example.jp\r\nBcc: mallory@example.jp"),
        email(&many),
        Contact::Phone("09012345678".into()),
        Contact::Phone("+".into()),
        Contact::Phone("+81 90 1234 5678;ext=1".into()),
    ] {
        let result = phone.start_enrolment(contact.clone()).await;
        assert_eq!(reason(result), Reason::Malformed, "{contact:?}");
        world.pass(10);
    }
    let none = phone.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {}).as_candidate();
    assert_eq!(reason(phone.send::<pb::EnrolmentStartReply>(none).await), Reason::Malformed);
    world.server.stop().await;
}

#[tokio::test]
async fn five_wrong_codes_end_an_enrolment_and_four_do_not() {
    let world = World::start().await;
    for (wrong, name) in [(4, "alice"), (5, "bob")] {
        let phone = world.phone().await;
        let (enrolment_id, code) = started(&phone, &format!("{name}@example.jp")).await;
        for _ in 0..wrong {
            let tried =
                phone.confirm_enrolment(enrolment_id.clone(), &confirmation(&other_code(&code))).await;
            assert_eq!(reason(tried), Reason::Unauthenticated);
        }
        let tried = phone.confirm_enrolment(enrolment_id, &confirmation(&code)).await;
        if wrong == 4 {
            tried.unwrap();
        } else {
            let over = tried.unwrap_err();
            assert_eq!((over.reason(), over.is_final()), (Some(Reason::EnrolmentOver), Some(true)));
        }
    }
    world.server.stop().await;
}

#[tokio::test]
async fn an_enrolments_code_is_good_for_15_minutes() {
    let world = World::start().await;
    let early = world.phone().await;
    let late = world.phone().await;
    let (early_id, early_code) = started(&early, "early@example.jp").await;
    let (late_id, late_code) = started(&late, "late@example.jp").await;
    world.clock.advance_us(15 * 60 * 1_000_000 - 1);
    early.confirm_enrolment(early_id, &confirmation(&early_code)).await.unwrap();
    world.clock.advance_us(1);
    let result = late.confirm_enrolment(late_id, &confirmation(&late_code)).await;
    assert_eq!(reason(result), Reason::EnrolmentOver);
    world.server.stop().await;
}

#[tokio::test]
async fn an_enrolment_is_its_keys_own() {
    let world = World::start().await;
    let phone = world.phone().await;
    let thief = world.phone().await;
    let (enrolment_id, code) = started(&phone, "alice@example.jp").await;
    // Not even with the right code, and the owner's tries are not used up by it.
    for _ in 0..6 {
        let stolen = thief.confirm_enrolment(enrolment_id.clone(), &confirmation(&code)).await;
        assert_eq!(reason(stolen), Reason::EnrolmentOver);
    }
    let absent = thief.confirm_enrolment(vec![7; 16], &confirmation(&code)).await;
    assert_eq!(reason(absent), Reason::EnrolmentOver);
    phone.confirm_enrolment(enrolment_id.clone(), &confirmation(&code)).await.unwrap();
    // And a confirmed one is over for everybody.
    let again = thief.confirm_enrolment(enrolment_id, &confirmation(&code)).await;
    assert_eq!(reason(again), Reason::EnrolmentOver);
    world.server.stop().await;
}

#[tokio::test]
async fn of_two_enrolments_of_one_contact_the_first_confirmed_wins() {
    let world = World::start().await;
    let one = world.phone().await;
    let other = world.phone().await;
    let (one_id, one_code) = started(&one, "alice@example.jp").await;
    world.pass(1);
    let other_id = other.start_enrolment(email("alice@example.jp")).await.unwrap().enrolment_id;
    let sent = texts(&other, "alice@example.jp", 2).await;
    let codes: Vec<_> = sent.iter().map(|text| code_in(text)).collect();
    let second = codes.into_iter().find(|code| *code != one_code).unwrap();
    other.confirm_enrolment(other_id, &confirmation(&second)).await.unwrap();
    let lost = one.confirm_enrolment(one_id, &confirmation(&one_code)).await;
    assert_eq!(reason(lost), Reason::Unauthenticated);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_enrolments_confirmed_at_once_exactly_one_wins() {
    let world = World::start_with(|settings| settings.limits = LimitTable::unlimited()).await;
    let mut phones: Vec<(Wallet, Vec<u8>, String)> = Vec::new();
    for count in 1..=20 {
        let phone = world.phone().await;
        let reply = phone.start_enrolment(email("alice@example.jp")).await.unwrap();
        let sent = texts(&phone, "alice@example.jp", count).await;
        let codes = sent.iter().map(|text| code_in(text));
        let new = codes.into_iter().find(|code| phones.iter().all(|(_, _, known)| known != code)).unwrap();
        phones.push((phone, reply.enrolment_id, new));
    }
    let confirms = phones.iter().map(async |(phone, enrolment_id, code)| {
        // Only so many passphrases are hashed at a time; who is turned away comes again.
        loop {
            let result = phone.confirm_enrolment(enrolment_id.clone(), &confirmation(code)).await;
            if !result.as_ref().is_err_and(|no| no.reason() == Some(Reason::Unavailable)) {
                return result;
            }
        }
    });
    let results = join_all(confirms).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for lost in results.into_iter().filter(Result::is_err) {
        assert_eq!(reason(lost), Reason::Unauthenticated);
    }
    world.server.stop().await;
}

async fn pending(world: &World, address: &str) -> Wallet {
    let mut phone = world.phone().await;
    let (enrolment_id, code) = started(&phone, address).await;
    let confirmed = phone.confirm_enrolment(enrolment_id, &confirmation(&code)).await;
    set_up(&mut phone, &confirmed.expect("an account"));
    phone
}

#[tokio::test]
async fn an_account_not_activated_within_a_day_is_gone_and_its_contact_free() {
    let world = World::start().await;
    let early = pending(&world, "early@example.jp").await;
    let late = pending(&world, "late@example.jp").await;
    world.clock.advance_us(DAY_S * 1_000_000 - 1);
    early.activate(&early.code().unwrap()).await.unwrap();
    world.clock.advance_us(1);
    // Whether it was closed already or not, the device is refused.
    let refused = refused(late.activate(&late.code().unwrap()).await);
    assert!(matches!(refused.code(), Code::Unauthenticated | Code::FailedPrecondition), "{refused:?}");
    world.pass(60);
    let mut anew = world.phone().await;
    let enrolled = anew.enrol("late@example.jp", PASSPHRASE).await;
    enrolled.unwrap();
    anew.get_balance().await.unwrap();
    let activated = late.activate(&late.code().unwrap()).await;
    assert!(activated.is_err(), "{activated:?}");
    early.get_balance().await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn a_contact_gets_three_messages_a_day_whoever_asks() {
    let world = World::start().await;
    // Two from one place, and one more from another.
    for (place, address) in [(1, "alice@example.jp"), (1, "Alice@example.jp"), (2, "alice@EXAMPLE.JP")] {
        world.phone_at(place).await.start_enrolment(email(address)).await.unwrap();
    }
    let phone = world.phone_at(3).await;
    let fourth = refused(phone.start_enrolment(email("alice@example.jp")).await);
    assert_eq!(fourth.code(), Code::ResourceExhausted);
    let retry = fourth.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(retry.as_secs(), 28_800, "a third of a day");
    texts(&phone, "alice@example.jp", 3).await;
    phone.start_enrolment(email("bob@example.jp")).await.unwrap();
    world.pass(28_800);
    phone.start_enrolment(email("alice@example.jp")).await.unwrap();
    world.server.stop().await;
}

#[tokio::test]
async fn another_code_may_be_tried_under_the_same_request_id() {
    let world = World::start().await;
    let phone = world.phone().await;
    let (enrolment_id, code) = started(&phone, "alice@example.jp").await;
    let body = pb::EnrolmentConfirmRequest { enrolment_id };
    let confirm = |code: &str| {
        let draft = confirmation(code).add_to(phone.draft(method::ENROLMENT_CONFIRM, &body));
        phone.send::<pb::EnrolmentConfirmReply>(draft.as_candidate().request_id([5; 16]))
    };
    let wrong = confirm(&other_code(&code)).await.expect_err("a wrong code");
    assert_eq!((wrong.reason(), wrong.is_final()), (Some(Reason::Unauthenticated), Some(false)));
    confirm(&code).await.expect("the right code, under the id that the wrong one left open");
    world.server.stop().await;
}

#[tokio::test]
async fn an_unsuitable_passphrase_leaves_no_trace() {
    let world = World::start().await;
    let mut phone = world.phone().await;
    let (enrolment_id, code) = started(&phone, "alice@example.jp").await;
    let body = pb::EnrolmentConfirmRequest { enrolment_id };
    let confirm = |passphrase: &str| {
        let confirmation = Confirmation { passphrase: passphrase.to_owned(), ..confirmation(&code) };
        let draft = confirmation.add_to(phone.draft(method::ENROLMENT_CONFIRM, &body));
        phone.send::<pb::EnrolmentConfirmReply>(draft.as_candidate().request_id([5; 16]))
    };
    // More often than a wrong code may be tried, and all under one request id.
    let long = "x".repeat(129);
    for (passphrase, must) in [
        ("", "at least 10 characters"),
        ("short", "at least 10 characters"),
        (&long, "at most 128 characters"),
        ("Password1!", "four words or more"),
        ("password2026", "four words or more"),
        ("sakurasakura", "four words or more"),
        ("qwertyuiop2", "four words or more"),
        ("alice@example.jp", "four words or more"),
    ] {
        let answer = confirm(passphrase).await;
        let text = format!("{answer:?}");
        assert_eq!(reason(answer), Reason::PassphraseUnsuitable, "{passphrase:?}");
        assert!(text.contains(must), "{passphrase:?}: {text}");
    }
    let confirmed = confirm(PASSPHRASE).await.unwrap();
    set_up(&mut phone, &confirmed);
    phone.activate(&phone.code().unwrap()).await.unwrap();
    world.server.stop().await;
}
