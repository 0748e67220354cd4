//! Account recovery: one pure transition function over explicit state, time and input. The RPCs, the timers
//! and the model checker call this one; there is no other way from one state of a case to another.
//!
//! A case belongs to a target, which is an account, or the shadow of one that does not exist: then there is
//! no owner, nothing that is proved ever matches, and every step, limit and answer is the same.
//!
//! What may happen is a table of rules (`table.rs`): on which input, from which states, under which guards
//! (`guard.rs`), with which acts (`act.rs`). The first rule whose guards all hold is taken. Dropping any
//! guard or act makes the model checker find a trace (`tests/recovery_model.rs`).
//!
//! The properties R1 to R15 are in `docs/recovery.md`.

pub mod act;
pub mod addition;
pub mod begun;
pub mod delay;
pub mod factor;
pub mod figures;
pub mod guard;
pub mod locator;
pub mod table;
#[cfg(test)]
mod tests;

use factor::{Channel, Channels, Kind};
use figures::Figures;
use table::Table;

use super::id::{KeyId, OperatorId};
use super::outcome::Refusal;
use super::proof::Step;
use super::record::stored_enum;
use super::rows::{Account, Factors, RecoveryCase, RecoveryTarget};
use super::time::Timestamp;

stored_enum! {
    /// Where a case is. Whether it is contested, its target says.
    CaseState {
        /// Begun: nothing is proved.
        Requested = 0,
        /// Something is proved.
        Proving = 1,
        /// Enough is proved; notices are being sent.
        Proven = 2,
        /// The owner was told, and time passes.
        Cooling = 3,
        /// It may be completed.
        Ready = 4,
        /// The account has a new device.
        Completed = 5,
        /// The owner, or an operator, ended it.
        Cancelled = 6,
        /// Time ended it.
        Expired = 7,
        /// Too many attempts ended it.
        Rejected = 8,
    }
}

impl CaseState {
    /// Whether nothing can happen to it any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled | Self::Expired | Self::Rejected => true,
            Self::Requested | Self::Proving | Self::Proven | Self::Cooling | Self::Ready => false,
        }
    }

    /// Whether enough is proved and nothing ended it.
    pub fn stands(self) -> bool {
        matches!(self, Self::Proven | Self::Cooling | Self::Ready)
    }
}

/// The account as recovery sees and changes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Steps with every completed recovery.
    pub epoch: i64,
    /// When a device of its last made a call.
    pub active_at: Timestamp,
    /// Since when outflow is stopped.
    pub frozen_at: Option<Timestamp>,
    /// When that ends by itself, if it does.
    pub frozen_until: Option<Timestamp>,
    /// Since when a recovery cools, and everything is restricted.
    pub restricted_at: Option<Timestamp>,
    /// Since when two contend for it, and outflow is stopped.
    pub contested_at: Option<Timestamp>,
    /// When it was last recovered.
    pub recovered_at: Option<Timestamp>,
    /// The authenticator must be confirmed before anything else.
    pub renewal_due: bool,
    /// The last step of RFC 6238 that was used.
    pub totp_last_step: Step,
    /// When its factors were bound.
    pub factors: Factors,
}

impl Owner {
    /// Of the account's rows.
    pub fn of(account: &Account, factors: &Factors) -> Self {
        Self {
            epoch: account.epoch,
            active_at: account.active_at,
            frozen_at: account.frozen_at,
            frozen_until: account.frozen_until,
            restricted_at: account.restricted_at,
            contested_at: account.contested_at,
            recovered_at: account.recovered_at,
            renewal_due: account.renewal_due,
            totp_last_step: account.totp_last_step,
            factors: factors.clone(),
        }
    }

    /// Into the account's row; the factors are a row of their own.
    pub fn write(self, account: &mut Account) -> Factors {
        account.epoch = self.epoch;
        account.frozen_at = self.frozen_at;
        account.frozen_until = self.frozen_until;
        account.restricted_at = self.restricted_at;
        account.contested_at = self.contested_at;
        account.recovered_at = self.recovered_at;
        account.renewal_due = self.renewal_due;
        account.totp_last_step = self.totp_last_step;
        self.factors
    }
}

/// What happens to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The candidate wants a code over a channel.
    SendCode {
        /// Which.
        channel: Channel,
        /// Keyed hash of the code that would be sent.
        code_tag: [u8; 32],
    },
    /// The candidate proves something.
    Prove {
        /// What.
        kind: Kind,
        /// Whether it is right: the step for an authenticator's code, 0 for anything else.
        matched: Option<Step>,
        /// The channels over which everybody can be told.
        channels: Channels,
    },
    /// What follows from what was just proved or told. Never from outside.
    Settle {
        /// The channels over which everybody can be told.
        channels: Channels,
    },
    /// A channel took a notice, or refused it for good.
    Notice {
        /// Which.
        channel: Channel,
        /// Whether it took it.
        accepted: bool,
    },
    /// A device of the account wants no recovery.
    DeviceCancels {
        /// Whether it was reported lost.
        lost: bool,
    },
    /// Somebody who has a notice's secret wants no recovery: the first call.
    CancelAsked {
        /// His key.
        key_id: KeyId,
    },
    /// The second.
    CancelConfirmed {
        /// His key.
        key_id: KeyId,
    },
    /// An operator wants no recovery.
    OperatorCancels,
    /// Two operators saw the person.
    Proofed {
        /// One.
        proposer: OperatorId,
        /// The other.
        approver: OperatorId,
        /// The channels over which everybody can be told.
        channels: Channels,
    },
    /// The candidate wants outflow stopped.
    Freeze,
    /// The candidate says that the owner's devices are lost.
    ReportLost,
    /// The candidate wants the account.
    Complete,
    /// Time passed.
    Tick,
}

/// What the owner is told about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// Somebody proved enough, and how to stop him.
    Proven,
    /// It still cools, and how to stop it.
    Reminder,
    /// It may be completed now, and how to stop it.
    Ready,
    /// Two contend for the account.
    Contested,
    /// It was cancelled.
    Cancelled,
    /// It was cancelled by a notice's secret: what was proved still counts.
    CancelledByNotice,
    /// It was completed.
    Completed,
    /// Outflow was stopped.
    Frozen,
}

/// What a step wants done besides changing the situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A code goes to the confirmed contacts of this channel.
    SendCode(Channel),
    /// What was proved was wrong: the answer is that, and nothing else.
    Wrong,
    /// Everybody who can be reached is told.
    Tell(Told),
    /// Devices, payment codes and the document are renewed.
    Renew,
}

/// Everything that a step looks at and changes.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The figures in force.
    pub figures: &'a Figures,
    /// When.
    pub now: Timestamp,
    /// The account; none behind a shadow.
    pub owner: Option<&'a mut Owner>,
    /// What outlives cases.
    pub target: &'a mut RecoveryTarget,
    /// The case.
    pub case: &'a mut RecoveryCase,
}

/// One step by the rules of `table`. On a refusal nothing is changed.
pub fn step(table: &Table, situation: &mut Situation<'_>, input: &Input) -> Result<Vec<Effect>, Refusal> {
    let mut effects = take(table, situation, input)?;
    // What follows is decided at once: a set that is complete, a notice that was the last one missing.
    let follow = match input {
        Input::Prove { channels, .. } | Input::Proofed { channels, .. } => Some(*channels),
        Input::Notice { .. } => Some(situation.case.wanted),
        Input::SendCode { .. }
        | Input::Settle { .. }
        | Input::DeviceCancels { .. }
        | Input::CancelAsked { .. }
        | Input::CancelConfirmed { .. }
        | Input::OperatorCancels
        | Input::Freeze
        | Input::ReportLost
        | Input::Complete
        | Input::Tick => None,
    };
    if let Some(channels) = follow
        && let Ok(more) = take(table, situation, &Input::Settle { channels })
    {
        effects.extend(more);
    }
    situation.case.due_at = due_at(situation.figures, situation.case);
    Ok(effects)
}

fn take(table: &Table, situation: &mut Situation<'_>, input: &Input) -> Result<Vec<Effect>, Refusal> {
    let mut refusal = None;
    for rule in table.rules_for(input, situation.case.state) {
        match rule.guards.iter().find(|guard| !guard.holds(situation, input)) {
            None => return Ok(rule.acts.iter().filter_map(|act| act.perform(situation, input)).collect()),
            Some(guard) => refusal = refusal.or(Some(guard.refusal())),
        }
    }
    Err(refusal.unwrap_or(match situation.case.state {
        state if state.is_over() => Refusal::RecoveryOver,
        state if state.stands() => Refusal::RecoveryCooling,
        _not_proved => Refusal::RecoveryUnproven,
    }))
}

/// When time next does something to a case.
fn due_at(figures: &Figures, case: &RecoveryCase) -> Option<Timestamp> {
    match case.state {
        CaseState::Cooling => reminder_at(case, case.reminders).or(case.ready_at),
        CaseState::Requested
        | CaseState::Proving
        | CaseState::Proven
        | CaseState::Ready
        | CaseState::Completed
        | CaseState::Cancelled
        | CaseState::Expired
        | CaseState::Rejected => over_at(figures, case),
    }
}

/// When time ends a case that nothing happens to: too little is proved, nobody could be told, or it is not
/// completed.
fn over_at(figures: &Figures, case: &RecoveryCase) -> Option<Timestamp> {
    match case.state {
        CaseState::Requested | CaseState::Proving => {
            let span_us = if case.with_proofing { figures.proofing_us } else { figures.requested_us };
            Some(case.proved_last_at.unwrap_or(case.started_at).plus_us(span_us))
        }
        CaseState::Proven => case.proven_at.map(|at| at.plus_us(figures.proven_us)),
        CaseState::Ready => case.ready_at.map(|at| at.plus_us(figures.window_us)),
        CaseState::Cooling
        | CaseState::Completed
        | CaseState::Cancelled
        | CaseState::Expired
        | CaseState::Rejected => None,
    }
}

/// When the reminder after so many is sent: at 50 % of the delay, then at 90 %.
fn reminder_at(case: &RecoveryCase, sent: i64) -> Option<Timestamp> {
    let (from, to) = (case.cooling_at?, case.ready_at?);
    let percent = match sent {
        0 => 50,
        1 => 90,
        _ => return None,
    };
    Some(from.plus_us(to.since_us(from) / 100 * percent))
}
