//! The rules, as data: what happens on which input, from which states, under which guards. The documentation
//! prints this table, the model checker takes rows of it away.

use super::act::Act;
use super::guard::Guard;
use super::{CaseState, Input, Told};

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
    /// `Input::SendCode`
    SendCode,
    /// `Input::Prove`
    Prove,
    /// `Input::Settle`
    Settle,
    /// `Input::Notice`
    Notice,
    /// `Input::DeviceCancels`
    DeviceCancels,
    /// `Input::CancelAsked`
    CancelAsked,
    /// `Input::CancelConfirmed`
    CancelConfirmed,
    /// `Input::OperatorCancels`
    OperatorCancels,
    /// `Input::Proofed`
    Proofed,
    /// `Input::Freeze`
    Freeze,
    /// `Input::ReportLost`
    ReportLost,
    /// `Input::Complete`
    Complete,
    /// `Input::Tick`
    Tick,
}

impl On {
    /// Of an input.
    pub fn of(input: &Input) -> Self {
        match input {
            Input::SendCode { .. } => Self::SendCode,
            Input::Prove { .. } => Self::Prove,
            Input::Settle { .. } => Self::Settle,
            Input::Notice { .. } => Self::Notice,
            Input::DeviceCancels { .. } => Self::DeviceCancels,
            Input::CancelAsked { .. } => Self::CancelAsked,
            Input::CancelConfirmed { .. } => Self::CancelConfirmed,
            Input::OperatorCancels => Self::OperatorCancels,
            Input::Proofed { .. } => Self::Proofed,
            Input::Freeze => Self::Freeze,
            Input::ReportLost => Self::ReportLost,
            Input::Complete => Self::Complete,
            Input::Tick => Self::Tick,
        }
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it is called.
    pub name: &'static str,
    /// On which input.
    pub on: On,
    /// From which states.
    pub from: Vec<CaseState>,
    /// When all of these hold.
    pub guards: Vec<Guard>,
    /// These are done, in order.
    pub acts: Vec<Act>,
}

/// All rules; of those that fit, the first whose guards hold is taken.
#[derive(Clone, Debug)]
pub struct Table {
    /// In order.
    pub rules: Vec<Rule>,
}

impl Table {
    /// The rules that may be taken on this input from this state, in order.
    pub(super) fn rules_for<'a>(
        &'a self,
        input: &Input,
        state: CaseState,
    ) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let on = On::of(input);
        self.rules.iter().filter(move |rule| rule.on == on && rule.from.contains(&state))
    }

    /// The rules in force.
    pub fn standard() -> &'static Self {
        static TABLE: std::sync::OnceLock<Table> = std::sync::OnceLock::new();
        TABLE.get_or_init(|| Self {
            rules: [proving(), settling(), standing(), cancelled(), ended(), timed()].concat(),
        })
    }
}

fn rule(name: &'static str, on: On, from: &[CaseState], guards: &[Guard], acts: &[Act]) -> Rule {
    Rule { name, on, from: from.to_vec(), guards: guards.to_vec(), acts: acts.to_vec() }
}

use CaseState::{Cancelled, Completed, Cooling, Expired, Proven, Proving, Ready, Requested};

/// What must hold of anything that is proved, besides being right.
const GOOD_FACTOR: [Guard; 6] = [
    Guard::Matches,
    Guard::NotSuspect,
    Guard::SavedCodeFree,
    Guard::IssuedInTime,
    Guard::NewerStep,
    Guard::EpochUnchanged,
];

fn proving() -> Vec<Rule> {
    let heard = [Guard::InTime, Guard::AttemptsLeft];
    let right = [&heard[..], &[Guard::OldEnough], &GOOD_FACTOR[..]];
    let again = [&heard[..], &[Guard::AmongProved], &GOOD_FACTOR[..]];
    let kept = [Act::SpendAttempt, Act::KeepProof, Act::BindSavedCode, Act::RaiseStep];
    vec![
        rule(
            "send a code",
            On::SendCode,
            &[Requested, Proving, Proven, Cooling, Ready],
            &[Guard::InTime, Guard::MessagesLeft, Guard::ContactConfirmed],
            &[Act::SpendMessage, Act::SendCode],
        ),
        rule(
            "send no code, and say the same",
            On::SendCode,
            &[Requested, Proving, Proven, Cooling, Ready],
            &[Guard::InTime, Guard::MessagesLeft],
            &[Act::SpendMessage],
        ),
        rule(
            "prove",
            On::Prove,
            &[Requested, Proving],
            &right.concat(),
            &[&kept[..], &[Act::MoveTo(Proving)]].concat(),
        ),
        rule("prove again", On::Prove, &[Proven, Cooling, Ready], &again.concat(), &kept),
        rule(
            "prove wrongly",
            On::Prove,
            &[Requested, Proving],
            &heard,
            &[Act::SpendAttempt, Act::AnswerWrong, Act::RejectWhenSpent],
        ),
        rule(
            "prove again, wrongly",
            On::Prove,
            &[Proven, Cooling, Ready],
            &heard,
            &[Act::SpendAttempt, Act::AnswerWrong],
        ),
    ]
}

fn settling() -> Vec<Rule> {
    vec![
        rule(
            "two contend: another case stands",
            On::Settle,
            &[Proving],
            &[Guard::SetIsValid, Guard::AnotherStands],
            &[Act::MoveTo(Proven), Act::Contest, Act::Tell(Told::Contested)],
        ),
        rule(
            "enough is proved",
            On::Settle,
            &[Proving],
            &[Guard::SetIsValid, Guard::NotContested],
            &[
                Act::PinFactors,
                Act::MoveTo(Proven),
                Act::TakeClaim,
                Act::WantNotices,
                Act::Tell(Told::Proven),
            ],
        ),
        rule("a channel answers", On::Notice, &[Proven], &[], &[Act::KeepAnswer]),
        rule(
            "begin to cool",
            On::Settle,
            &[Proven],
            &[
                Guard::InTime,
                Guard::IsTheClaim,
                Guard::NotContested,
                Guard::EpochUnchanged,
                Guard::SomeChannelAccepted,
                Guard::EveryChannelAnswered,
            ],
            &[Act::BeginCooling, Act::Restrict, Act::MoveTo(Cooling)],
        ),
    ]
}

fn standing() -> Vec<Rule> {
    let anybody = [Requested, Proving, Proven, Cooling, Ready];
    vec![
        rule(
            "two operators saw the person",
            On::Proofed,
            &anybody,
            &[Guard::InTime, Guard::TwoOperators, Guard::EpochUnchanged],
            &[Act::KeepProof, Act::ResolveContest, Act::MoveTo(Proving), Act::ReleaseOther],
        ),
        rule(
            "freeze",
            On::Freeze,
            &[Proving, Proven, Cooling, Ready],
            &[Guard::InTime, Guard::EpochUnchanged, Guard::FreezeAllowed],
            &[Act::Freeze, Act::Tell(Told::Frozen)],
        ),
        rule(
            "report a device lost",
            On::ReportLost,
            &[Proven, Cooling, Ready],
            &[Guard::InTime, Guard::IsTheClaim, Guard::NotContested, Guard::EpochUnchanged],
            &[Act::MarkLost],
        ),
        rule(
            "complete",
            On::Complete,
            &[Ready],
            &[
                Guard::InTime,
                Guard::IsTheClaim,
                Guard::NotContested,
                Guard::EpochUnchanged,
                Guard::FactorsUnchanged,
                Guard::ProvedAgain,
            ],
            &[
                Act::MoveTo(Completed),
                Act::StepEpoch,
                Act::Renew,
                Act::KeepRecovery,
                Act::ReleaseClaim,
                Act::LiftRestriction,
                Act::Tell(Told::Completed),
            ],
        ),
    ]
}

/// From these, a cancellation ends what had proved enough.
const STANDING: [CaseState; 3] = [Proven, Cooling, Ready];
const CONTEST: [Act; 2] = [Act::Contest, Act::Tell(Told::Contested)];
const CANCEL: [Act; 6] = [
    Act::Suspect,
    Act::KeepCancellation,
    Act::MoveTo(Cancelled),
    Act::ReleaseClaim,
    Act::LiftRestriction,
    Act::Tell(Told::Cancelled),
];

/// Whoever reads a notice need not be the owner: what was proved goes on counting, in another case.
const CANCEL_BY_NOTICE: [Act; 6] = [
    Act::FreeSavedCode,
    Act::KeepCancellation,
    Act::MoveTo(Cancelled),
    Act::ReleaseClaim,
    Act::LiftRestriction,
    Act::Tell(Told::CancelledByNotice),
];

/// By a device of the account.
fn cancelled() -> Vec<Rule> {
    vec![
        rule(
            "two contend: a lost device cancels",
            On::DeviceCancels,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim, Guard::DeviceLost],
            &CONTEST,
        ),
        rule(
            "two contend: a device cancels again",
            On::DeviceCancels,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim, Guard::CancelledLately],
            &CONTEST,
        ),
        rule(
            "a device cancels",
            On::DeviceCancels,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim],
            &CANCEL,
        ),
        rule(
            "a device ends what is not proved",
            On::DeviceCancels,
            &[Requested, Proving],
            &[Guard::DeviceNotLost],
            &[Act::Suspect, Act::MoveTo(Cancelled)],
        ),
    ]
}

/// By whoever reads a notice, or by an operator.
fn ended() -> Vec<Rule> {
    vec![
        rule(
            "a notice's secret asks",
            On::CancelAsked,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim],
            &[Act::KeepAsking],
        ),
        rule(
            "two contend: a notice's secret cancels again",
            On::CancelConfirmed,
            &STANDING,
            &[
                Guard::NotContested,
                Guard::IsTheClaim,
                Guard::AskedLately,
                Guard::SameAsker,
                Guard::CancelledLately,
            ],
            &CONTEST,
        ),
        rule(
            "a notice's secret cancels",
            On::CancelConfirmed,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim, Guard::AskedLately, Guard::SameAsker],
            &CANCEL_BY_NOTICE,
        ),
        rule(
            "two contend: an operator cancels again",
            On::OperatorCancels,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim, Guard::CancelledLately],
            &CONTEST,
        ),
        rule(
            "an operator cancels",
            On::OperatorCancels,
            &STANDING,
            &[Guard::NotContested, Guard::IsTheClaim],
            &CANCEL,
        ),
        rule(
            "an operator ends what is not proved",
            On::OperatorCancels,
            &[Requested, Proving],
            &[],
            &[Act::MoveTo(Cancelled)],
        ),
    ]
}

fn timed() -> Vec<Rule> {
    let ended = [Act::MoveTo(Expired), Act::ReleaseClaim, Act::LiftRestriction];
    vec![
        rule(
            "too little was proved in time",
            On::Tick,
            &[Requested, Proving],
            &[Guard::TimeOver],
            &[Act::MoveTo(Expired)],
        ),
        rule("nobody could be told in time", On::Tick, &[Proven], &[Guard::TimeOver], &ended),
        rule(
            "remind",
            On::Tick,
            &[Cooling],
            &[Guard::ReminderDue],
            &[Act::CountReminder, Act::Tell(Told::Reminder)],
        ),
        rule(
            "may be completed",
            On::Tick,
            &[Cooling],
            &[Guard::DelayOver],
            &[Act::MoveTo(Ready), Act::Tell(Told::Ready)],
        ),
        rule("not completed in time", On::Tick, &[Ready], &[Guard::TimeOver], &ended),
    ]
}
