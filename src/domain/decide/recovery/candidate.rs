//! The steps of a case by the key that began it, and by whoever has a notice's secret.

use super::{Halt, Step, Stepped};
use crate::domain::command::{CandidateCall, CaseAction, CaseRef, Completion, Notices};
use crate::domain::decide::candidate::device_event;
use crate::domain::decide::ruling::Ruling;
use crate::domain::decide::{Decision, Stale, message, remember_open};
use crate::domain::id::CommandId;
use crate::domain::journal::{Kind as JournalKind, Versions};
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::proof::{Factor, Proof};
use crate::domain::record::Record as _;
use crate::domain::recovery::factor::Kind;
use crate::domain::recovery::{Effect, Input};
use crate::domain::rows::{Account, Device, Document, KeyState, RecoveryCase, SecretReply, SigningKey};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// A candidate's step of a case that was begun.
pub(in crate::domain::decide) fn by_candidate(
    command_id: CommandId,
    call: &CandidateCall,
    (case, action, notices): (&CaseRef, &CaseAction, &Notices),
    kind: JournalKind,
    view: &View,
    policy: &Policy,
) -> Decision {
    let known = view.get::<RecoveryCase>((case.case_id,)).filter(|row| may_speak(call, row, action));
    let step = known.and_then(|_| Step::over(command_id, case, None, view, policy));
    let Some(step) = step else { return unheard(call, action, kind, view) };
    let input = match input(call, action, &step, notices) {
        Ok(input) => input,
        Err(stale) => return Decision::Stale(stale),
    };
    let taken = match &step.account {
        Some(account) if !devices_known(action, account, view) => Err(Halt::Stale(Stale::Document)),
        Some(_) | None => step.take(&input, notices),
    };
    match taken {
        Ok(stepped) if stepped.effects.contains(&Effect::Wrong) => {
            let expires_at = view.now().plus_us(policy.open_request_us);
            let mut writes = stepped.writes;
            writes.push(remember_open(&call.signed, OpenAnswer::CodeWrong, expires_at, view));
            Decision::Reject { writes, answer: OpenAnswer::CodeWrong }
        }
        Ok(stepped) => heard(command_id, call, action, kind, stepped, view, policy),
        Err(Halt::Refuse(refusal)) => refused(call, action, kind, refusal, view),
        Err(Halt::Stale(stale)) => Decision::Stale(stale),
    }
}

/// The key that began a case goes on with it; whoever has a notice's secret may speak of cancelling it.
fn may_speak(call: &CandidateCall, row: &RecoveryCase, action: &CaseAction) -> bool {
    match action {
        CaseAction::SendCode { .. }
        | CaseAction::Prove { .. }
        | CaseAction::Freeze
        | CaseAction::ReportLost
        | CaseAction::Complete(_) => row.key_id == call.signed.key_id,
        CaseAction::AskToCancel { cancel_tag } | CaseAction::ConfirmCancel { cancel_tag } => {
            row.cancel_tag == *cancel_tag
        }
    }
}

/// No such case. An unknown secret is heard like a known one.
fn unheard(call: &CandidateCall, action: &CaseAction, kind: JournalKind, view: &View) -> Decision {
    refused(call, action, kind, Refusal::RecoveryOver, view)
}

fn refused(
    call: &CandidateCall,
    action: &CaseAction,
    kind: JournalKind,
    refusal: Refusal,
    view: &View,
) -> Decision {
    let outcome = match action {
        CaseAction::AskToCancel { .. } | CaseAction::ConfirmCancel { .. } => Outcome::CancellationHeard(None),
        CaseAction::SendCode { .. }
        | CaseAction::Prove { .. }
        | CaseAction::Freeze
        | CaseAction::ReportLost
        | CaseAction::Complete(_) => Outcome::refused(refusal),
    };
    Ruling::plain(Vec::new(), outcome).decision(kind, &call.signed, view)
}

fn input(
    call: &CandidateCall,
    action: &CaseAction,
    step: &Step<'_>,
    notices: &Notices,
) -> Result<Input, Stale> {
    Ok(match action {
        CaseAction::SendCode { channel, code_tag, .. } => {
            Input::SendCode { channel: *channel, code_tag: *code_tag }
        }
        CaseAction::Prove { kind, proof } => {
            Input::Prove { kind: *kind, matched: matched(*kind, proof, step)?, channels: notices.channels() }
        }
        CaseAction::Freeze => Input::Freeze,
        CaseAction::ReportLost => Input::ReportLost,
        CaseAction::Complete(_) => Input::Complete,
        CaseAction::AskToCancel { .. } => Input::CancelAsked { key_id: call.signed.key_id },
        CaseAction::ConfirmCancel { .. } => Input::CancelConfirmed { key_id: call.signed.key_id },
    })
}

/// What comparing showed, if it is about this factor and was compared with what is in force.
fn matched(kind: Kind, proof: &Proof, step: &Step<'_>) -> Result<Option<i64>, Stale> {
    let (factor, version) = match kind {
        Kind::Totp => (Factor::Totp, step.account.as_ref().map(|account| account.document_version)),
        Kind::SavedCode => (Factor::SavedCode, step.account.as_ref().map(|account| account.document_version)),
        Kind::Passphrase => {
            (Factor::Passphrase, step.account.as_ref().map(|account| account.document_version))
        }
        Kind::EmailCode | Kind::PhoneCode => (Factor::ContactCode, Some(step.case.issued_until.0)),
        Kind::Proofing => return Ok(None),
    };
    if proof.factor() != factor {
        return Ok(None);
    }
    match version {
        Some(version) if version != proof.credential_version() => Err(Stale::Document),
        // Behind a shadow nothing is right.
        Some(_) | None => Ok(proof.matched()),
    }
}

/// All devices of the account are among those that were read ahead: none is overlooked.
fn devices_known(action: &CaseAction, account: &Account, view: &View) -> bool {
    let CaseAction::Complete(completion) = action else { return true };
    let active = completion
        .devices
        .iter()
        .filter_map(|device_id| view.get::<Device>((*device_id,)))
        .filter(|device| device.account_id == account.account_id && device.state == KeyState::Active)
        .count();
    i64::try_from(active) == Ok(account.active_devices)
        && completion.document.expected_version == account.document_version
}

fn heard(
    command_id: CommandId,
    call: &CandidateCall,
    action: &CaseAction,
    kind: JournalKind,
    stepped: Stepped,
    view: &View,
    policy: &Policy,
) -> Decision {
    let Stepped { account, mut writes, effects, step } = stepped;
    let mut versions = Versions::default();
    let mut outcome = Outcome::RecoveryStepped(Box::new(step.clone()));
    if let CaseAction::AskToCancel { .. } | CaseAction::ConfirmCancel { .. } = action {
        outcome = Outcome::CancellationHeard(Some(Box::new(step.clone())));
    }
    if let (CaseAction::SendCode { messages, .. }, true) = (action, sends(&effects)) {
        let expires_at = view.now().plus_us(policy.recovery.issued_us);
        writes.extend(messages.iter().map(|draft| message::plain(draft, view.now(), expires_at)));
    }
    if let Some(mut account) = account {
        account.version += 1;
        if let (CaseAction::Complete(completion), true) = (action, effects.contains(&Effect::Renew)) {
            renew(command_id, call, completion, &mut account, (&mut writes, &mut versions), view, policy);
            outcome = Outcome::Recovered {
                step: Box::new(step),
                device_id: completion.device_id,
                epoch: account.epoch,
                point: call.point,
                form: call.form,
            };
        }
        versions.accounts.push((account.account_id, account.version));
        writes.push(Write::Update(account.into_row()));
    }
    Ruling { versions, ..Ruling::plain(writes, outcome) }.decision(kind, &call.signed, view)
}

fn sends(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::SendCode(_)))
}

/// Every old device is revoked, the candidate is the one device, and the document is another.
fn renew(
    command_id: CommandId,
    call: &CandidateCall,
    completion: &Completion,
    account: &mut Account,
    (writes, versions): (&mut Vec<Write>, &mut Versions),
    view: &View,
    policy: &Policy,
) {
    let (now, account_id) = (account.last_at, account.account_id);
    for device_id in &completion.devices {
        let Some(device) =
            view.get::<Device>((*device_id,)).filter(|device| device.state == KeyState::Active)
        else {
            continue;
        };
        let gone = Device { state: KeyState::Revoked, revoked_at: Some(now), ..device.clone() };
        if let Some(key) = view.get::<SigningKey>((device.key_id,)) {
            let revoked = SigningKey { state: KeyState::Revoked, version: key.version + 1, ..key.clone() };
            versions.keys.push((revoked.key_id, revoked.version));
            writes.push(Write::Update(revoked.into_row()));
        }
        writes.push(Write::Update(gone.into_row()));
    }
    versions.keys.push((call.signed.key_id, 1));
    account.active_devices = 1;
    account.live_codes.clear();
    account.document_version += 1;
    // The new authenticator has no wrong codes behind it; the day's count goes on.
    account.code_failures = 0;
    account.code_failures_ever = 0;
    account.code_blocked_until = Timestamp(0);
    let device = Device::joined(completion.device_id, account, call.signed.key_id, now);
    writes.push(Write::Insert(SigningKey::of_device(&device, &call.point, call.form).into_row()));
    writes.push(Write::Insert(device.into_row()));
    let document = Document {
        account_id,
        version: account.document_version,
        sealed: completion.document.sealed.clone(),
    };
    let secret = SecretReply {
        request_id: call.signed.request_id,
        key_id: call.signed.key_id,
        sealed: completion.secret.clone(),
        expires_at: now.plus_us(policy.secret_us),
    };
    writes.push(Write::Update(document.into_row()));
    writes.push(Write::Insert(secret.into_row()));
    writes.push(device_event(command_id, account_id, completion.device_id, now));
}
