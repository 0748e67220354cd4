//! Strangers without end: they keep nobody out, what they write they pay for, and codes have a budget.

use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::signer::{RecoveryProof, Signer};
use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::gate::limit::{AnonymousLimits, LimitTable};
use saifu::pb;
use saifu::pb::enrolment_start_private::Contact;
use saifu::ratelimit::gcra::Limit;
use saifu::server::SANDBOX_AUDIENCE;
use tonic::Code;

use crate::support::recovery::{begin, passphrase};
use crate::support::{World, email, reason};

/// A key of its own, on a connection that is there already.
fn stranger(world: &World, phone: &Wallet) -> Wallet {
    let signer = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    Wallet::with_signer(
        phone.channel.clone(),
        signer,
        SANDBOX_AUDIENCE,
        std::sync::Arc::clone(&world.clock) as _,
    )
}

/// An enrolment, sent once and without a stamp.
async fn start_bare(wallet: &Wallet, address: &str) -> Result<pb::EnrolmentStartReply, Refused> {
    let private = pb::EnrolmentStartPrivate { contact: Some(email(address)) };
    let draft = wallet.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {});
    let draft = draft.private(&private).as_candidate();
    wallet.send_sealed(method::ENROLMENT_START, draft.seal(&wallet.signer)).await
}

/// Three anonymous calls are free, two more cost a light stamp.
async fn crowded() -> World {
    World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        settings.limits.anonymous = AnonymousLimits {
            free: Limit::per_day(3, 3),
            stamped: Limit::per_day(2, 2),
            stamp_bits: 8,
            heavy_bits: 16,
        };
    })
    .await
}

/// An addition to an account, asked for once and without a stamp.
async fn request_add_bare(wallet: &Wallet, address: &str) -> Result<pb::DeviceRequestAddReply, Refused> {
    let locator = pb::device_request_add_private::Locator::Email(address.to_owned());
    let private = pb::DeviceRequestAddPrivate { locator: Some(locator), device_model: "Pixel 9".into() };
    let draft = wallet.draft(method::DEVICE_REQUEST_ADD, &pb::DeviceRequestAddRequest {});
    let draft = draft.private(&private).as_candidate();
    wallet.send_sealed(method::DEVICE_REQUEST_ADD, draft.seal(&wallet.signer)).await
}

/// A code of a recovery, asked for once and without a stamp.
async fn send_code_bare(wallet: &Wallet, case_id: &[u8]) -> Result<pb::RecoverySendCodeReply, Refused> {
    let body = code_request(case_id);
    let draft = wallet.draft(method::RECOVERY_SEND_CODE, &body).as_candidate();
    wallet.send_sealed(method::RECOVERY_SEND_CODE, draft.seal(&wallet.signer)).await
}

fn code_request(case_id: &[u8]) -> pb::RecoverySendCodeRequest {
    let channel = pb::RecoveryChannel::Phone.into();
    pb::RecoverySendCodeRequest { case_id: case_id.to_vec(), channel }
}

#[tokio::test]
async fn strangers_above_the_usual_rate_show_a_stamp_and_owners_go_on() {
    let world = crowded().await;
    let owner = world.owner("alice", 0).await;
    let first = world.phone().await;
    for number in 0..3 {
        let stranger = stranger(&world, &first);
        start_bare(&stranger, &format!("free{number}@example.jp")).await.expect("the usual");
    }
    let refused = start_bare(&stranger(&world, &first), "fourth@example.jp").await.expect_err("work");
    assert_eq!(
        (refused.status.code(), refused.reason()),
        (Code::ResourceExhausted, Some(pb::Reason::StampNeeded))
    );
    assert_eq!(refused.metadata("difficulty_bits").as_deref(), Some("8"));
    assert_eq!(refused.is_final(), Some(false));
    // Every key, origin and RPC of a stranger's, recovery's and additions' as well.
    let locator = pb::recovery_start_private::Locator::Email("somebody@example.jp".into());
    let private = pb::RecoveryStartPrivate { locator: Some(locator), device_model: "Pixel 9".into() };
    let other = stranger(&world, &first);
    let draft = other.draft(method::RECOVERY_START, &pb::RecoveryStartRequest { with_proofing: false });
    let sealed = draft.private(&private).as_candidate().seal(&other.signer);
    let answer: Result<pb::RecoveryStartReply, Refused> =
        other.send_sealed(method::RECOVERY_START, sealed).await;
    assert_eq!(reason(answer), pb::Reason::StampNeeded);
    let added = request_add_bare(&stranger(&world, &first), &owner.email).await;
    assert_eq!(reason(added), pb::Reason::StampNeeded);
    owner.wallet.get_balance().await.expect("an owner reads");
    let code = owner.wallet.code().expect("an authenticator").to_string();
    owner.wallet.verify_second_factor(&code).await.expect("and does what he wants");
    world.server.stop().await;
}

#[tokio::test]
async fn who_proves_something_right_needs_no_stamp_any_more_and_who_proves_it_wrong_does() {
    let world = crowded().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    let wrong = RecoveryProof::Passphrase("not the right one at all".into());
    assert_eq!(reason(phone.prove(case_id.clone(), &wrong).await), pb::Reason::Unauthenticated);
    start_bare(&stranger(&world, &phone), "third@example.jp").await.expect("the last free one");
    assert_eq!(reason(send_code_bare(&phone, &case_id).await), pb::Reason::StampNeeded, "it proved nothing");
    phone.prove(case_id.clone(), &passphrase()).await.expect("with a stamp");
    for _ in 0..3 {
        send_code_bare(&phone, &case_id).await.expect("before all strangers");
    }
    let refused = start_bare(&stranger(&world, &phone), "fourth@example.jp").await;
    assert_eq!(reason(refused), pb::Reason::StampNeeded, "others need one as before");
    world.server.stop().await;
}

#[tokio::test]
async fn whoever_asks_for_codes_of_recovery_in_vain_uses_up_nobodys_messages() {
    let world = World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        settings.limits.codes_of = Limit::per_day(2, 2);
        settings.limits.budgets.texts_hour = Limit::at_most(8, 1);
    })
    .await;
    let phone = world.phone().await;
    let channel = pb::RecoveryChannel::Phone;
    let begin = async |contact: &str| {
        let locator = pb::recovery_start_private::Locator::Phone(contact.to_owned());
        phone.start_recovery(locator, false).await.expect("a case").case_id
    };
    // No case, another key's, and one that is over.
    let anothers = begin("+81 90 1234 0001").await;
    let over = begin("+81 90 1234 0002").await;
    let wrong = RecoveryProof::Passphrase("not the right one at all".into());
    for _ in 0..5 {
        assert_eq!(reason(phone.prove(over.clone(), &wrong).await), pb::Reason::Unauthenticated);
    }
    for _ in 0..5 {
        let nobody = stranger(&world, &phone);
        for (wallet, case_id) in [(&nobody, vec![7; 16]), (&nobody, anothers.clone()), (&phone, over.clone())]
        {
            let refused = wallet.send_recovery_code(case_id, channel).await;
            assert_eq!(reason(refused), pb::Reason::RecoveryOver);
        }
    }
    // As many as it may have, whichever case it is, and a repetition is none.
    let (first, second) = (begin("+81 90 1234 0003").await, begin("+81 90 1234 0003").await);
    let draft = phone.draft(method::RECOVERY_SEND_CODE, &code_request(&first)).as_candidate();
    let sealed = draft.seal(&phone.signer);
    let again = async || -> Result<pb::RecoverySendCodeReply, Refused> {
        phone.send_sealed(method::RECOVERY_SEND_CODE, sealed.clone()).await
    };
    again().await.expect("the first");
    again().await.expect("the same");
    phone.send_recovery_code(second.clone(), channel).await.expect("the second of its target");
    for case_id in [&first, &second, &first, &second] {
        let refused = phone.send_recovery_code(case_id.clone(), channel).await;
        assert_eq!(reason(refused), pb::Reason::Throttled);
    }
    again().await.expect("what has its answer is told it");
    // Of the four at once two are left.
    for contact in ["+81 90 1234 0004", "+81 90 1234 0005"] {
        phone.send_recovery_code(begin(contact).await, channel).await.expect("within the budget");
    }
    let last = phone.send_recovery_code(begin("+81 90 1234 0006").await, channel).await;
    assert_eq!(reason(last), pb::Reason::Throttled);
    world.server.stop().await;
}

#[tokio::test]
async fn a_stamp_is_made_by_the_client_grows_with_the_crowd_and_is_nobody_elses() {
    let world = crowded().await;
    let first = world.phone().await;
    for number in 0..5 {
        let contact = email(&format!("number{number}@example.jp"));
        stranger(&world, &first).start_enrolment(contact).await.expect("three free, two stamped");
    }
    let refused = start_bare(&stranger(&world, &first), "more@example.jp").await.expect_err("work");
    assert_eq!(refused.metadata("difficulty_bits").as_deref(), Some("8"), "told from the bottom");
    let heavy = stranger(&world, &first);
    let private = pb::EnrolmentStartPrivate { contact: Some(email("heavy@example.jp")) };
    let draft = heavy.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {});
    let draft = draft.private(&private).as_candidate();
    let light = heavy.send_sealed(method::ENROLMENT_START, only(&draft, &heavy, 8..12)).await;
    let refused: Refused = light.map(|_: pb::EnrolmentStartReply| ()).expect_err("light ones are used up");
    assert_eq!(refused.metadata("difficulty_bits").as_deref(), Some("16"));
    let _: pb::EnrolmentStartReply = heavy.send(draft.stamped(16)).await.expect("a heavy stamp");
    // Nobody's stamp is another's.
    let thief = stranger(&world, &first);
    let stolen = pb::EnrolmentStartPrivate { contact: Some(email("stolen@example.jp")) };
    let theirs = thief.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {}).private(&stolen);
    let mut private =
        stamp_of(&heavy.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {}), &heavy, 16);
    private.body = prost::Message::encode_to_vec(&stolen);
    let envelope = theirs.as_candidate().seal(&thief.signer);
    let mut call: pb::Call = prost::Message::decode(envelope.payload.as_slice()).expect("a call");
    let private = prost::Message::encode_to_vec(&private);
    call.private_sha256 = saifu::crypto::hash::sha256(&[&private]).to_vec();
    let sealed = thief.signer.sign_call(method::ENROLMENT_START, &call, private);
    let sealed = pb::Envelope { candidate: Some(thief.signer.candidate()), ..sealed };
    let answer: Result<pb::EnrolmentStartReply, Refused> =
        thief.send_sealed(method::ENROLMENT_START, sealed).await;
    assert_eq!(reason(answer), pb::Reason::StampNeeded);
    world.server.stop().await;
}

/// The envelope of a draft whose stamp has so many bits and not more.
fn only(draft: &saifu::client::signer::Draft, wallet: &Wallet, bits: std::ops::Range<u32>) -> pb::Envelope {
    let envelope = draft.clone().stamped(bits.start).seal(&wallet.signer);
    let call: pb::Call = prost::Message::decode(envelope.payload.as_slice()).expect("a call");
    let private: pb::Private = prost::Message::decode(envelope.private.as_slice()).expect("a private part");
    let subject = saifu::gate::signature::subject_of(&call, method::ENROLMENT_START);
    let stamp = (0..u64::MAX).map(u64::to_be_bytes).find(|stamp| bits.contains(&subject.bits(stamp)));
    let private = pb::Private { stamp: stamp.expect("many have").to_vec(), ..private };
    let private = prost::Message::encode_to_vec(&private);
    let call = pb::Call { private_sha256: saifu::crypto::hash::sha256(&[&private]).to_vec(), ..call };
    let sealed = wallet.signer.sign_call(method::ENROLMENT_START, &call, private);
    pb::Envelope { candidate: envelope.candidate, ..sealed }
}

fn stamp_of(draft: &saifu::client::signer::Draft, wallet: &Wallet, bits: u32) -> pb::Private {
    let envelope = draft.clone().stamped(bits).seal(&wallet.signer);
    prost::Message::decode(envelope.private.as_slice()).expect("a private part")
}

#[tokio::test]
async fn a_newcomer_gets_on_when_the_free_calls_are_used_up() {
    let world = crowded().await;
    let carol = world.phone().await;
    let (enrolment_id, code) = crate::support::started(&carol, "carol@example.jp").await;
    for number in 0..2 {
        let stranger = stranger(&world, &carol);
        start_bare(&stranger, &format!("free{number}@example.jp")).await.expect("the usual");
    }
    // The free ones are used up: she pays for her proof, and her client does so by itself.
    carol.confirm_enrolment(enrolment_id, &crate::support::confirmation(&code)).await.expect("an account");
    world.server.stop().await;
}

#[tokio::test]
async fn text_messages_have_a_budget_in_all_and_one_for_each_prefix() {
    let world = World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        settings.limits.budgets.prefix_day = Limit::at_most(4, 24);
        settings.limits.budgets.texts_hour = Limit::at_most(6, 1);
        settings.limits.budgets.emails_day = Limit::at_most(2, 24);
    })
    .await;
    let phone = world.phone().await;
    let text =
        async |number: &str| stranger(&world, &phone).start_enrolment(Contact::Phone(number.into())).await;
    // Half of each budget comes at once.
    text("+81 90 1234 0001").await.expect("within all budgets");
    text("+81 90 1234 0002").await.expect("within all budgets");
    assert_eq!(reason(text("+81 90 1234 0003").await), pb::Reason::Throttled, "one prefix");
    text("+81 80 1234 0001").await.expect("another prefix");
    assert_eq!(reason(text("+81 80 1234 0002").await), pb::Reason::Throttled, "all text messages");
    stranger(&world, &phone).start_enrolment(email("one@example.jp")).await.expect("e-mail has its own");
    let second = stranger(&world, &phone).start_enrolment(email("two@example.jp")).await;
    assert_eq!(reason(second), pb::Reason::Throttled);
    world.pass(3_600);
    text("+81 70 1234 0001").await.expect("the hour is over");
    world.server.stop().await;
}
