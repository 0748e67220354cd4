//! Enrolment: the order of its checks, the edges of its code, and that nothing said to a candidate
//! depends on whether a contact has an account.

use super::fixture::{
    Attempt, Ledger, NOW, Said, account_id, contact_index, device_id, entry, key_id, ledger_account_id,
    signed, writes, written,
};
use crate::domain::command::{CandidateAction, CandidateCall, MessageDraft, Order};
use crate::domain::decide::Traceless;
use crate::domain::id::{EnrolmentId, FIRST_TENANT, MessageId};
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::proof::{Factor, Proof};
use crate::domain::recovery::factor::Channel;
use crate::domain::rows::{
    Account, AccountState, Contact, Enrolment, EnrolmentState, Event, EventKind, Finished, KeyForm, Message,
    OpenRequest, RowKey, SecretReply, SigningKey,
};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US};

type Row = (Said, fn(&mut Ledger));
type Break = (&'static str, fn(&mut Enrolment));

const ENROLMENT: EnrolmentId = EnrolmentId([3; 16]);
const WRONG: Said = Said::Open(OpenAnswer::CodeWrong);

/// By the new phone `nora`, whose owner names `contact`.
fn start(ledger: &mut Ledger, contact: &str) -> Attempt {
    let number = ledger.number();
    let draft = |id: u8| MessageDraft { message_id: MessageId([id; 16]), sealed: vec![id] };
    ledger.command(Order::Candidate(
        CandidateCall { signed: signed(key_id("nora"), number), point: [4; 65], form: KeyForm::Fixed },
        CandidateAction::StartEnrolment {
            enrolment_id: ENROLMENT,
            contact_index: contact_index(contact),
            sealed_contact: vec![1],
            code_tag: [8; 32],
            code_message: draft(1),
            taken_message: draft(2),
        },
    ))
}

fn confirm_with(ledger: &mut Ledger, contact: &str, proof: Proof) -> Attempt {
    let number = ledger.number();
    ledger.command(Order::Candidate(
        CandidateCall { signed: signed(key_id("nora"), number), point: [4; 65], form: KeyForm::Fixed },
        CandidateAction::ConfirmEnrolment {
            enrolment_id: ENROLMENT,
            contact_index: contact_index(contact),
            channel: Channel::Email,
            proof,
            account_id: account_id("nora"),
            device_id: device_id("nora"),
            ledger_account_id: ledger_account_id("nora"),
            document: vec![1],
            data_key: vec![2],
            kek_version: 1,
            secret: vec![3],
        },
    ))
}

fn confirm(ledger: &mut Ledger, contact: &str, right: bool) -> Attempt {
    confirm_with(ledger, contact, Proof::new(Factor::ContactCode, 0, right.then_some(0)))
}

fn started(text: &str, contact: &str) -> Ledger {
    let mut ledger = Ledger::parse(text);
    let attempt = start(&mut ledger, contact);
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger
}

fn enrolment(ledger: &mut Ledger, change: impl FnOnce(&mut Enrolment)) {
    ledger.change((ENROLMENT,), change);
}

fn enrolled_key(ledger: &mut Ledger) {
    let key = SigningKey { key_id: key_id("nora"), ..ledger.get::<SigningKey>((key_id("alice"),)).clone() };
    ledger.put(key);
}

#[test]
fn starting_looks_at_the_request_id_first_and_then_at_the_key() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    let mut attempt = start(&mut ledger, "nora");
    let request_id = attempt.signed().request_id;
    enrolled_key(&mut ledger);
    let outcome = Outcome::Activated.encode();
    ledger.put(Finished { request_id, key_id: key_id("nora"), digest: [1; 32], outcome });
    assert_eq!(ledger.ask(&attempt), Said::Nothing(Traceless::RequestIdReused));
    ledger.remove(RowKey::Finished(request_id, key_id("nora")));
    assert_eq!(ledger.ask(&attempt), Said::Nothing(Traceless::NotACandidate));
    // A key belongs to one principal for ever.
    ledger.change::<SigningKey>((key_id("nora"),), |key| key.state = crate::domain::rows::KeyState::Revoked);
    assert_eq!(ledger.ask(&attempt), Said::Nothing(Traceless::NotACandidate));
    ledger.remove(RowKey::SigningKey(key_id("nora")));
    assert_eq!(ledger.ask(&attempt), Said::Done);
}

#[test]
fn starting_is_answered_alike_for_free_and_taken_contacts_and_one_message_goes_out() {
    let mut outcomes = Vec::new();
    for (contact, sealed, events) in [("nora", vec![1], 0), ("alice", vec![2], 1)] {
        let mut ledger = Ledger::parse("alice 0 jpy");
        let attempt = start(&mut ledger, contact);
        let decision = ledger.act(&attempt);
        let messages = written::<Message>(&decision);
        assert_eq!(messages.len(), 1, "{contact}");
        assert_eq!(messages[0].sealed, sealed, "{contact}");
        let kinds: Vec<_> = written::<Event>(&decision).iter().map(|event| event.kind).collect();
        assert_eq!(kinds, vec![EventKind::EnrolmentAttempted; events], "{contact}");
        outcomes.push(entry(&decision).expect("it is journalled").outcome.clone());
        assert_eq!(entry(&decision).expect("it is journalled").versions.accounts, []);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[test]
fn a_contact_whose_account_was_not_activated_in_24_hours_is_free_again() {
    for (later_us, sealed) in [(23 * HOUR_US - 1, vec![2]), (23 * HOUR_US, vec![1])] {
        let mut ledger = Ledger::parse("alice 0 jpy pending");
        ledger.pass(later_us);
        let attempt = start(&mut ledger, "alice");
        let decision = ledger.decide(&attempt);
        assert_eq!(written::<Message>(&decision)[0].sealed, sealed, "{later_us} µs later");
    }
}

#[test]
fn confirming_answers_in_the_documented_order() {
    let mut ledger = started("alice 0 jpy", "alice");
    let mut attempt = confirm(&mut ledger, "alice", false);
    let request_id = attempt.signed().request_id;
    enrolled_key(&mut ledger);
    ledger.put(OpenRequest {
        request_id,
        key_id: key_id("nora"),
        digest: [1; 32],
        payload_hash: [2; 32],
        answer: OpenAnswer::CodeWrong.encode(),
        expires_at: NOW.plus_us(DAY_US),
    });
    enrolment(&mut ledger, |row| {
        row.key_id = key_id("alice");
        row.contact_index = contact_index("bob");
        row.state = EnrolmentState::Confirmed;
        row.expires_at = NOW;
    });
    let over = Said::No(Refusal::EnrolmentOver);
    let table: [Row; 6] = [
        (Said::Nothing(Traceless::NotACandidate), |ledger| ledger.remove(RowKey::SigningKey(key_id("nora")))),
        (over.clone(), |ledger| enrolment(ledger, |row| row.key_id = key_id("nora"))),
        (over.clone(), |ledger| enrolment(ledger, |row| row.contact_index = contact_index("alice"))),
        (over.clone(), |ledger| enrolment(ledger, |row| row.state = EnrolmentState::Over)),
        (over.clone(), |ledger| enrolment(ledger, |row| row.state = EnrolmentState::Open)),
        (over, |ledger| enrolment(ledger, |row| row.expires_at = NOW.plus_us(1))),
    ];
    assert_eq!(ledger.ask(&attempt), Said::Nothing(Traceless::RequestIdReused));
    ledger.remove(RowKey::OpenRequest(request_id, key_id("nora")));
    for (place, (expected, mend)) in table.into_iter().enumerate() {
        assert_eq!(ledger.ask(&attempt), expected, "row {place}");
        mend(&mut ledger);
    }
    assert_eq!(ledger.ask(&attempt), WRONG, "wrong code, taken contact");
    let mut attempt = confirm(&mut ledger, "alice", true);
    assert_eq!(ledger.ask(&attempt), WRONG, "right code, taken contact");
    ledger.remove(RowKey::Contact(contact_index("alice")));
    assert_eq!(ledger.ask(&attempt), Said::Done);
    attempt.signed().key_id = key_id("alice");
    assert_eq!(ledger.ask(&attempt), Said::Nothing(Traceless::NotACandidate));
}

#[test]
fn an_enrolment_is_over_for_another_key_another_contact_and_when_it_is_not_open() {
    let breaks: [Break; 4] = [
        ("another key", |row| row.key_id = key_id("alice")),
        ("another contact", |row| row.contact_index = contact_index("alice")),
        ("confirmed", |row| row.state = EnrolmentState::Confirmed),
        ("tried too often", |row| row.state = EnrolmentState::Over),
    ];
    for (what, break_it) in breaks {
        let mut ledger = started("alice 0 jpy", "nora");
        let attempt = confirm(&mut ledger, "nora", true);
        assert_eq!(ledger.ask(&attempt), Said::Done, "{what}");
        enrolment(&mut ledger, break_it);
        assert_eq!(ledger.ask(&attempt), Said::No(Refusal::EnrolmentOver), "{what}");
    }
    let mut ledger = Ledger::parse("alice 0 jpy");
    let attempt = confirm(&mut ledger, "nora", true);
    assert_eq!(ledger.ask(&attempt), Said::No(Refusal::EnrolmentOver), "never started");
}

#[test]
fn a_code_is_good_for_fifteen_minutes_and_not_at_their_end() {
    for (later_us, expected) in
        [(15 * MINUTE_US - 1, Said::Done), (15 * MINUTE_US, Said::No(Refusal::EnrolmentOver))]
    {
        let mut ledger = started("alice 0 jpy", "nora");
        ledger.pass(later_us);
        let attempt = confirm(&mut ledger, "nora", true);
        assert_eq!(ledger.ask(&attempt), expected, "{later_us} µs later");
    }
}

#[test]
fn the_fifth_wrong_code_ends_an_enrolment_whatever_comes_then() {
    let mut ledger = started("alice 0 jpy", "nora");
    for attempts in 1..=5 {
        let attempt = confirm(&mut ledger, "nora", false);
        assert_eq!(ledger.say(&attempt), WRONG, "attempt {attempts}");
        assert_eq!(ledger.get::<Enrolment>((ENROLMENT,)).attempts, attempts);
    }
    let right = confirm(&mut ledger, "nora", true);
    assert_eq!(ledger.say(&right), Said::No(Refusal::EnrolmentOver));
}

#[test]
fn a_right_code_for_a_taken_contact_is_counted_like_a_wrong_one() {
    let mut answers = Vec::new();
    for right in [true, false] {
        let mut ledger = started("alice 0 jpy", "alice");
        let attempt = confirm(&mut ledger, "alice", right);
        let decision = ledger.decide(&attempt);
        answers.push(decision);
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_code_of_an_authenticator_confirms_no_contact() {
    let mut ledger = started("alice 0 jpy", "nora");
    let attempt = confirm_with(&mut ledger, "nora", Proof::new(Factor::Totp, 0, Some(0)));
    assert_eq!(ledger.ask(&attempt), WRONG);
}

#[test]
fn confirming_makes_one_pending_account_whose_secret_goes_once_under_this_request() {
    let mut ledger = started("alice 0 jpy", "nora");
    let mut attempt = confirm(&mut ledger, "nora", true);
    let decision = ledger.act(&attempt);
    let account = written::<Account>(&decision)[0];
    assert_eq!((account.state, account.epoch, account.version), (AccountState::Pending, 1, 1));
    assert_eq!(account.available_minor(), 0);
    let secret = written::<SecretReply>(&decision)[0];
    assert_eq!((secret.request_id, secret.key_id), (attempt.signed().request_id, key_id("nora")));
    assert_eq!(secret.expires_at, NOW.plus_us(10 * MINUTE_US));
    let entry = entry(&decision).expect("it is journalled");
    assert_eq!(entry.versions.accounts, [(account_id("nora"), 1)]);
    assert_eq!(entry.versions.keys, [(key_id("nora"), 1)]);
    // The same enrolment again, by a key that is no candidate any more.
    let second = confirm(&mut ledger, "nora", true);
    assert_eq!(ledger.ask(&second), Said::Nothing(Traceless::NotACandidate));
    assert_eq!(ledger.ask(&attempt), Said::Again(entry.outcome.clone()));
}

#[test]
fn of_two_enrolments_for_one_contact_the_first_confirmation_wins() {
    let mut ledger = started("alice 0 jpy", "nora");
    let other = Enrolment {
        enrolment_id: EnrolmentId([4; 16]),
        tenant_id: FIRST_TENANT,
        key_id: key_id("olga"),
        ..ledger.get::<Enrolment>((ENROLMENT,)).clone()
    };
    ledger.put(other);
    let first = confirm(&mut ledger, "nora", true);
    assert_eq!(ledger.say(&first), Said::Done);
    let mut second = confirm(&mut ledger, "nora", true);
    second.signed().key_id = key_id("olga");
    if let Order::Candidate(_, CandidateAction::ConfirmEnrolment { enrolment_id, .. }) =
        &mut second.command.order
    {
        *enrolment_id = EnrolmentId([4; 16]);
    }
    let decision = ledger.decide(&second);
    assert_eq!(Said::of(&decision), WRONG);
    assert!(written::<Account>(&decision).is_empty());
    assert_eq!(ledger.get::<Contact>((contact_index("nora"),)).account_id, account_id("nora"));
}

#[test]
fn a_wrong_code_leaves_the_request_id_open_and_the_same_envelope_is_not_counted_twice() {
    let mut ledger = started("alice 0 jpy", "nora");
    let attempt = confirm(&mut ledger, "nora", false);
    assert_eq!(ledger.say(&attempt), WRONG);
    let again = ledger.act(&attempt);
    assert_eq!(Said::of(&again), Said::OpenAgain(OpenAnswer::CodeWrong));
    assert!(writes(&again).is_empty());
    assert_eq!(ledger.get::<Enrolment>((ENROLMENT,)).attempts, 1);
    assert_eq!(ledger.say(&attempt.clone().resigned(1)), WRONG);
    assert_eq!(ledger.get::<Enrolment>((ENROLMENT,)).attempts, 2);
    assert_eq!(ledger.say(&attempt.other_body(1)), Said::Nothing(Traceless::RequestIdReused));
}
