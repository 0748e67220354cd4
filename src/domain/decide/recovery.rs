//! Recovery, around the one transition function: which rows a step is over, and what of its effects are
//! rows. What may happen, `domain::recovery` says.

use super::Stale;
use super::message;
use super::ruling::Ruling;
use crate::domain::command::{CaseRef, Notices, SystemAction};
use crate::domain::id::{AccountId, CommandId, EventId};
use crate::domain::journal::{Versions, side_id};
use crate::domain::outcome::{AccountStanding, Outcome, RecoveryStep, Refusal};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::recovery::factor::Kind;
use crate::domain::recovery::table::Table;
use crate::domain::recovery::{self, CaseState, Effect, Input, Owner, Situation, Told};
use crate::domain::rows::{
    Account, Event, EventKind, Factors, Message, RecoveryCase, RecoveryTarget, RowKey,
};
use crate::domain::time::{DAY_US, Timestamp};
use crate::domain::view::View;
use crate::domain::write::Write;

mod begin;
mod candidate;

pub(super) use begin::{Named, Start, named, start, written};
pub(super) use candidate::by_candidate;

/// A case that ended can be looked at for so long; what counts of it is in its target and in the journal.
const CASE_KEPT_US: i64 = 30 * DAY_US;

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
        self.target.touch(self.now);
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
        | SystemAction::Restore { .. }
        | SystemAction::RegisterStore { .. }
        | SystemAction::AwaitTopUp { .. }
        | SystemAction::SettleTopUp { .. }
        | SystemAction::TakeBackTopUp { .. }
        | SystemAction::CloseUnactivated { .. }
        | SystemAction::ExpirePayment { .. }
        | SystemAction::CloseDay { .. }
        | SystemAction::SettleMerchant(_)
        | SystemAction::EnrolOperators { .. } => return Err(Halt::Refuse(Refusal::RecoveryOver)),
    };
    let step = Step::over(command_id, case, None, view, policy).ok_or(Halt::Refuse(Refusal::RecoveryOver))?;
    let version = step.account.as_ref().map_or(0, |account| account.document_version);
    // A channel's answer tells nobody anything.
    let notices = notices.cloned().unwrap_or(Notices { document_version: version, ..nothing });
    let mut ruling = ruling(step.take(&input, &notices)?);
    if let SystemAction::AnswerNotice { message_id, .. } = action
        && view.get::<Message>((*message_id,)).is_some()
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
