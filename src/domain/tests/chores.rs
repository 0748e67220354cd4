//! Keeping house touches nothing that money or a privilege depends on.

use super::fixture::{Ledger, NOW, Said, account_id, contact_index, device_id, key_id, writes};
use crate::domain::command::{Chore, Order};
use crate::domain::id::{EnrolmentId, FIRST_TENANT, MessageId, RequestId};
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Enrolment, EnrolmentState, Message, MessageState, OpenRequest, RowKey, SecretReply,
};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::domain::write::Write;

const REQUEST: RequestId = RequestId([1; 16]);
const ENROLMENT: EnrolmentId = EnrolmentId([2; 16]);
const MESSAGE: MessageId = MessageId([3; 16]);

fn rows_that_end(ledger: &mut Ledger, expires_at: Timestamp) -> [RowKey; 3] {
    let key_id = key_id("alice");
    ledger.put(SecretReply { request_id: REQUEST, key_id, sealed: vec![1], expires_at });
    ledger.put(OpenRequest {
        request_id: REQUEST,
        key_id,
        digest: [1; 32],
        payload_hash: [2; 32],
        answer: vec![1],
        expires_at,
    });
    ledger.put(Enrolment {
        enrolment_id: ENROLMENT,
        tenant_id: FIRST_TENANT,
        key_id,
        contact_index: contact_index("alice"),
        sealed_contact: vec![1],
        code_tag: vec![1; 32],
        state: EnrolmentState::Open,
        attempts: 0,
        expires_at,
    });
    [RowKey::SecretReply(REQUEST, key_id), RowKey::OpenRequest(REQUEST, key_id), RowKey::Enrolment(ENROLMENT)]
}

#[test]
fn only_rows_that_end_by_themselves_are_expired_and_only_when_they_are_over() {
    for (expires_at, expected) in [(NOW.plus_us(1), 0), (NOW, 3)] {
        let mut ledger = Ledger::parse("alice 0 jpy");
        let mut keys = rows_that_end(&mut ledger, expires_at).to_vec();
        keys.extend([
            RowKey::Account(account_id("alice")),
            RowKey::Device(device_id("alice")),
            RowKey::SigningKey(key_id("alice")),
            RowKey::Document(account_id("alice")),
            RowKey::DataKey(account_id("alice")),
            RowKey::Contact(contact_index("alice")),
        ]);
        let chore = ledger.command(Order::Chore(Chore::Expire(keys)));
        let decision = ledger.decide(&chore);
        assert_eq!(Said::of(&decision), Said::Kept);
        assert_eq!(writes(&decision).len(), expected, "over at {expires_at:?}");
        for write in writes(&decision) {
            assert!(matches!(
                write,
                Write::Delete(RowKey::SecretReply(..) | RowKey::OpenRequest(..) | RowKey::Enrolment(_))
            ));
        }
    }
}

#[test]
fn a_row_that_is_gone_already_is_not_expired_again() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    let keys = rows_that_end(&mut ledger, NOW).to_vec();
    let chore = ledger.command(Order::Chore(Chore::Expire(keys)));
    ledger.act(&chore);
    assert!(writes(&ledger.decide(&chore)).is_empty());
}

#[test]
fn a_messages_state_changes_only_while_it_is_due_and_every_attempt_is_counted() {
    let due = Message {
        message_id: MESSAGE,
        tenant_id: FIRST_TENANT,
        sealed: vec![1],
        state: MessageState::Due,
        attempts: 2,
        due_at: NOW,
        expires_at: NOW.plus_us(SECOND_US),
        case_id: None,
        channel: None,
    };
    let later = NOW.plus_us(SECOND_US);
    let failed = Message { state: MessageState::Failed, attempts: 3, sealed: Vec::new(), ..due.clone() };
    let delayed = Message { attempts: 3, due_at: later, ..due.clone() };
    for (chore, write) in [
        // What was sent holds an address and a code: nothing of it is kept.
        (Chore::MessageDelivered(MESSAGE), Write::Delete(RowKey::Message(MESSAGE))),
        (Chore::MessageDelayed(MESSAGE, later), Write::Update(delayed.into_row())),
        (Chore::MessageFailed(MESSAGE), Write::Update(failed.into_row())),
    ] {
        for (before, changes) in [(MessageState::Due, true), (MessageState::Failed, false)] {
            let mut ledger = Ledger::parse("alice 0 jpy");
            ledger.put(Message { state: before, ..due.clone() });
            let attempt = ledger.command(Order::Chore(chore.clone()));
            let decision = ledger.decide(&attempt);
            let expected = changes.then(|| write.clone());
            assert_eq!(writes(&decision), expected.as_slice(), "{chore:?} of {before:?}");
        }
        let mut ledger = Ledger::parse("alice 0 jpy");
        let attempt = ledger.command(Order::Chore(chore));
        assert!(writes(&ledger.decide(&attempt)).is_empty());
    }
}
