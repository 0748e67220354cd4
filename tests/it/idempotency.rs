//! Exactly once: a request id stands for one body, one effect and one final answer.

use futures_util::future::{join, join_all};
use prost::Message;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::signer::{Draft, Signer};
use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::env::clock::Clock;
use saifu::pb;
use saifu::pb::SecurityEventKind;
use saifu::server::SANDBOX_AUDIENCE;
use std::sync::Arc;
use tonic::Code;

use crate::support::{
    PASSPHRASE, World, amounts, available, bakery, confirmation, email, events, generous, reason, refused,
    secret, set_up, started, texts, wrong_code,
};

/// The order of P-256 (SEC 2, 2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The same signature's other form: n − s for s.
fn other_form(signature: &[u8]) -> Vec<u8> {
    assert_eq!(signature.len(), 64, "r and s");
    let mut negated = signature.to_vec();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i32::from(ORDER[at]) - i32::from(signature[32 + at]) - borrow;
        borrow = i32::from(digit < 0);
        negated[32 + at] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    assert_eq!(borrow, 0, "s is below the order");
    negated
}

/// A payment under an id of its own.
fn payment(wallet: &Wallet, request: &pb::PayRequest, id: u8) -> Draft {
    wallet.draft(method::PAY, request).request_id([id; 16])
}

#[tokio::test]
async fn idempotency_is_bound_to_the_body() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let request = bakery(&alice, 100).await;
    let id = Some([1; 16]);
    let first = alice.pay(request.clone(), None, id).await.unwrap();
    let other_store = alice.list_shops().await.unwrap().shops.pop().unwrap().store_id;
    for other in [
        pb::PayRequest { amount_minor: 101, ..request.clone() },
        pb::PayRequest { store_id: other_store, ..request.clone() },
        pb::PayRequest { payee_name: "Kanda bakery".into(), ..request.clone() },
        pb::PayRequest { currency: "USD".into(), ..request.clone() },
    ] {
        let status = refused(alice.pay(other.clone(), None, id).await);
        assert_eq!(status.code(), Code::AlreadyExists, "{other:?}");
        assert_eq!(reason(alice.pay(other, None, id).await), pb::Reason::RequestIdReused);
    }
    assert_eq!(alice.pay(request, None, id).await.unwrap(), first);
    assert_eq!(amounts(&alice).await, [-100, 5_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn idempotency_is_bound_to_the_method_and_to_the_private_body() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let freeze = alice.draft(method::FREEZE, &pb::FreezeRequest {}).request_id([1; 16]);
    let link = |token: &str, label: &str, id: u8| {
        let private = pb::LinkFundingPrivate { token: token.into(), label: label.into() };
        let draft = alice.draft(method::LINK_FUNDING, &pb::LinkFundingRequest {});
        alice.send::<pb::LinkFundingReply>(draft.private(&private).request_id([id; 16]))
    };
    let linked = link("sandbox-b", "second", 2).await.unwrap();
    assert_eq!(link("sandbox-b", "second", 2).await.unwrap(), linked, "with another salt");
    assert_eq!(reason(link("sandbox-c", "second", 2).await), pb::Reason::RequestIdReused);
    assert_eq!(reason(link("sandbox-b", "third", 2).await), pb::Reason::RequestIdReused);
    assert_eq!(alice.list_funding().await.unwrap().sources.len(), 2);

    alice.send::<pb::FreezeReply>(freeze).await.unwrap();
    // Both bodies are empty: only the method tells them apart.
    let unfreeze = alice.draft(method::UNFREEZE, &pb::UnfreezeRequest {}).request_id([1; 16]);
    let unfreeze = unfreeze.code(&world.next_code(&alice));
    assert_eq!(reason(alice.send::<pb::UnfreezeReply>(unfreeze).await), pb::Reason::RequestIdReused);
    assert!(alice.get_balance().await.unwrap().frozen);
    world.server.stop().await;
}

#[tokio::test]
async fn a_replayed_change_gets_the_stored_reply_and_has_one_effect() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let request = bakery(&alice, 100).await;
    let draft = payment(&alice, &request, 1);
    let envelope = draft.seal(&alice.signer);
    let first: pb::PayReply = alice.send_sealed(method::PAY, envelope.clone()).await.unwrap();
    for seconds in [0, 60, 60] {
        world.pass(seconds);
        let again: pb::PayReply = alice.send_sealed(method::PAY, envelope.clone()).await.unwrap();
        assert_eq!(again.encode_to_vec(), first.encode_to_vec());
    }
    world.pass(1);
    let stale = alice.send_sealed::<pb::PayReply>(method::PAY, envelope).await;
    assert_eq!(reason(stale), pb::Reason::ClockSkew);
    world.pass(365 * 86_400);
    let resigned = draft.issued_at_us(alice.now_us());
    let again: pb::PayReply = alice.send(resigned).await.unwrap();
    assert_eq!(again.encode_to_vec(), first.encode_to_vec());
    assert_eq!(amounts(&alice).await, [-100, 5_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn a_repetition_is_answered_without_its_code_being_needed_or_judged() {
    let world = World::start_with(|settings| settings.policy.step_up.amount_minor = 1_000).await;
    let alice = world.wallet("alice").await;
    let funding_id = alice.link_funding("sandbox-visa", "card").await.unwrap().funding_id;
    let top_up = pb::TopUpRequest { funding_id, amount_minor: 5_000, currency: "JPY".into() };
    alice.top_up(top_up, Some(&world.next_code(&alice)), None).await.unwrap();
    let request = bakery(&alice, 1_000).await;
    let id = Some([1; 16]);
    let code = world.next_code(&alice);
    let first = alice.pay(request.clone(), Some(&code), id).await.unwrap();
    // The same code, a wrong one, none, and a right one, which is not spent.
    assert_eq!(alice.pay(request.clone(), Some(&code), id).await.unwrap(), first);
    assert_eq!(alice.pay(request.clone(), Some(&wrong_code(&alice)), id).await.unwrap(), first);
    assert_eq!(alice.pay(request.clone(), None, id).await.unwrap(), first);
    let next = world.next_code(&alice);
    assert_eq!(alice.pay(request, Some(&next), id).await.unwrap(), first);
    alice.verify_second_factor(&next).await.unwrap();
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 0);
    assert_eq!(amounts(&alice).await, [-1_000, 5_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn a_request_id_is_its_keys_own() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let bob = world.funded("bob", 1_000).await;
    let id = Some([1; 16]);
    let of_alice = alice.pay(bakery(&alice, 100).await, None, id).await.unwrap();
    let of_bob = bob.pay(bakery(&bob, 250).await, None, id).await.unwrap();
    assert_ne!(of_alice.payment_id, of_bob.payment_id);
    assert_eq!((available(&alice).await, available(&bob).await), (900, 750));
    world.server.stop().await;
}

#[tokio::test]
async fn the_other_form_of_a_signature_is_the_same_call() {
    let world = World::start().await;
    let channel = world.phone().await.channel;
    let signer = Signer::new(DeviceKey::generate(SignatureForm::Fixed), SANDBOX_AUDIENCE);
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let mut alice = Wallet::with_signer(channel, signer, SANDBOX_AUDIENCE, clock);
    alice.enrol("alice@example.jp", PASSPHRASE).await.unwrap();
    world.fund(&alice, 1_000).await;
    let request = bakery(&alice, 100).await;
    let envelope = payment(&alice, &request, 1).seal(&alice.signer);
    let twin = pb::Envelope { signature: other_form(&envelope.signature), ..envelope.clone() };
    assert_ne!(twin.signature, envelope.signature);
    let first: pb::PayReply = alice.send_sealed(method::PAY, envelope).await.unwrap();
    let again: pb::PayReply = alice.send_sealed(method::PAY, twin).await.unwrap();
    assert_eq!(again.encode_to_vec(), first.encode_to_vec());
    assert_eq!(amounts(&alice).await, [-100, 1_000]);

    let read = alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&alice.signer);
    let twin = pb::Envelope { signature: other_form(&read.signature), ..read.clone() };
    alice.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, read).await.unwrap();
    let again = alice.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, twin).await;
    assert_eq!(reason(again), pb::Reason::Unauthenticated);
    world.server.stop().await;
}

#[tokio::test]
async fn a_final_refusal_stays_even_when_the_balance_would_suffice() {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 500).await;
    let request = bakery(&alice, 600).await;
    let id = Some([1; 16]);
    let first = alice.pay(request.clone(), None, id).await.unwrap_err();
    assert_eq!((first.reason(), first.is_final()), (Some(pb::Reason::InsufficientBalance), Some(true)));
    world.fund(&alice, 500).await;
    assert_eq!(available(&alice).await, 1_000);
    let again = alice.pay(request.clone(), None, id).await.unwrap_err();
    assert_eq!(again.status.code(), Code::FailedPrecondition);
    assert_eq!(again.status.details(), first.status.details());
    assert_eq!(available(&alice).await, 1_000);
    alice.pay(request, None, Some([2; 16])).await.unwrap();
    assert_eq!(available(&alice).await, 400);
    world.server.stop().await;
}

#[tokio::test]
async fn an_open_answer_is_repeated_uncounted_and_a_call_signed_anew_is_judged_anew() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let request = bakery(&alice, 100).await;
    let wrong = wrong_code(&alice);
    let envelope = payment(&alice, &request, 1).code(&wrong).seal(&alice.signer);
    let first = alice.send_sealed::<pb::PayReply>(method::PAY, envelope.clone()).await.unwrap_err();
    assert_eq!((first.reason(), first.is_final()), (Some(pb::Reason::Unauthenticated), Some(false)));
    // Seven wrong codes would have blocked; one that is repeated is one.
    for _ in 0..7 {
        let again = alice.send_sealed::<pb::PayReply>(method::PAY, envelope.clone()).await.unwrap_err();
        assert_eq!(again.status.details(), first.status.details());
    }
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 1);
    let resigned = alice.pay(request.clone(), Some(&wrong), Some([1; 16])).await;
    assert_eq!(reason(resigned), pb::Reason::Unauthenticated);
    assert_eq!(events(&alice, SecurityEventKind::CodeWrong).await, 2);
    let code = world.next_code(&alice);
    alice.pay(request, Some(&code), Some([1; 16])).await.unwrap();
    assert_eq!(available(&alice).await, 900);
    world.server.stop().await;
}

#[tokio::test]
async fn an_open_answer_binds_its_request_id_to_the_body_for_150_seconds() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let request = bakery(&alice, 100).await;
    let other = pb::PayRequest { amount_minor: 200, ..request.clone() };
    let id = Some([1; 16]);
    assert_eq!(reason(alice.pay(request, Some(&wrong_code(&alice)), id).await), pb::Reason::Unauthenticated);
    let status = refused(alice.pay(other.clone(), None, id).await);
    assert_eq!(status.code(), Code::AlreadyExists);
    world.clock.advance_us(149_999_999);
    assert_eq!(reason(alice.pay(other.clone(), None, id).await), pb::Reason::RequestIdReused);
    world.clock.advance_us(1);
    alice.pay(other, None, id).await.unwrap();
    assert_eq!(amounts(&alice).await, [-200, 1_000]);
    world.server.stop().await;
}

#[tokio::test]
async fn a_call_that_lacks_its_code_is_sent_again_under_its_id_with_the_code() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    world.pass(301);
    let request = bakery(&alice, 100).await;
    let id = Some([1; 16]);
    let open = alice.pay(request.clone(), None, id).await.unwrap_err();
    assert_eq!((open.reason(), open.is_final()), (Some(pb::Reason::SecondFactorRequired), Some(false)));
    let code = world.next_code(&alice);
    alice.pay(request, Some(&code), id).await.unwrap();
    assert_eq!(available(&alice).await, 900);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_copies_at_once_have_one_effect_and_one_reply() {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 5_000).await;
    let request = bakery(&alice, 100).await;
    let envelope = payment(&alice, &request, 1).seal(&alice.signer);
    let copies = (0..100).map(|_| alice.send_sealed::<pb::PayReply>(method::PAY, envelope.clone()));
    let replies: Vec<_> = join_all(copies).await.into_iter().map(Result::unwrap).collect();
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(amounts(&alice).await, [-100, 5_000]);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_payments_racing_for_the_last_yen_exactly_one_is_made() {
    let world = World::start_with(generous).await;
    let alice = world.wallet("alice").await;
    let funding_id = alice.link_funding("sandbox-visa", "card").await.unwrap().funding_id;
    let top_up = pb::TopUpRequest { funding_id, amount_minor: 1, currency: "JPY".into() };
    let request = bakery(&alice, 1).await;
    for round in 0..1_000 {
        alice.top_up(top_up.clone(), None, None).await.unwrap();
        // The clock moves on, so that the marks of reads do not pile up.
        world.pass(1);
        let one = alice.pay(request.clone(), None, None);
        let other = alice.pay(request.clone(), None, None);
        let (won, lost) = match join(one, other).await {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(won.available_after_minor, 0, "round {round}");
        assert_eq!(lost.reason(), Some(pb::Reason::InsufficientBalance), "round {round}");
        assert_eq!(lost.is_final(), Some(true), "round {round}");
    }
    assert_eq!(available(&alice).await, 0);
    world.server.stop().await;
}

/// An enrolment up to Confirm: the phone, and the call.
async fn confirm_draft(world: &World, address: &str) -> (Wallet, Draft) {
    let phone = world.phone().await;
    let (enrolment_id, code) = started(&phone, address).await;
    let body = pb::EnrolmentConfirmRequest { enrolment_id };
    let draft = confirmation(&code).add_to(phone.draft(method::ENROLMENT_CONFIRM, &body));
    (phone, draft.as_candidate().request_id([9; 16]))
}

#[tokio::test]
async fn the_secrets_of_confirm_and_activate_can_be_fetched_again_for_ten_minutes() {
    let world = World::start().await;
    let (mut phone, confirm) = confirm_draft(&world, "alice@example.jp").await;
    let confirmed: pb::EnrolmentConfirmReply = phone.send(confirm.clone()).await.unwrap();
    set_up(&mut phone, &confirmed);
    let again: pb::EnrolmentConfirmReply = phone.send(confirm.clone()).await.unwrap();
    assert_eq!(again, confirmed);

    world.pass(60);
    let activate = |code: &str| {
        let draft = phone.draft(method::ENROLMENT_ACTIVATE, &pb::EnrolmentActivateRequest {});
        draft.request_id([8; 16]).code(code)
    };
    let activated: pb::EnrolmentActivateReply = phone.send(activate(&phone.code().unwrap())).await.unwrap();
    assert!(secret(activated.recovery_code.as_ref()).is_some());

    // One microsecond before Confirm's ten minutes are over, and at that moment.
    world.clock.advance_us(539_999_999);
    let again: pb::EnrolmentConfirmReply =
        phone.send(confirm.clone().issued_at_us(phone.now_us())).await.unwrap();
    assert_eq!(again, confirmed);
    world.clock.advance_us(1);
    let gone: pb::EnrolmentConfirmReply = phone.send(confirm.issued_at_us(phone.now_us())).await.unwrap();
    assert_eq!(secret(gone.totp_uri.as_ref()), None);
    assert_eq!(pb::EnrolmentConfirmReply { totp_uri: confirmed.totp_uri.clone(), ..gone }, confirmed);

    let again: pb::EnrolmentActivateReply = phone.send(activate(&wrong_code(&phone))).await.unwrap();
    assert_eq!(again, activated);
    world.pass(60);
    let gone: pb::EnrolmentActivateReply = phone.send(activate(&wrong_code(&phone))).await.unwrap();
    assert_eq!(secret(gone.recovery_code.as_ref()), None);
    world.server.stop().await;
}

#[tokio::test]
async fn an_enrolled_key_is_given_its_lost_answer_to_confirm_and_nothing_else() {
    let world = World::start().await;
    let (mut phone, confirm) = confirm_draft(&world, "alice@example.jp").await;
    let confirmed: pb::EnrolmentConfirmReply = phone.send(confirm.clone()).await.unwrap();
    set_up(&mut phone, &confirmed);
    phone.activate(&phone.code().unwrap()).await.unwrap();
    world.pass(5);
    let again: pb::EnrolmentConfirmReply =
        phone.send(confirm.clone().issued_at_us(phone.now_us())).await.unwrap();
    assert_eq!(again, confirmed);
    let other = confirm.issued_at_us(phone.now_us()).request_id([10; 16]);
    let denied = refused(phone.send::<pb::EnrolmentConfirmReply>(other).await);
    assert_eq!(denied.code(), Code::PermissionDenied);
    let denied = refused(phone.start_enrolment(email("other@example.jp")).await);
    assert_eq!(denied.code(), Code::PermissionDenied);
    world.server.stop().await;
}

#[tokio::test]
async fn a_repeated_start_has_one_message_and_one_reply_however_often_it_comes() {
    let world = World::start().await;
    let phone = world.phone().await;
    let private = pb::EnrolmentStartPrivate { contact: Some(email("alice@example.jp")) };
    let draft = phone.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {});
    let draft = draft.private(&private).as_candidate();
    let first: pb::EnrolmentStartReply = phone.send(draft.clone()).await.unwrap();
    texts(&phone, "alice@example.jp", 1).await;
    // Of three messages a day one was sent: a lost answer costs none.
    for time in 0..5 {
        let again: Result<pb::EnrolmentStartReply, Refused> = phone.send(draft.clone()).await;
        assert_eq!(again.unwrap(), first, "repetition {time}");
    }
    texts(&phone, "alice@example.jp", 1).await;
    phone.start_enrolment(email("alice@example.jp")).await.unwrap();
    texts(&phone, "alice@example.jp", 2).await;
    world.server.stop().await;
}
