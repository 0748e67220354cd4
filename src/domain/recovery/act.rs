//! What a rule does when it is taken: each act changes one thing.

use super::delay::delay_us;
use super::factor::{Channels, Kind, Share};
use super::guard::by_contact_alone;
use super::{CaseState, Effect, Input, Situation, Told};
use crate::domain::time::Timestamp;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Counts an attempt, before anything is known about it.
    SpendAttempt,
    /// Counts a message.
    SpendMessage,
    /// Sends a code, and keeps its hash for this case.
    SendCode,
    /// The answer is that it was wrong.
    AnswerWrong,
    /// The case ends when its attempts are used up.
    RejectWhenSpent,
    /// Keeps what was proved, and when.
    KeepProof,
    /// The saved code is dead for every other case.
    BindSavedCode,
    /// The authenticator's code is used.
    RaiseStep,
    /// The case moves.
    MoveTo(CaseState),
    /// This case stands: another one will contend with it.
    TakeClaim,
    /// No case stands.
    ReleaseClaim,
    /// No other case stands.
    ReleaseOther,
    /// Factors that change from now on end it.
    PinFactors,
    /// Notices are wanted over these channels.
    WantNotices,
    /// Keeps what a channel said.
    KeepAnswer,
    /// The delay begins, and is fixed.
    BeginCooling,
    /// The account is restricted.
    Restrict,
    /// It is no more.
    LiftRestriction,
    /// Counts a reminder.
    CountReminder,
    /// What was proved is of no use until it is replaced.
    Suspect,
    /// A saved code that was proved in this case is no longer bound to it.
    FreeSavedCode,
    /// The account has a cancelled case.
    KeepCancellation,
    /// Keeps who asked for a cancellation, and when.
    KeepAsking,
    /// Nobody completes from afar any more, and outflow is stopped.
    Contest,
    /// Two operators decided who it is.
    ResolveContest,
    /// Stops outflow.
    Freeze,
    /// Steps the epoch: everything signed before is dead.
    StepEpoch,
    /// Old devices, codes and the document are renewed; all factors are to be set anew.
    Renew,
    /// The account was recovered now: limits grow from here.
    KeepRecovery,
    /// The owner's devices cancel no more: they contest.
    MarkLost,
    /// Tells everybody.
    Tell(Told),
}

impl Act {
    /// Does it, and says what is to be done besides.
    pub(super) fn perform(self, situation: &mut Situation<'_>, input: &Input) -> Option<Effect> {
        match self {
            Self::SpendAttempt => spend_attempt(situation, input),
            Self::SpendMessage => spend_message(situation),
            Self::SendCode => return send_code(situation, input),
            Self::AnswerWrong => return Some(answer_wrong(situation, input)),
            Self::RejectWhenSpent => reject_when_spent(situation),
            Self::KeepProof => keep_proof(situation, input),
            Self::BindSavedCode => bind_saved_code(situation, input),
            Self::RaiseStep => raise_step(situation, input),
            Self::MoveTo(state) => move_to(situation, state),
            Self::TakeClaim => situation.target.claim = Some(situation.case.case_id),
            Self::ReleaseClaim => release_claim(situation),
            Self::ReleaseOther => situation.target.claim = None,
            Self::PinFactors => {
                if let Some(owner) = situation.owner.as_deref() {
                    situation.case.factors_version = owner.factors.version;
                }
            }
            Self::WantNotices => want_notices(situation, input),
            Self::KeepAnswer => keep_answer(situation, input),
            Self::BeginCooling => begin_cooling(situation),
            Self::Restrict => {
                if let Some(owner) = situation.owner.as_deref_mut() {
                    owner.restricted_at = Some(situation.now);
                }
            }
            Self::LiftRestriction => lift_restriction(situation),
            Self::CountReminder => situation.case.reminders += 1,
            Self::Suspect => suspect(situation),
            Self::FreeSavedCode => free_saved_code(situation),
            Self::KeepCancellation => situation.target.last_cancelled_at = Some(situation.now),
            Self::KeepAsking => keep_asking(situation, input),
            Self::Contest => contest(situation),
            Self::ResolveContest => situation.target.contested_at = None,
            Self::Freeze => freeze(situation),
            Self::StepEpoch => {
                if let Some(owner) = situation.owner.as_deref_mut() {
                    owner.epoch += 1;
                }
            }
            Self::Renew => return renew(situation),
            Self::KeepRecovery => {
                if let Some(owner) = situation.owner.as_deref_mut() {
                    owner.recovered_at = Some(situation.now);
                }
            }
            Self::MarkLost => situation.case.devices_lost = true,
            Self::Tell(told) => return situation.owner.is_some().then_some(Effect::Tell(told)),
        }
        None
    }
}

fn new_day(situation: &mut Situation<'_>) {
    let target = &mut *situation.target;
    if target.day != situation.now.day() {
        target.day = situation.now.day();
        target.attempts_today = 0;
        target.messages_today = 0;
        target.reserve_attempts_today = 0;
        target.reserve_messages_today = 0;
        target.locators.new_day(situation.now);
    }
}

fn spend_attempt(situation: &mut Situation<'_>, input: &Input) {
    let Input::Prove { kind, .. } = input else { return };
    if *kind == Kind::SavedCode {
        return;
    }
    new_day(situation);
    let (target, case) = (&mut *situation.target, &mut *situation.case);
    match case.share() {
        Share::Reserve => target.reserve_attempts_today += 1,
        Share::Account => {
            case.attempts += 1;
            target.attempts_today += 1;
        }
        Share::Locator => {
            case.attempts += 1;
            if kind.is_guessed() {
                target.locators.spend_attempt(case.contact_index);
            }
        }
    }
}

fn spend_message(situation: &mut Situation<'_>) {
    new_day(situation);
    let target = &mut *situation.target;
    match situation.case.share() {
        Share::Reserve => target.reserve_messages_today += 1,
        Share::Account => target.messages_today += 1,
        Share::Locator => target.locators.spend_message(situation.case.contact_index),
    }
}

fn send_code(situation: &mut Situation<'_>, input: &Input) -> Option<Effect> {
    let Input::SendCode { channel, code_tag } = input else { return None };
    situation.case.issued_tag = Some(*code_tag);
    situation.case.issued_channel = Some(*channel);
    situation.case.issued_until = situation.now.plus_us(situation.figures.issued_us);
    Some(Effect::SendCode(*channel))
}

/// A wrong code of the authenticator is one of the guesses that it is worth.
fn answer_wrong(situation: &mut Situation<'_>, input: &Input) -> Effect {
    if let Input::Prove { kind: Kind::Totp, .. } = input {
        match situation.case.share() {
            Share::Locator => situation.target.totp_guesses += 1,
            Share::Account => situation.target.totp_guesses_proved += 1,
            Share::Reserve => {}
        }
    }
    Effect::Wrong
}

fn reject_when_spent(situation: &mut Situation<'_>) {
    if !situation.case.has_reserve() && situation.case.attempts >= situation.figures.attempts_case {
        move_to(situation, CaseState::Rejected);
    }
}

fn keep_proof(situation: &mut Situation<'_>, input: &Input) {
    let kind = if let Input::Prove { kind, .. } = input { *kind } else { Kind::Proofing };
    if kind.channel().is_some() {
        // Good once.
        situation.case.issued_until = Timestamp(0);
    }
    if situation.case.state.stands() && kind != Kind::Proofing {
        situation.case.proved_again_at = Some(situation.now);
        return;
    }
    situation.case.set_proved(kind, situation.now);
    situation.case.proved_last_at = Some(situation.now);
}

fn bind_saved_code(situation: &mut Situation<'_>, input: &Input) {
    if let (Input::Prove { kind: Kind::SavedCode, .. }, Some(owner)) = (input, situation.owner.as_deref_mut())
    {
        owner.factors.saved_code_case = Some(situation.case.case_id);
    }
}

fn raise_step(situation: &mut Situation<'_>, input: &Input) {
    if let (Input::Prove { kind: Kind::Totp, matched: Some(step), .. }, Some(owner)) =
        (input, situation.owner.as_deref_mut())
    {
        owner.totp_last_step = owner.totp_last_step.max(*step);
    }
}

fn move_to(situation: &mut Situation<'_>, state: CaseState) {
    let case = &mut *situation.case;
    case.state = state;
    if state == CaseState::Proven {
        case.proven_at = Some(situation.now);
    }
    if state.is_over() {
        case.ended_at = Some(situation.now);
    }
}

fn release_claim(situation: &mut Situation<'_>) {
    if situation.target.claim == Some(situation.case.case_id) {
        situation.target.claim = None;
    }
}

fn want_notices(situation: &mut Situation<'_>, input: &Input) {
    let Input::Settle { channels } = input else { return };
    let case = &mut *situation.case;
    case.wanted = *channels;
    // Whoever is seen in person while his case cools is told of anew, and cools anew.
    case.accepted = Channels::default();
    case.refused = Channels::default();
    case.cooling_at = None;
    case.reminders = 0;
}

fn keep_answer(situation: &mut Situation<'_>, input: &Input) {
    let Input::Notice { channel, accepted } = input else { return };
    let case = &mut *situation.case;
    if *accepted {
        case.accepted = case.accepted.with(*channel);
    } else if !case.accepted.has(*channel) {
        case.refused = case.refused.with(*channel);
    }
}

fn begin_cooling(situation: &mut Situation<'_>) {
    let Some(owner) = situation.owner.as_deref() else { return };
    let delay_us = delay_us(situation, owner);
    situation.case.cooling_at = Some(situation.now);
    // Whoever is seen in person while his case cools waits no less than he was told before.
    let ready_at = situation.now.plus_us(delay_us);
    situation.case.ready_at = Some(situation.case.ready_at.map_or(ready_at, |at| at.max(ready_at)));
}

/// Only when no other case stands: one that took over goes on cooling when the other one's time is over.
fn lift_restriction(situation: &mut Situation<'_>) {
    if situation.target.claim.is_some() {
        return;
    }
    let contested = situation.target.contested_at.is_some();
    if let Some(owner) = situation.owner.as_deref_mut() {
        owner.restricted_at = None;
        if !contested {
            owner.contested_at = None;
        }
    }
}

fn suspect(situation: &mut Situation<'_>) {
    let until = situation.now.plus_us(situation.figures.locked_us);
    let Some(owner) = situation.owner.as_deref_mut() else { return };
    for kind in situation.case.proved() {
        match kind {
            Kind::Totp => owner.factors.totp_suspect = true,
            Kind::SavedCode => owner.factors.saved_code_suspect = true,
            Kind::Passphrase => owner.factors.passphrase_suspect = true,
            Kind::EmailCode | Kind::PhoneCode => owner.factors.issued_locked_until = until,
            Kind::Proofing => {}
        }
    }
}

fn free_saved_code(situation: &mut Situation<'_>) {
    let case_id = situation.case.case_id;
    if let Some(owner) = situation.owner.as_deref_mut()
        && owner.factors.saved_code_case == Some(case_id)
    {
        owner.factors.saved_code_case = None;
    }
}

fn keep_asking(situation: &mut Situation<'_>, input: &Input) {
    if let Input::CancelAsked { key_id } = input {
        situation.case.cancel_asked_at = Some(situation.now);
        situation.case.cancel_asked_by = Some(*key_id);
    }
}

fn contest(situation: &mut Situation<'_>) {
    situation.target.contested_at = Some(situation.now);
    if let Some(owner) = situation.owner.as_deref_mut() {
        owner.contested_at = Some(situation.now);
    }
}

/// A freeze by a code to a contact alone ends by itself: a mailbox stops nobody for good.
fn freeze(situation: &mut Situation<'_>) {
    let (now, alone) = (situation.now, by_contact_alone(situation));
    if alone {
        situation.target.issued_freeze_at = Some(now);
    }
    let Some(owner) = situation.owner.as_deref_mut() else { return };
    let stopped = owner.frozen_at.is_some() && owner.frozen_until.is_none_or(|until| now < until);
    match (stopped, alone) {
        (false, true) => {
            owner.frozen_at = Some(now);
            owner.frozen_until = Some(now.plus_us(situation.figures.issued_freeze_us));
        }
        (false, false) => {
            owner.frozen_at = Some(now);
            owner.frozen_until = None;
        }
        (true, false) => owner.frozen_until = None,
        (true, true) => {}
    }
}

/// All factors are to be set anew: the authenticator and the saved code are bound by its confirmation, the
/// passphrase is now.
fn renew(situation: &mut Situation<'_>) -> Option<Effect> {
    let now = situation.now;
    let owner = situation.owner.as_deref_mut()?;
    situation.target.totp_guesses = 0;
    situation.target.totp_guesses_proved = 0;
    owner.renewal_due = true;
    let factors = &mut owner.factors;
    factors.version += 1;
    factors.totp_bound_at = None;
    factors.saved_code_bound_at = None;
    factors.saved_code_case = None;
    factors.passphrase_bound_at = Some(now);
    factors.totp_suspect = false;
    factors.saved_code_suspect = false;
    factors.passphrase_suspect = false;
    Some(Effect::Renew)
}
