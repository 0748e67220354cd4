//! What must hold for a rule to be taken. Each is small, says one thing, and changes nothing.

use super::delay::lately;
use super::factor::{Channel, Kind, Share};
use super::{Input, Owner, Situation, over_at, reminder_at};
use crate::domain::outcome::Refusal;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Time did not end it yet, whether or not a timer came.
    InTime,
    /// Attempts are left, of the case and of the day.
    AttemptsLeft,
    /// Messages are left for today.
    MessagesLeft,
    /// The account has a contact of this channel that is old enough, and a number not too old.
    ContactConfirmed,
    /// What was sent is right.
    Matches,
    /// It was bound to the account long enough before the request; a phone number not too long before it.
    OldEnough,
    /// No case with it was cancelled since.
    NotSuspect,
    /// The saved code was proved in no other case.
    SavedCodeFree,
    /// The code to a contact is in time, and from this case.
    IssuedInTime,
    /// The authenticator's code was not used before, and it was not guessed at too often.
    NewerStep,
    /// It was proved in this case before.
    AmongProved,
    /// Two factors of different classes, or the person.
    SetIsValid,
    /// Another case of this account has proved enough.
    AnotherStands,
    /// This is the case that stands.
    IsTheClaim,
    /// Nobody contends for the account.
    NotContested,
    /// Every channel took its notice or refused it for good.
    EveryChannelAnswered,
    /// One took it.
    SomeChannelAccepted,
    /// So much of the delay is over that the next reminder is due.
    ReminderDue,
    /// The delay is over.
    DelayOver,
    /// Time ended it: too little was proved, nobody could be told, or it was not completed.
    TimeOver,
    /// A factor was proved again just now.
    ProvedAgain,
    /// No other recovery was completed since the request.
    EpochUnchanged,
    /// No factor was changed since the set was complete.
    FactorsUnchanged,
    /// The device was not reported lost.
    DeviceNotLost,
    /// It was.
    DeviceLost,
    /// A case of this account was cancelled within 30 days.
    CancelledLately,
    /// The first call of a cancellation came just before.
    AskedLately,
    /// … by this key.
    SameAsker,
    /// Two people.
    TwoOperators,
    /// A freeze by a code to a contact alone was not had lately.
    FreezeAllowed,
}

impl Guard {
    /// Whether it holds.
    pub fn holds(self, situation: &Situation<'_>, input: &Input) -> bool {
        match self {
            Self::InTime => !time_over(situation),
            Self::TimeOver => time_over(situation),
            Self::AttemptsLeft => attempts_left(situation, input),
            Self::MessagesLeft => messages_left(situation),
            Self::ContactConfirmed => contact_confirmed(situation, input),
            Self::Matches
            | Self::OldEnough
            | Self::NotSuspect
            | Self::SavedCodeFree
            | Self::IssuedInTime
            | Self::NewerStep
            | Self::AmongProved => self.holds_of_a_proof(situation, input),
            Self::SetIsValid => situation.case.has_valid_set(),
            Self::AnotherStands => another_stands(situation),
            Self::IsTheClaim => situation.target.claim == Some(situation.case.case_id),
            Self::NotContested => situation.target.contested_at.is_none(),
            Self::EveryChannelAnswered => {
                situation.case.accepted.and(situation.case.refused).covers(situation.case.wanted)
            }
            Self::SomeChannelAccepted => !situation.case.accepted.is_empty(),
            Self::ReminderDue => {
                let due_at = reminder_at(situation.case, situation.case.reminders);
                due_at.is_some_and(|at| situation.now >= at)
            }
            Self::DelayOver => situation.case.ready_at.is_some_and(|at| situation.now >= at),
            Self::ProvedAgain => proved_again(situation),
            Self::EpochUnchanged => of_owner(situation, |owner| owner.epoch == situation.case.epoch),
            Self::FactorsUnchanged => {
                of_owner(situation, |owner| owner.factors.version == situation.case.factors_version)
            }
            Self::DeviceNotLost => !is_lost(situation, input),
            Self::DeviceLost => is_lost(situation, input),
            Self::CancelledLately => situation
                .target
                .last_cancelled_at
                .is_some_and(|at| lately(situation.figures, at, situation.now)),
            Self::AskedLately => situation
                .case
                .cancel_asked_at
                .is_some_and(|at| situation.now.since_us(at) < situation.figures.cancel_us),
            Self::SameAsker => {
                let by = situation.case.cancel_asked_by;
                matches!(input, Input::CancelConfirmed { key_id } if by == Some(*key_id))
            }
            Self::TwoOperators => {
                matches!(input, Input::Proofed { proposer, approver, .. } if proposer != approver)
            }
            Self::FreezeAllowed => !by_contact_alone(situation) || freeze_pause_over(situation),
        }
    }

    fn holds_of_a_proof(self, situation: &Situation<'_>, input: &Input) -> bool {
        let Input::Prove { kind, matched, .. } = input else { return false };
        let (case, figures) = (&*situation.case, situation.figures);
        of_owner(situation, |owner| {
            let bound_at = owner.factors.bound_at(*kind);
            match self {
                Self::Matches => matched.is_some(),
                Self::OldEnough => {
                    let age_us = match kind {
                        Kind::Totp => figures.authenticator_age_us,
                        Kind::SavedCode | Kind::Passphrase => figures.factor_age_us,
                        Kind::EmailCode | Kind::PhoneCode => {
                            return has_contact(owner, kind.channel(), situation);
                        }
                        Kind::Proofing => return false,
                    };
                    bound_at.is_some_and(|at| case.started_at.since_us(at) >= age_us)
                }
                Self::NotSuspect => !owner.factors.is_suspect(*kind, situation.now),
                Self::SavedCodeFree => {
                    *kind != Kind::SavedCode
                        || owner.factors.saved_code_case.is_none_or(|bound| bound == case.case_id)
                }
                Self::IssuedInTime => {
                    kind.channel().is_none()
                        || (case.issued_channel == kind.channel() && situation.now < case.issued_until)
                }
                Self::NewerStep => {
                    *kind != Kind::Totp
                        || (matched.is_some_and(|step| step > owner.totp_last_step)
                            && guesses_left(situation))
                }
                Self::AmongProved => case.proved_at(*kind).is_some(),
                Self::InTime
                | Self::TimeOver
                | Self::AttemptsLeft
                | Self::MessagesLeft
                | Self::ContactConfirmed
                | Self::SetIsValid
                | Self::AnotherStands
                | Self::IsTheClaim
                | Self::NotContested
                | Self::EveryChannelAnswered
                | Self::SomeChannelAccepted
                | Self::ReminderDue
                | Self::DelayOver
                | Self::ProvedAgain
                | Self::EpochUnchanged
                | Self::FactorsUnchanged
                | Self::DeviceNotLost
                | Self::DeviceLost
                | Self::CancelledLately
                | Self::AskedLately
                | Self::SameAsker
                | Self::TwoOperators
                | Self::FreezeAllowed => false,
            }
        })
    }

    /// What a caller is told when it is the first that does not hold.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::AttemptsLeft => Refusal::RecoveryAttempts,
            Self::MessagesLeft => Refusal::RecoveryMessages,
            Self::DelayOver | Self::ReminderDue => Refusal::RecoveryCooling,
            Self::ProvedAgain => Refusal::RecoveryProveAgain,
            Self::NotContested => Refusal::RecoveryContested,
            Self::SetIsValid => Refusal::RecoveryUnproven,
            Self::FreezeAllowed => Refusal::RecoveryFrozenLately,
            Self::DeviceNotLost => Refusal::DeviceLost,
            Self::AskedLately | Self::SameAsker => Refusal::RecoveryCancelFirst,
            Self::TwoOperators => Refusal::SameOperator,
            Self::InTime
            | Self::ContactConfirmed
            | Self::Matches
            | Self::OldEnough
            | Self::NotSuspect
            | Self::SavedCodeFree
            | Self::IssuedInTime
            | Self::NewerStep
            | Self::AmongProved
            | Self::AnotherStands
            | Self::IsTheClaim
            | Self::EveryChannelAnswered
            | Self::SomeChannelAccepted
            | Self::TimeOver
            | Self::EpochUnchanged
            | Self::FactorsUnchanged
            | Self::DeviceLost
            | Self::CancelledLately => Refusal::RecoveryOver,
        }
    }
}

/// Of the guesses that one authenticator is worth, whoever makes them.
fn guesses_left(situation: &Situation<'_>) -> bool {
    let Situation { figures, target, case, .. } = situation;
    match case.share() {
        Share::Locator => target.totp_guesses < figures.totp_guesses,
        Share::Account => target.totp_guesses_proved < figures.totp_guesses,
        Share::Reserve => true,
    }
}

fn of_owner(situation: &Situation<'_>, holds: impl Fn(&Owner) -> bool) -> bool {
    situation.owner.as_deref().is_some_and(holds)
}

fn is_lost(situation: &Situation<'_>, input: &Input) -> bool {
    matches!(input, Input::DeviceCancels { lost: true }) || situation.case.devices_lost
}

fn time_over(situation: &Situation<'_>) -> bool {
    over_at(situation.figures, situation.case).is_some_and(|at| situation.now >= at)
}

fn another_stands(situation: &Situation<'_>) -> bool {
    situation.target.claim.is_some_and(|claim| claim != situation.case.case_id)
}

/// What was counted on another day is not counted today.
fn today(situation: &Situation<'_>, count: i64) -> i64 {
    if situation.target.day == situation.now.day() { count } else { 0 }
}

fn attempts_left(situation: &Situation<'_>, input: &Input) -> bool {
    // 128 bits are not guessed, and nobody can use the owner's attempts up with it.
    if matches!(input, Input::Prove { kind: Kind::SavedCode, .. }) {
        return true;
    }
    let Input::Prove { kind, .. } = input else { return false };
    let Situation { figures, target, case, .. } = situation;
    let of_case = case.attempts < figures.attempts_case;
    match case.share() {
        Share::Reserve => today(situation, target.reserve_attempts_today) < figures.reserve_attempts_day,
        Share::Account => of_case && today(situation, target.attempts_today) < figures.attempts_day,
        // Whoever can read what was sent is not kept out by those who guess.
        Share::Locator if !kind.is_guessed() => of_case,
        Share::Locator => {
            let attempts = target.locators.attempts(case.contact_index);
            of_case && today(situation, attempts) < figures.attempts_day
        }
    }
}

fn messages_left(situation: &Situation<'_>) -> bool {
    let Situation { figures, target, case, .. } = situation;
    let (spent, most) = match case.share() {
        Share::Reserve => (target.reserve_messages_today, figures.reserve_messages_day),
        Share::Account => (target.messages_today, figures.messages_day),
        Share::Locator => (target.locators.messages(case.contact_index), figures.messages_day),
    };
    today(situation, spent) < most
}

fn contact_confirmed(situation: &Situation<'_>, input: &Input) -> bool {
    let Input::SendCode { channel, .. } = input else { return false };
    of_owner(situation, |owner| has_contact(owner, Some(*channel), situation))
}

/// Whether a code by this channel proves anything in this case.
fn has_contact(owner: &Owner, channel: Option<Channel>, situation: &Situation<'_>) -> bool {
    let (started_at, figures) = (situation.case.started_at, situation.figures);
    let mut contacts = owner.factors.contacts.current();
    contacts.any(|contact| Some(contact.channel) == channel && contact.counts(started_at, figures))
}

/// In person, the candidate's key is what the operators saw; anybody else proves one factor again.
fn proved_again(situation: &Situation<'_>) -> bool {
    let Situation { case, figures, now, .. } = situation;
    case.proofed_at.is_some() || case.proved_again_at.is_some_and(|at| now.since_us(at) < figures.again_us)
}

pub(super) fn by_contact_alone(situation: &Situation<'_>) -> bool {
    situation.case.proved().all(|kind| kind.channel().is_some())
}

fn freeze_pause_over(situation: &Situation<'_>) -> bool {
    situation
        .target
        .issued_freeze_at
        .is_none_or(|at| situation.now.since_us(at) >= situation.figures.issued_freeze_pause_us)
}
