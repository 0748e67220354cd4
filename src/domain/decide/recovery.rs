//! Recovery, around the one transition function: which rows a step is over, and what of its effects are
//! rows. What may happen, `domain::recovery` says.

use super::candidate::{self, owner};
use super::message;
use super::ruling::Ruling;
use super::{Decision, Stale, remember_open};
use crate::domain::command::{CandidateCall, CaseAction, CaseRef, Completion, Notices, SystemAction};
use crate::domain::id::{
    AccountId, CaseId, CodeTag, CommandId, ContactIndex, DeviceId, EventId, FIRST_TENANT, OwnerId, TargetId,
};
use crate::domain::journal::{Kind as JournalKind, Versions, side_id};
use crate::domain::outcome::{AccountStanding, OpenAnswer, Outcome, RecoveryStep, Refusal};
use crate::domain::policy::Policy;
use crate::domain::proof::{Factor, Proof};
use crate::domain::record::Record as _;
use crate::domain::recovery::addition::Additions;
use crate::domain::recovery::factor::{Channels, Kind};
use crate::domain::recovery::table::Table;
use crate::domain::recovery::{self, CaseState, Effect, Input, Owner, Situation, Told};
use crate::domain::rows::{
    Account, Device, Document, Event, EventKind, Factors, KeyState, Principal, RecoveryCase, RecoveryTarget,
    RowKey, SecretReply, SigningKey,
};
use crate::domain::time::{DAY_US, Timestamp};
use crate::domain::view::View;
use crate::domain::write::Write;

/// A case that ended can be looked at for so long; what counts of it is in its target and in the journal.
const CASE_KEPT_US: i64 = 30 * DAY_US;
/// A shadow is forgotten after so long: its counters are a day's.
const SHADOW_KEPT_US: i64 = 2 * DAY_US;

/// A step under way: copies of the rows, and what became of them.
pub(super) struct Step<'a> {
    view: &'a View,
    policy: &'a Policy,
    command_id: CommandId,
    now: Timestamp,
    before: CaseState,
    case: RecoveryCase,
    target: RecoveryTarget,
    account: Option<Account>,
    owner: Option<Owner>,
    contested_before: bool,
    proved: Option<Kind>,
    events: u8,
}

/// What a step over an account's row came to, for whoever writes that row.
pub(super) struct Stepped {
    pub account: Option<Account>,
    pub writes: Vec<Write>,
    pub effects: Vec<Effect>,
    pub step: RecoveryStep,
}

impl<'a> Step<'a> {
    /// Over the rows of a case. `account` is the caller's copy, where he changes it himself.
    pub(super) fn over(
        command_id: CommandId,
        case: &CaseRef,
        account: Option<&Account>,
        view: &'a View,
        policy: &'a Policy,
    ) -> Option<Self> {
        let row = view.get::<RecoveryCase>((case.case_id,))?.clone();
        let target = view.get::<RecoveryTarget>((case.target_id,))?.clone();
        if row.target_id != case.target_id || row.account_id != case.account_id {
            return None;
        }
        let account = match (account, case.account_id) {
            (Some(account), Some(account_id)) if account.account_id == account_id => Some(account.clone()),
            (None, Some(account_id)) => Some(view.get::<Account>((account_id,))?.clone()),
            (None, None) => None,
            (Some(_), _) => return None,
        };
        let now = account.as_ref().map_or(view.now(), |account| view.now().max(account.last_at));
        let owner = match &account {
            Some(account) => Some(Owner::of(account, view.get::<Factors>((account.account_id,))?)),
            None => None,
        };
        Some(Self {
            view,
            policy,
            command_id,
            now,
            before: row.state,
            contested_before: target.contested_at.is_some(),
            case: row,
            target,
            account,
            owner,
            proved: None,
            events: 0x40,
        })
    }

    /// Takes the step, and makes rows of it.
    pub(super) fn take(mut self, input: &Input, notices: &Notices) -> Result<Stepped, Halt> {
        self.read_ahead(notices)?;
        let mut situation = Situation {
            figures: &self.policy.recovery,
            now: self.now,
            owner: self.owner.as_mut(),
            target: &mut self.target,
            case: &mut self.case,
        };
        let effects = recovery::step(Table::standard(), &mut situation, input).map_err(Halt::Refuse)?;
        if let Input::Prove { kind, .. } = input
            && !effects.contains(&Effect::Wrong)
        {
            self.proved = Some(*kind);
        }
        if let Input::Proofed { .. } = input {
            self.proved = Some(Kind::Proofing);
        }
        self.retire();
        let mut writes = self.notice_writes(&effects, notices);
        writes.extend(self.event_writes(&effects));
        let step = self.told();
        if let (Some(account), Some(owner)) = (self.account.as_mut(), self.owner.take()) {
            account.last_at = self.now;
            let factors = owner.write(account);
            if self.view.get::<Factors>((account.account_id,)) != Some(&factors) {
                writes.push(Write::Update(factors.into_row()));
            }
        }
        writes.push(Write::Update(self.target.into_row()));
        writes.push(Write::Update(self.case.into_row()));
        Ok(Stepped { account: self.account, writes, effects, step })
    }

    /// Addresses that were read ahead must still be the account's.
    fn read_ahead(&self, notices: &Notices) -> Result<(), Halt> {
        match &self.account {
            Some(account) if account.document_version != notices.document_version => {
                Err(Halt::Stale(Stale::Document))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// When rows of what is over may be forgotten; and nobody joins an account that is being recovered.
    fn retire(&mut self) {
        if let Some(ended_at) = self.case.ended_at {
            self.case.expires_at = ended_at.plus_us(CASE_KEPT_US);
        }
        if self.target.account_id.is_none() {
            self.target.expires_at = self.now.plus_us(SHADOW_KEPT_US);
        }
        if self.target.claim.is_some() || self.case.state == CaseState::Completed {
            self.target.additions.clear();
        }
    }

    fn notice_writes(&self, effects: &[Effect], notices: &Notices) -> Vec<Write> {
        let told = effects.iter().filter_map(|effect| match effect {
            Effect::Tell(told) => Some(*told),
            Effect::SendCode(_) | Effect::Wrong | Effect::Renew => None,
        });
        let expires_at = self.now.plus_us(self.policy.recovery.proven_us);
        told.flat_map(|told| {
            // The delay begins when these were taken.
            let awaited = (told == Told::Proven).then_some(self.case.case_id);
            notices
                .drafts
                .iter()
                .filter(move |draft| draft.told == told)
                .map(move |draft| message::notice(draft, self.now, expires_at, awaited))
        })
        .collect()
    }

    /// What the owner can read in his list of events.
    fn event_writes(&mut self, effects: &[Effect]) -> Vec<Write> {
        let Some(account_id) = self.account.as_ref().map(|account| account.account_id) else {
            return Vec::new();
        };
        let mut kinds = Vec::new();
        if effects.contains(&Effect::Wrong) {
            kinds.push(EventKind::RecoveryWrong);
        }
        if self.proved.is_some() {
            kinds.push(EventKind::RecoveryFactorProved);
        }
        if self.case.state != self.before {
            kinds.extend(event_of(self.case.state));
        }
        if self.target.contested_at.is_some() && !self.contested_before {
            kinds.push(EventKind::RecoveryContested);
        }
        if effects.contains(&Effect::Tell(Told::Frozen)) {
            kinds.push(EventKind::RecoveryFroze);
        }
        kinds.into_iter().map(|kind| self.event(account_id, kind)).collect()
    }

    fn event(&mut self, account_id: AccountId, kind: EventKind) -> Write {
        self.events += 1;
        event(account_id, self.command_id, self.events, kind, self.case.case_id.0, self.now)
    }

    fn told(&self) -> RecoveryStep {
        RecoveryStep {
            case_id: self.case.case_id,
            state: self.case.state,
            contested: self.target.contested_at.is_some(),
            proved: self.proved,
            ready_at: self.case.ready_at,
            account: self.account.as_ref().zip(self.owner.as_ref()).map(|(account, owner)| AccountStanding {
                account_id: account.account_id,
                frozen_at: owner.frozen_at,
                frozen_until: owner.frozen_until,
                restricted_at: owner.restricted_at,
                contested_at: owner.contested_at,
            }),
        }
    }
}

/// Why a step is not taken.
pub(super) enum Halt {
    Refuse(Refusal),
    Stale(Stale),
}

/// An event about something that is not a device.
pub(super) fn event(
    account_id: AccountId,
    command_id: CommandId,
    number: u8,
    kind: EventKind,
    subject_id: [u8; 16],
    now: Timestamp,
) -> Write {
    let event = Event {
        account_id,
        event_id: EventId(side_id(command_id, number)),
        at: now,
        kind,
        device_id: None,
        reason: None,
        subject_id: Some(subject_id.to_vec()),
    };
    Write::Insert(event.into_row())
}

fn event_of(state: CaseState) -> Option<EventKind> {
    match state {
        CaseState::Requested | CaseState::Proving => None,
        CaseState::Proven => Some(EventKind::RecoveryProven),
        CaseState::Cooling => Some(EventKind::RecoveryCooling),
        CaseState::Ready => Some(EventKind::RecoveryReady),
        CaseState::Completed => Some(EventKind::RecoveryCompleted),
        CaseState::Cancelled => Some(EventKind::RecoveryCancelled),
        CaseState::Expired | CaseState::Rejected => Some(EventKind::RecoveryExpired),
    }
}

/// What a candidate begins a case with.
pub(super) struct Start<'a> {
    pub case_id: CaseId,
    pub contact_index: ContactIndex,
    pub with_proofing: bool,
    pub cancel_tag: CodeTag,
    pub sealed: &'a [u8],
}

/// A case begins. Whether there is an account behind the contact is decided here, and told to nobody.
pub(super) fn start(
    command_id: CommandId,
    call: &CandidateCall,
    start: &Start<'_>,
    view: &View,
    policy: &Policy,
) -> Ruling {
    let account = owner(view, start.contact_index, policy).filter(|account| account.activated_at.is_some());
    let (target_id, mut writes) = target(view, account, start.contact_index);
    let now = account.map_or(view.now(), |account| view.now().max(account.last_at));
    let span_us =
        if start.with_proofing { policy.recovery.proofing_us } else { policy.recovery.requested_us };
    let expires_at = now.plus_us(span_us);
    let account_id = account.map(|account| account.account_id);
    let case = begun(call, start, target_id, account, now, expires_at);
    writes.push(Write::Insert(case.into_row()));
    if let Some(account_id) = account_id {
        writes.push(event(account_id, command_id, 1, EventKind::RecoveryBegun, start.case_id.0, now));
    }
    Ruling::plain(writes, Outcome::RecoveryStarted { case_id: start.case_id, account_id, expires_at })
}

fn begun(
    call: &CandidateCall,
    start: &Start<'_>,
    target_id: TargetId,
    account: Option<&Account>,
    now: Timestamp,
    due_at: Timestamp,
) -> RecoveryCase {
    RecoveryCase {
        case_id: start.case_id,
        tenant_id: FIRST_TENANT,
        key_id: call.signed.key_id,
        target_id,
        account_id: account.map(|account| account.account_id),
        state: CaseState::Requested,
        with_proofing: start.with_proofing,
        started_at: now,
        epoch: account.map_or(0, |account| account.epoch),
        factors_version: 0,
        attempts: 0,
        totp_at: None,
        saved_code_at: None,
        passphrase_at: None,
        email_code_at: None,
        phone_code_at: None,
        proofed_at: None,
        proved_last_at: None,
        proved_again_at: None,
        issued_tag: None,
        issued_channel: None,
        issued_until: Timestamp(0),
        wanted: Channels::default(),
        accepted: Channels::default(),
        refused: Channels::default(),
        proven_at: None,
        cooling_at: None,
        ready_at: None,
        reminders: 0,
        cancel_tag: start.cancel_tag,
        sealed: start.sealed.to_vec(),
        devices_lost: false,
        cancel_asked_at: None,
        cancel_asked_by: None,
        due_at: Some(due_at),
        ended_at: None,
        expires_at: Timestamp(i64::MAX),
    }
}

/// The target of an account, or of the shadow behind a contact; made when it is needed first.
pub(super) fn target(
    view: &View,
    account: Option<&Account>,
    contact_index: ContactIndex,
) -> (TargetId, Vec<Write>) {
    let target_id = account
        .map_or(TargetId::of_shadow(contact_index), |account| TargetId::of_account(account.account_id));
    if view.get::<RecoveryTarget>((target_id,)).is_some() {
        return (target_id, Vec::new());
    }
    let row = new_target(target_id, account, view.now());
    (target_id, vec![Write::Insert(row.into_row())])
}

/// A target that nothing was asked of yet.
pub(super) fn new_target(target_id: TargetId, account: Option<&Account>, now: Timestamp) -> RecoveryTarget {
    RecoveryTarget {
        target_id,
        tenant_id: FIRST_TENANT,
        account_id: account.map(|account| account.account_id),
        day: now.day(),
        attempts_today: 0,
        messages_today: 0,
        reserve_attempts_today: 0,
        reserve_messages_today: 0,
        claim: None,
        contested_at: None,
        last_cancelled_at: None,
        issued_freeze_at: None,
        additions: Additions::default(),
        expires_at: match account {
            Some(_) => Timestamp(i64::MAX),
            None => now.plus_us(SHADOW_KEPT_US),
        },
    }
}

/// A candidate's step of a case that was begun.
pub(super) fn by_candidate(
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
    account.code_blocked_until = Timestamp(0);
    writes.extend(new_device(call, completion.device_id, account_id, account, now));
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
    writes.push(candidate::device_event(command_id, account_id, completion.device_id, now));
}

/// A candidate becomes a device of an account.
fn new_device(
    call: &CandidateCall,
    device_id: DeviceId,
    account_id: AccountId,
    account: &Account,
    now: Timestamp,
) -> [Write; 2] {
    let device = Device {
        device_id,
        tenant_id: FIRST_TENANT,
        account_id,
        key_id: call.signed.key_id,
        state: KeyState::Active,
        enrolled_at: now,
        revoked_at: None,
        last_code_at: None,
        spent_at_code_minor: account.spent_total_minor,
        payments_at_code: account.payments_total,
        lost_at: None,
    };
    let key = SigningKey {
        key_id: call.signed.key_id,
        tenant_id: FIRST_TENANT,
        principal: Principal::Device,
        owner_id: OwnerId(device_id.0),
        account_id: Some(account_id),
        point: call.point.to_vec(),
        form: call.form,
        state: KeyState::Active,
        version: 1,
    };
    [Write::Insert(device.into_row()), Write::Insert(key.into_row())]
}

/// What a channel said, or what time brought.
pub(super) fn by_system(
    command_id: CommandId,
    action: &SystemAction,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Halt> {
    let nothing = Notices { document_version: 0, drafts: Vec::new() };
    let (case, input, notices) = match action {
        SystemAction::AnswerNotice { case, channel, accepted, .. } => {
            (case, Input::Notice { channel: *channel, accepted: *accepted }, None)
        }
        SystemAction::AdvanceRecovery { case, notices, .. } => (case, Input::Tick, Some(notices)),
        SystemAction::Genesis { .. }
        | SystemAction::RegisterStore { .. }
        | SystemAction::SettleTopUp { .. }
        | SystemAction::CloseUnactivated { .. }
        | SystemAction::EnrolOperators { .. } => return Err(Halt::Refuse(Refusal::RecoveryOver)),
    };
    let step = Step::over(command_id, case, None, view, policy).ok_or(Halt::Refuse(Refusal::RecoveryOver))?;
    let version = step.account.as_ref().map_or(0, |account| account.document_version);
    // A channel's answer tells nobody anything.
    let notices = notices.cloned().unwrap_or(Notices { document_version: version, ..nothing });
    let mut ruling = ruling(step.take(&input, &notices)?);
    if let SystemAction::AnswerNotice { message_id, .. } = action
        && view.get::<crate::domain::rows::Message>((*message_id,)).is_some()
    {
        ruling.writes.push(Write::Delete(RowKey::Message(*message_id)));
    }
    Ok(ruling)
}

/// What an operator did about a case.
pub(super) fn by_operator(
    command_id: CommandId,
    case: &CaseRef,
    input: &Input,
    notices: &Notices,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Halt> {
    let step = Step::over(command_id, case, None, view, policy).ok_or(Halt::Refuse(Refusal::NotFound))?;
    step.take(input, notices).map(ruling)
}

fn ruling(stepped: Stepped) -> Ruling {
    let Stepped { account, mut writes, step, .. } = stepped;
    let mut versions = Versions::default();
    if let Some(mut account) = account {
        account.version += 1;
        versions.accounts.push((account.account_id, account.version));
        writes.push(Write::Update(account.into_row()));
    }
    Ruling { versions, ..Ruling::plain(writes, Outcome::RecoveryStepped(Box::new(step))) }
}
