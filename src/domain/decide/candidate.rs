//! A key that is not enrolled: it may start an enrolment and confirm it.
//!
//! Nothing it is told depends on whether a contact has an account: the same reply for both, one
//! message of the same size to the contact, and a code that is wrong for a taken contact whatever
//! it is.

use super::{Decision, Traceless, factor, forget_open, message, recovery, remember_open, terminal};
use crate::domain::command::{CandidateAction, CandidateCall};
use crate::domain::id::{AccountId, CommandId, ContactIndex, DeviceId, EventId, FIRST_TENANT};
use crate::domain::journal::{Entry, Versions, side_id};
use crate::domain::ledger::Postings;
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::proof::Factor;
use crate::domain::record::Record as _;
use crate::domain::recovery::factor::{ContactFact, Contacts};
use crate::domain::rows::{
    Account, AccountState, Contact, DataKey, Device, Document, Enrolment, EnrolmentState, Event, EventKind,
    Factors, SecretReply, SigningKey,
};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Decides a candidate's call whose request id is new.
pub(super) fn decide(
    command_id: CommandId,
    call: &CandidateCall,
    action: &CandidateAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    // A key belongs to one principal for ever, revoked or not.
    if view.get::<SigningKey>((call.signed.key_id,)).is_some() {
        return Decision::Nothing(Traceless::NotACandidate);
    }
    match action {
        CandidateAction::StartEnrolment { .. } => start(command_id, call, action, view, policy),
        CandidateAction::ConfirmEnrolment { .. } => confirm(command_id, call, action, view, policy),
        CandidateAction::ActivateTerminal { activation_tag } => {
            let (writes, outcome, versions) = terminal::activate(call, *activation_tag, view);
            finish(call, view, writes, entry(action, outcome, versions))
        }
        CandidateAction::StartRecovery { case_id, contact_index, with_proofing, cancel_tag, sealed } => {
            let start = recovery::Start {
                case_id: *case_id,
                contact_index: *contact_index,
                with_proofing: *with_proofing,
                cancel_tag: *cancel_tag,
                sealed,
            };
            recovery::start(command_id, call, &start, view, policy).decision(
                action.kind(),
                &call.signed,
                view,
            )
        }
        CandidateAction::Recovery { case, action: wanted, notices } => {
            recovery::by_candidate(command_id, call, (case, wanted, notices), action.kind(), view, policy)
        }
        CandidateAction::RequestAddition { addition_id, contact_index, number, sealed } => {
            let asking = factor::Asking { addition_id: *addition_id, number: *number, sealed };
            let ruling = factor::request_addition(command_id, call, *contact_index, &asking, view, policy);
            ruling.decision(action.kind(), &call.signed, view)
        }
    }
}

/// The account that a contact belongs to, unless that account was never activated in time.
pub(super) fn owner<'a>(view: &'a View, contact_index: ContactIndex, policy: &Policy) -> Option<&'a Account> {
    let contact = view.get::<Contact>((contact_index,))?;
    view.get::<Account>((contact.account_id,)).filter(|account| match account.state {
        AccountState::Active => true,
        AccountState::Pending => view.now() < account.created_at.plus_us(policy.enrolment.activate_us),
        AccountState::Closed => false,
    })
}

fn finish(call: &CandidateCall, view: &View, mut writes: Vec<Write>, entry: Entry) -> Decision {
    writes.extend(forget_open(&call.signed, view));
    let entry = Box::new(entry);
    if entry.outcome.is_refused() {
        Decision::Refuse { writes, entry }
    } else {
        Decision::Commit { writes, entry }
    }
}

fn entry(action: &CandidateAction, outcome: Outcome, versions: Versions) -> Entry {
    Entry {
        kind: action.kind(),
        entry_account_id: None,
        outcome,
        postings: Postings::default(),
        versions,
        accepted_step: None,
    }
}

fn start(
    command_id: CommandId,
    call: &CandidateCall,
    action: &CandidateAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    let CandidateAction::StartEnrolment {
        enrolment_id,
        contact_index,
        sealed_contact,
        code_tag,
        code_message,
        taken_message,
    } = action
    else {
        return Decision::Nothing(Traceless::NothingToDo);
    };
    let now = view.now();
    let expires_at = now.plus_us(policy.enrolment.code_us);
    let enrolment = Enrolment {
        enrolment_id: *enrolment_id,
        tenant_id: FIRST_TENANT,
        key_id: call.signed.key_id,
        contact_index: *contact_index,
        sealed_contact: sealed_contact.clone(),
        code_tag: code_tag.to_vec(),
        state: EnrolmentState::Open,
        attempts: 0,
        expires_at,
    };
    let mut writes = vec![Write::Insert(enrolment.into_row())];
    if let Some(owner) = owner(view, *contact_index, policy) {
        writes.push(message::plain(taken_message, now, expires_at));
        let event = Event {
            account_id: owner.account_id,
            event_id: EventId(side_id(command_id, 1)),
            at: now,
            kind: EventKind::EnrolmentAttempted,
            device_id: None,
            reason: None,
            subject_id: None,
        };
        writes.push(Write::Insert(event.into_row()));
    } else {
        writes.push(message::plain(code_message, now, expires_at));
    }
    let outcome = Outcome::EnrolmentStarted { enrolment_id: *enrolment_id, expires_at };
    finish(call, view, writes, entry(action, outcome, Versions::default()))
}

fn confirm(
    command_id: CommandId,
    call: &CandidateCall,
    action: &CandidateAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    let CandidateAction::ConfirmEnrolment { enrolment_id, contact_index, proof, .. } = action else {
        return Decision::Nothing(Traceless::NothingToDo);
    };
    let now = view.now();
    let open = view.get::<Enrolment>((*enrolment_id,)).filter(|enrolment| {
        enrolment.key_id == call.signed.key_id
            && enrolment.contact_index == *contact_index
            && enrolment.state == EnrolmentState::Open
            && now < enrolment.expires_at
    });
    let Some(open) = open else {
        let outcome = Outcome::refused(Refusal::EnrolmentOver);
        return finish(call, view, Vec::new(), entry(action, outcome, Versions::default()));
    };
    // The attempt is spent before the proof is read.
    let mut enrolment = Enrolment { attempts: open.attempts + 1, ..open.clone() };
    let matched = proof.factor() == Factor::ContactCode && proof.matched().is_some();
    if !matched || owner(view, *contact_index, policy).is_some() {
        if enrolment.attempts >= policy.enrolment.attempts {
            enrolment.state = EnrolmentState::Over;
        }
        let expires_at = now.plus_us(policy.open_request_us);
        let writes = vec![
            Write::Update(enrolment.into_row()),
            remember_open(&call.signed, OpenAnswer::CodeWrong, expires_at, view),
        ];
        return Decision::Reject { writes, answer: OpenAnswer::CodeWrong };
    }
    enrolment.state = EnrolmentState::Confirmed;
    let mut writes = vec![Write::Update(enrolment.into_row())];
    let Some((outcome, versions)) = open_account(command_id, call, action, view, policy, &mut writes) else {
        return Decision::Nothing(Traceless::NothingToDo);
    };
    finish(call, view, writes, entry(action, outcome, versions))
}

/// The rows of a new account.
fn open_account(
    command_id: CommandId,
    call: &CandidateCall,
    action: &CandidateAction,
    view: &View,
    policy: &Policy,
    writes: &mut Vec<Write>,
) -> Option<(Outcome, Versions)> {
    let CandidateAction::ConfirmEnrolment {
        contact_index,
        channel,
        account_id,
        device_id,
        ledger_account_id,
        document,
        data_key,
        kek_version,
        secret,
        ..
    } = action
    else {
        return None;
    };
    let (account_id, device_id, key_id, now) = (*account_id, *device_id, call.signed.key_id, view.now());
    let account = Account::enrolled(account_id, *ledger_account_id, now);
    let device = Device::joined(device_id, &account, key_id, now);
    let key = SigningKey::of_device(&device, &call.point, call.form);
    let contact = Contact { contact_index: *contact_index, account_id }.into_row();
    let contact = match view.get::<Contact>((*contact_index,)) {
        Some(_) => Write::Update(contact),
        None => Write::Insert(contact),
    };
    let secret = SecretReply {
        request_id: call.signed.request_id,
        key_id,
        sealed: secret.clone(),
        expires_at: now.plus_us(policy.secret_us),
    };
    let factors = Factors {
        account_id,
        tenant_id: FIRST_TENANT,
        version: 1,
        totp_bound_at: None,
        saved_code_bound_at: None,
        saved_code_case: None,
        passphrase_bound_at: Some(now),
        totp_suspect: false,
        saved_code_suspect: false,
        passphrase_suspect: false,
        issued_locked_until: Timestamp(0),
        contacts: Contacts(vec![ContactFact {
            contact_index: *contact_index,
            channel: *channel,
            confirmed_at: now,
            removed_at: None,
        }]),
    };
    let data_key = DataKey { account_id, kek_version: *kek_version, sealed: data_key.clone() };
    let document = Document { account_id, version: 1, sealed: document.clone() };
    let versions = Versions { accounts: vec![(account_id, 1)], keys: vec![(key_id, 1)] };
    writes.extend([
        Write::Insert(account.into_row()),
        Write::Insert(device.into_row()),
        Write::Insert(key.into_row()),
        Write::Insert(data_key.into_row()),
        Write::Insert(document.into_row()),
        contact,
        Write::Insert(secret.into_row()),
        Write::Insert(factors.into_row()),
        device_event(command_id, account_id, device_id, now),
    ]);
    let outcome = Outcome::Enrolled {
        account_id,
        device_id,
        ledger_account_id: *ledger_account_id,
        point: call.point,
        form: call.form,
        activate_by: now.plus_us(policy.enrolment.activate_us),
    };
    Some((outcome, versions))
}

/// A device became the account's.
pub(super) fn device_event(
    command_id: CommandId,
    account_id: AccountId,
    device_id: DeviceId,
    now: Timestamp,
) -> Write {
    let event = Event {
        account_id,
        event_id: EventId(side_id(command_id, 1)),
        at: now,
        kind: EventKind::DeviceEnrolled,
        device_id: Some(device_id),
        reason: None,
        subject_id: None,
    };
    Write::Insert(event.into_row())
}
