//! A row of every table, and what every schema refuses.

mod reconciliation;
mod webhooks;

use crate::domain::id::{
    AdditionId, CaseId, CodeTag, CommandId, ContactIndex, EnrolmentId, FIRST_TENANT, KeyId, LotId, MessageId,
    OperatorId, PaymentCodeId, PaymentId, PendingContactId, ProposalId, RequestId, TargetId, TerminalId,
    TopUpId, WorkerId,
};
use crate::domain::live_codes::{LiveCode, LiveCodes};
use crate::domain::lots::{Leg, Legs, Lot, Lots};
use crate::domain::money::Asset;
use crate::domain::record::Record as _;
use crate::domain::recovery::CaseState;
use crate::domain::recovery::addition::{Additions, Asking};
use crate::domain::recovery::factor::{Channel, Channels};
use crate::domain::recovery::locator::Locators;
use crate::domain::rows::{
    Account, Activation, Addition, ClosingReason, CodePurpose, Enrolment, EnrolmentState, Event, EventKind,
    HaltReason, Journal, KeyForm, KeyState, Lane, Lease, Message, MessageState, OpenRequest, Operator,
    Payment, PaymentCode, PendingContact, Proposal, ProposalState, RecoveryCase, RecoveryTarget, Row,
    SecretReply, Terminal, TerminalState, TopUp, TopUpState,
};
use crate::domain::tests::fixture::{
    Ledger, NOW, account_id, contact_index, device_id, funding_id, key_id, merchant_id, store_id,
};
use crate::domain::time::Timestamp;

pub(crate) fn payment() -> Payment {
    Payment {
        payment_id: PaymentId([1; 16]),
        tenant_id: FIRST_TENANT,
        account_id: account_id("alice"),
        device_id: device_id("alice"),
        merchant_id: merchant_id("bakery"),
        store_id: store_id("bakery"),
        terminal_id: Some(TerminalId([2; 16])),
        order_id: Some("order 1".into()),
        external_reference: Some("reference".into()),
        receipt_line: Some("a line".into()),
        payee_name: "bakery".into(),
        asset: Asset::PrepaidJpy,
        authorised_minor: 100,
        captured_minor: 60,
        refunded_minor: 20,
        released_minor: 40,
        closing_reason: Some(ClosingReason::Voided),
        legs: Legs(vec![Leg { lot_id: crate::domain::id::LotId([3; 16]), amount_minor: 60 }]),
        fee_rule_version: 5,
        tax_lines: vec![6],
        created_at: NOW,
        authorised_at: Some(NOW),
        awaiting_until: Some(NOW),
        hold_until: Some(NOW),
        due_at: None,
        business_day: Some(1),
        captured_at: Some(NOW),
    }
}

pub(crate) fn top_up() -> TopUp {
    TopUp {
        top_up_id: TopUpId([1; 16]),
        tenant_id: FIRST_TENANT,
        account_id: account_id("alice"),
        funding_id: funding_id("alice"),
        asset: Asset::PrepaidJpy,
        amount_minor: 700,
        state: TopUpState::Succeeded,
        requested_at: NOW,
        settled_at: Some(NOW.plus_us(1)),
        provider_reference: Some("provider".into()),
        turn: 2,
        attempts: 3,
        due_at: Some(NOW.plus_us(2)),
        claimed_until: NOW.plus_us(3),
        claimed_by: Some(WorkerId([4; 16])),
        sealed_action: None,
        card_tag: None,
        wants_challenge: true,
    }
}

pub(crate) fn journal() -> Journal {
    Journal {
        lane: 0,
        sequence: 1,
        tenant_id: FIRST_TENANT,
        command_id: CommandId([1; 16]),
        kind: 15,
        at: NOW,
        entry_account_id: Some(account_id("alice")),
        request_id: RequestId([2; 16]),
        key_id: key_id("alice"),
        digest: [3; 32],
        outcome: vec![4],
        postings: vec![5],
        versions: vec![6],
        method: "/saifu.v1.PaymentService/Pay".into(),
        payload: vec![7],
        signature: vec![8],
        candidate_key: Some(vec![4; 66]),
        accepted_step: Some(10),
        hash: [9; 32],
    }
}

fn operator(number: u8) -> Operator {
    Operator {
        operator_id: OperatorId([number; 16]),
        tenant_id: FIRST_TENANT,
        key_id: KeyId([number; 32]),
        state: KeyState::Active,
        added_at: NOW,
    }
}

/// The same for the tables of shops and operators.
fn shop_rows() -> Vec<Row> {
    let (key_id, expires_at) = (key_id("alice"), NOW.plus_us(9));
    vec![
        PaymentCode {
            code_tag: CodeTag([1; 32]),
            tenant_id: FIRST_TENANT,
            code_id: PaymentCodeId([2; 16]),
            account_id: account_id("alice"),
            device_id: device_id("alice"),
            expires_at,
        }
        .into_row(),
        Terminal {
            terminal_id: TerminalId([1; 16]),
            tenant_id: FIRST_TENANT,
            merchant_id: merchant_id("bakery"),
            store_id: store_id("bakery"),
            label: "till 1".into(),
            key_id: Some(key_id),
            state: TerminalState::Active,
            misses_until: Timestamp(3),
            refund_day: 0,
            refunded_today_minor: 0,
            registered_at: NOW,
            activated_at: Some(NOW),
            business_day: 1,
            cash_day: 0,
            cash_today_minor: 0,
            day_began_at: None,
            alarmed_at: None,
            alarms: 0,
            barred_at: Some(NOW),
        }
        .into_row(),
        Activation {
            activation_tag: CodeTag([2; 32]),
            tenant_id: FIRST_TENANT,
            terminal_id: TerminalId([1; 16]),
            expires_at,
        }
        .into_row(),
        operator(1).into_row(),
        operator(2).into_row(),
        Proposal {
            proposal_id: ProposalId([1; 16]),
            tenant_id: FIRST_TENANT,
            proposer_id: OperatorId([1; 16]),
            payload: vec![1],
            payload_sha256: [2; 32],
            state: ProposalState::Approved,
            approver_id: Some(OperatorId([2; 16])),
            created_at: NOW,
            expires_at,
            decided_at: Some(NOW),
            key_id: KeyId([3; 32]),
        }
        .into_row(),
    ]
}

/// Rows that are not in the seeded database, one a table, with every optional column filled.
pub(crate) fn further_rows() -> Vec<Row> {
    let mut rows = shop_rows();
    rows.extend(side_rows());
    rows.extend(super::day_rows::day_rows());
    rows.extend(super::day_rows::settlement_rows());
    rows.extend(webhooks::rows());
    rows.extend(reconciliation::rows());
    rows
}

fn side_rows() -> Vec<Row> {
    let (request_id, key_id, expires_at) = (RequestId([1; 16]), key_id("alice"), NOW.plus_us(9));
    vec![
        payment().into_row(),
        top_up().into_row(),
        journal().into_row(),
        Enrolment {
            enrolment_id: EnrolmentId([1; 16]),
            tenant_id: FIRST_TENANT,
            key_id,
            contact_index: contact_index("alice"),
            sealed_contact: vec![2],
            code_tag: vec![3; 32],
            state: EnrolmentState::Confirmed,
            attempts: 4,
            expires_at,
        }
        .into_row(),
        SecretReply { request_id, key_id, sealed: vec![5], expires_at }.into_row(),
        OpenRequest {
            request_id,
            key_id,
            digest: [1; 32],
            payload_hash: [2; 32],
            answer: vec![3],
            expires_at,
        }
        .into_row(),
        Event {
            account_id: account_id("alice"),
            event_id: crate::domain::id::EventId([1; 16]),
            at: NOW,
            kind: EventKind::ChargeDeclined,
            device_id: Some(device_id("alice")),
            reason: Some(8),
            subject_id: Some(vec![7; 16]),
        }
        .into_row(),
        Message {
            message_id: MessageId([1; 16]),
            tenant_id: FIRST_TENANT,
            sealed: vec![1],
            state: MessageState::Failed,
            attempts: 8,
            due_at: NOW,
            expires_at: NOW,
            case_id: Some(CaseId([1; 16])),
            channel: Some(Channel::Push),
        }
        .into_row(),
        recovery_target().into_row(),
        recovery_case().into_row(),
        addition().into_row(),
        pending_contact().into_row(),
        Lease { name: "outbox".into(), worker_id: WorkerId([1; 16]), held_until: NOW }.into_row(),
        Lane { lane: 7, sequence: 3, hash: [1; 32], at: NOW, signature: Some([2; 64]) }.into_row(),
    ]
}

pub(crate) fn recovery_target() -> RecoveryTarget {
    let mut additions = Additions::default();
    let asking = Asking { addition_id: AdditionId([1; 16]), number: 42, expires_at: NOW.plus_us(1) };
    let _shown = additions.ask(asking, NOW);
    let mut locators = Locators::default();
    locators.spend_attempt(ContactIndex([7; 32]));
    assert!(locators.ask_to_join(ContactIndex([8; 32]), 1, NOW.plus_us(4), NOW));
    RecoveryTarget {
        target_id: TargetId::of_account(account_id("alice")),
        tenant_id: FIRST_TENANT,
        account_id: Some(account_id("alice")),
        day: 1,
        attempts_today: 2,
        messages_today: 3,
        reserve_attempts_today: 4,
        reserve_messages_today: 5,
        claim: Some(CaseId([1; 16])),
        contested_at: Some(NOW),
        last_cancelled_at: Some(NOW.plus_us(1)),
        issued_freeze_at: Some(NOW.plus_us(2)),
        additions,
        expires_at: NOW.plus_us(3),
        locators,
        totp_guesses: 6,
        totp_guesses_proved: 7,
    }
}

pub(crate) fn recovery_case() -> RecoveryCase {
    let at = |number| Some(NOW.plus_us(number));
    RecoveryCase {
        case_id: CaseId([1; 16]),
        tenant_id: FIRST_TENANT,
        key_id: KeyId([2; 32]),
        target_id: TargetId::of_account(account_id("alice")),
        account_id: Some(account_id("alice")),
        state: CaseState::Cooling,
        with_proofing: true,
        started_at: NOW,
        epoch: 1,
        factors_version: 2,
        attempts: 3,
        totp_at: at(1),
        saved_code_at: at(2),
        passphrase_at: at(3),
        email_code_at: at(4),
        phone_code_at: at(5),
        proofed_at: at(6),
        proved_last_at: at(7),
        proved_again_at: at(8),
        issued_tag: Some([3; 32]),
        issued_channel: Some(Channel::Sms),
        issued_until: NOW.plus_us(9),
        wanted: Channels::of([Channel::Email, Channel::Push]),
        accepted: Channels::of([Channel::Email]),
        refused: Channels::of([Channel::Push]),
        proven_at: at(10),
        cooling_at: at(11),
        ready_at: at(12),
        reminders: 1,
        cancel_tag: CodeTag([4; 32]),
        sealed: vec![5],
        devices_lost: true,
        cancel_asked_at: at(13),
        cancel_asked_by: Some(KeyId([6; 32])),
        due_at: at(14),
        ended_at: None,
        expires_at: NOW.plus_us(15),
        contact_index: ContactIndex([9; 32]),
    }
}

fn addition() -> Addition {
    Addition {
        addition_id: AdditionId([1; 16]),
        tenant_id: FIRST_TENANT,
        target_id: TargetId::of_account(account_id("alice")),
        account_id: Some(account_id("alice")),
        key_id: KeyId([2; 32]),
        point: vec![4; 65],
        form: KeyForm::Fixed,
        sealed: vec![1],
        number: 9_999,
        attempts: 1,
        asked_at: NOW,
        expires_at: NOW.plus_us(1),
    }
}

fn pending_contact() -> PendingContact {
    PendingContact {
        pending_contact_id: PendingContactId([1; 16]),
        tenant_id: FIRST_TENANT,
        account_id: account_id("alice"),
        contact_index: contact_index("new"),
        channel: Channel::Sms,
        sealed_contact: vec![1],
        code_tag: vec![2; 32],
        attempts: 1,
        expires_at: NOW,
    }
}

/// An insert of a table's first row with some columns changed, as SQL.
pub(crate) type Copy<'a> = &'a dyn Fn(&str, &[(&str, &str)]) -> String;

/// What is paid out was owed, of a day that was over, and was closed once; whoever owes has nothing to spend.
const FURTHER_BROKEN: [&str; 13] = [
    "UPDATE settlement SET payout_minor = 711",
    "UPDATE settlement SET state = 1",
    "UPDATE settlement SET state = 0, closed_at = NULL",
    "UPDATE settlement SET settled_at = lines_until - 1",
    "UPDATE settlement SET lines_until = lines_from",
    "UPDATE fee_rule SET basis_points = 3001",
    "UPDATE account SET debt_minor = -1",
    // Whoever owes has nothing to spend.
    "UPDATE account SET debt_minor = 1, credits_posted_minor = credits_posted_minor + 1",
    "UPDATE account SET halted_at = 1",
    "UPDATE top_up SET wants_challenge = 2",
    "DELETE FROM card WHERE card_tag IN (SELECT card_tag FROM funding)",
    "UPDATE account SET halted_at = 1, halt_reason = 3",
    "UPDATE movement SET net_after_minor = -1",
];

/// Changes that `decide` promises not to make, as SQL over the example rows; `blob` writes bytes, given
/// in hexadecimal.
pub(crate) fn broken(copy: Copy<'_>, blob: &dyn Fn(&str) -> String) -> Vec<String> {
    let (short, other, other_key) =
        (blob("01"), blob("00000000000000000000000000000001"), blob(&format!("{:064}", 1)));
    let (short, other, other_key) = (short.as_str(), other.as_str(), other_key.as_str());
    vec![
        // No balance below zero, held money counted.
        "UPDATE account SET debits_posted_minor = credits_posted_minor + 1".to_owned(),
        "UPDATE account SET debits_pending_minor = credits_posted_minor + 1".to_owned(),
        "UPDATE account SET debits_posted_minor = -1".to_owned(),
        "UPDATE account SET incoming_minor = -1".to_owned(),
        "UPDATE ledger_account SET debits_posted_minor = 1 WHERE kind = 5".to_owned(),
        "UPDATE ledger_account SET kind = 1".to_owned(),
        // One effect a request id and key, one row a place.
        copy("journal", &[("sequence", "2"), ("command_id", other)]),
        copy("journal", &[("request_id", other)]),
        copy("journal", &[("sequence", "0"), ("request_id", other)]),
        // Captured within authorised, refunded within captured.
        "UPDATE payment SET captured_minor = 101, released_minor = 0".to_owned(),
        "UPDATE payment SET captured_minor = 61".to_owned(),
        "UPDATE payment SET refunded_minor = 61".to_owned(),
        "UPDATE payment SET authorised_minor = 0, captured_minor = 0, released_minor = 0, refunded_minor = 0"
            .to_owned(),
        // A row is about something that is there.
        copy("payment", &[("payment_id", other), ("order_id", "NULL"), ("store_id", other)]),
        copy("payment", &[("payment_id", other), ("order_id", "NULL"), ("account_id", other)]),
        copy("device", &[("device_id", other), ("account_id", other), ("key_id", other_key)]),
        copy("top_up", &[("top_up_id", other), ("provider_reference", "NULL"), ("funding_id", other)]),
        "DELETE FROM account WHERE account_id IN (SELECT account_id FROM payment)".to_owned(),
        "UPDATE account SET asset = 2".to_owned(),
        // One of each.
        copy("device", &[("device_id", other)]),
        copy("account", &[("account_id", other)]),
        copy("contact", &[]),
        copy("top_up", &[("top_up_id", other)]),
        copy("payment", &[("payment_id", other)]),
        // Shapes.
        copy("device", &[("device_id", short), ("key_id", other_key)]),
        "UPDATE account SET epoch = 0".to_owned(),
        "UPDATE account SET version = 0".to_owned(),
        "UPDATE account SET state = 3".to_owned(),
        "UPDATE device SET state = 2".to_owned(),
        "UPDATE device SET revoked_at = 1".to_owned(),
        "UPDATE top_up SET state = 1".to_owned(),
        "UPDATE top_up SET amount_minor = 0".to_owned(),
        "UPDATE signing_key SET principal = 5".to_owned(),
        "UPDATE security_event SET kind = 0".to_owned(),
        // A shadow proves nothing, whoever cools was told, and an end has its time.
        "UPDATE recovery_case SET account_id = NULL, state = 1, ended_at = NULL".to_owned(),
        "UPDATE recovery_case SET state = 3, ended_at = NULL, cooling_at = 1, ready_at = 2, accepted = 0"
            .to_owned(),
        "UPDATE recovery_case SET state = 3, accepted = 1, ended_at = NULL, \
         cooling_at = NULL, ready_at = NULL"
            .to_owned(),
        "UPDATE recovery_case SET state = 6, ended_at = NULL".to_owned(),
        "UPDATE recovery_case SET state = 9".to_owned(),
        "UPDATE recovery_target SET account_id = NULL, contested_at = 1".to_owned(),
        "UPDATE device_addition SET number = 10000".to_owned(),
        "UPDATE factors SET version = 0".to_owned(),
    ]
    .into_iter()
    .chain(webhooks::broken())
    .chain(reconciliation::broken())
    .chain(FURTHER_BROKEN.map(str::to_owned))
    .collect()
}

/// Alice's account with another value in every column that may change.
pub(crate) fn changed_account(ledger: &Ledger) -> Account {
    let mut lots = Lots::default();
    lots.add(Lot { lot_id: LotId([1; 16]), remaining_minor: 1, expires_at: Some(NOW) });
    let mut live_codes = LiveCodes::default();
    live_codes.issue(
        LiveCode {
            code_id: PaymentCodeId([1; 16]),
            device_id: device_id("alice"),
            purpose: CodePurpose::Pay,
            cap_minor: 22,
            expires_at: NOW.plus_us(23),
        },
        NOW,
    );
    let mut account = Account {
        frozen_at: Some(NOW),
        assurance_level: 1,
        limits_row: 2,
        epoch: 3,
        version: 4,
        document_version: 5,
        activated_at: None,
        last_at: NOW.plus_us(6),
        active_devices: 7,
        totp_last_step: 8,
        code_failures: 9,
        code_failures_day: 10,
        code_failures_today: 11,
        code_blocked_until: NOW.plus_us(12),
        debits_posted_minor: 13,
        credits_posted_minor: 14,
        debits_pending_minor: 1,
        credits_pending_minor: 16,
        lots,
        incoming_minor: 17,
        last_top_up_at: Some(NOW),
        spent_total_minor: 18,
        payments_total: 19,
        live_codes,
        debt_minor: 24,
        code_failures_ever: 25,
        halted_at: Some(NOW),
        halt_reason: Some(HaltReason::Operator),
        ..ledger.account_of("alice").clone()
    };
    account.spending.add(NOW, 20);
    account.top_ups.add(NOW, 21);
    account
}
