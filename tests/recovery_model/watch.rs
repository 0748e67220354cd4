//! What must hold, R1 to R15, judged after every step by what the model saw, not by the rows' own words.

use saifu::domain::recovery::factor::{Channels, Kind};
use saifu::domain::recovery::{CaseState, Effect, Input, Told};
use saifu::domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

use crate::ending;
use crate::proof;
use crate::rows::case_id;
use crate::world::{Case, State};

/// A property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    /// An owner with a valid set comes through; what he may do is not refused to him.
    L1,
    /// An owner with a device, or a notice's secret, who acts in time prevents it.
    L2,
}

impl Rule {
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::R1, "R1"),
        (Self::R2, "R2"),
        (Self::R3, "R3"),
        (Self::R4, "R4"),
        (Self::R5, "R5"),
        (Self::R6, "R6"),
        (Self::R7, "R7"),
        (Self::R8, "R8"),
        (Self::R9, "R9"),
        (Self::R10, "R10"),
        (Self::R11, "R11"),
        (Self::R12, "R12"),
        (Self::R13, "R13"),
        (Self::R14, "R14"),
        (Self::R15, "R15"),
        (Self::L1, "L1"),
        (Self::L2, "L2"),
    ];
}

/// What was broken on the way to a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken(u32);

impl Broken {
    /// Notes a property, unless it holds.
    pub fn note(&mut self, rule: Rule, holds: bool) {
        if !holds {
            self.0 |= 1 << (rule as u32);
        }
    }

    pub fn has(self, rule: Rule) -> bool {
        self.0 & (1 << (rule as u32)) != 0
    }

    pub fn any(self) -> bool {
        self.0 != 0
    }
}

/// A step, and what came of it.
pub struct Step<'a> {
    pub before: &'a State,
    pub slot: usize,
    pub input: &'a Input,
    pub effects: &'a [Effect],
    /// Over which channels the owner can be told now.
    pub channels: Channels,
}

impl Step<'_> {
    pub fn was(&self) -> &Case {
        &self.before.cases[self.slot]
    }

    pub fn now(&self) -> Timestamp {
        self.before.now
    }

    pub fn told(&self, told: Told) -> bool {
        self.effects.contains(&Effect::Tell(told))
    }

    /// This case stands and may move: nobody contends.
    pub fn may_move(&self) -> bool {
        self.before.world.claim == Some(self.slot) && !self.before.world.contested && self.was().stands()
    }

    pub fn of_this_epoch(&self) -> bool {
        self.was().row.epoch == self.before.owner.epoch
    }
}

/// When time ends a case in the state in which it is, if it does.
pub fn ends_at(case: &Case) -> Option<Timestamp> {
    let trail = &case.trail;
    match case.row.state {
        CaseState::Requested | CaseState::Proving => {
            let span_us = if case.row.with_proofing { DAY_US } else { 15 * MINUTE_US };
            Some(trail.proved_last_at.unwrap_or(case.row.started_at).plus_us(span_us))
        }
        CaseState::Proven => trail.proven_at.map(|at| at.plus_us(72 * HOUR_US)),
        CaseState::Ready => trail.ready_at.map(|at| at.plus_us(72 * HOUR_US)),
        CaseState::Cooling
        | CaseState::Completed
        | CaseState::Cancelled
        | CaseState::Expired
        | CaseState::Rejected => None,
    }
}

/// When a timer next has something to do for a case.
pub fn due_at(case: &Case) -> Option<Timestamp> {
    let trail = &case.trail;
    if case.row.state != CaseState::Cooling {
        return ends_at(case);
    }
    let (from, to) = (trail.cooling_at?, trail.ready_at?);
    match trail.reminders {
        0 => Some(from.plus_us(to.since_us(from) / 100 * 50)),
        1 => Some(from.plus_us(to.since_us(from) / 100 * 90)),
        _ => Some(to),
    }
}

/// After a step that was refused: nothing is changed, and what must be possible was not refused.
pub fn refused(step: &Step<'_>, after: &mut State) {
    let (before, now, was) = (step.before, step.now(), step.was());
    let same =
        before.owner == after.owner && before.target == after.target && was.row == after.cases[step.slot].row;
    let mut broken = after.broken;
    broken.note(Rule::R15, same);
    let in_time = ends_at(was).is_none_or(|at| now < at);
    let unproved = !was.stands() && !was.row.state.is_over();
    match step.input {
        Input::Tick => broken.note(Rule::L1, due_at(was).is_none_or(|at| now < at)),
        Input::DeviceCancels { lost } => {
            broken.note(Rule::L2, !(step.may_move() || (unproved && !lost)));
        }
        Input::OperatorCancels => broken.note(Rule::L2, !(step.may_move() || unproved)),
        Input::CancelAsked { .. } => broken.note(Rule::L2, !step.may_move()),
        Input::CancelConfirmed { .. } => {
            broken.note(Rule::L2, !(step.may_move() && ending::was_asked(step)));
        }
        Input::Proofed { proposer, approver, .. } => {
            let alive = !was.row.state.is_over() && in_time && step.of_this_epoch();
            broken.note(Rule::L1, !(alive && proposer != approver));
        }
        Input::Freeze => {
            let proved = !was.trail.proved.is_empty() && !was.row.state.is_over();
            let paused = !ending::freeze_is_free(step);
            broken.note(Rule::L1, !(proved && in_time && step.of_this_epoch() && !paused));
        }
        Input::ReportLost => {
            broken.note(Rule::L1, !(step.may_move() && in_time && step.of_this_epoch()));
        }
        Input::Complete => broken.note(Rule::L1, !ending::may_complete(step)),
        Input::Notice { .. } => {
            let awaited = was.row.state == CaseState::Proven && step.may_move() && in_time;
            broken.note(Rule::L1, !awaited);
        }
        Input::SendCode { .. } | Input::Prove { .. } => {
            broken.note(Rule::L1, !proof::must_be_heard(step));
        }
        Input::Settle { .. } => {}
    }
    after.broken = broken;
}

/// After a step that was taken. The model writes down what it saw, and judges.
pub fn taken(step: &Step<'_>, after: &mut State) {
    let mut broken = after.broken;
    let over = ends_at(step.was()).is_some_and(|at| step.now() >= at);
    match step.input {
        Input::SendCode { channel, .. } => {
            broken.note(Rule::L1, !over);
            proof::sent(step, after, *channel, &mut broken);
        }
        Input::Prove { kind, matched, .. } => {
            broken.note(Rule::L1, !over);
            proof::proved(step, after, *kind, *matched, &mut broken);
        }
        Input::Settle { .. } => {}
        Input::Notice { channel, accepted } => {
            let trail = &mut after.cases[step.slot].trail;
            if *accepted {
                trail.accepted = trail.accepted.with(*channel);
            } else {
                trail.refused = trail.refused.with(*channel);
            }
        }
        Input::DeviceCancels { .. }
        | Input::CancelAsked { .. }
        | Input::CancelConfirmed { .. }
        | Input::OperatorCancels => ending::cancelled(step, after, &mut broken),
        Input::Proofed { proposer, approver, .. } => {
            broken.note(Rule::R13, proposer != approver);
            broken.note(Rule::L1, !over);
            broken.note(Rule::R4, step.of_this_epoch());
            after.cases[step.slot].trail.proved = step.was().trail.proved.with(Kind::Proofing);
        }
        Input::Freeze => {
            broken.note(Rule::L1, !over);
            ending::frozen(step, after, &mut broken);
        }
        Input::ReportLost => {
            broken.note(Rule::L1, !over);
            broken.note(Rule::R14, step.may_move());
            broken.note(Rule::R4, step.of_this_epoch());
            broken.note(Rule::L1, after.cases[step.slot].row.devices_lost);
            after.cases[step.slot].trail.lost_said = true;
        }
        Input::Complete => ending::completed(step, after, &mut broken),
        Input::Tick => ending::ticked(step, after, &mut broken),
    }
    moved(step, after, &mut broken);
    whole(step, after, &mut broken);
    after.broken = broken;
}

/// A case that came to stand, or to cool.
fn moved(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let (was, now) = (step.was().row.state, step.now());
    let state = after.cases[step.slot].row.state;
    let anew = matches!(step.input, Input::Proofed { .. });
    if state == CaseState::Proven && (anew || !was.stands()) {
        stood(step, after, anew, broken);
    }
    let proved = after.cases[step.slot].trail.proved;
    broken.note(Rule::R8, !state.stands() || proved.suffice());
    // What is enough stands at once, unless two contend and neither is the claim.
    let waits = after.world.contested && after.world.claim.is_none();
    broken.note(Rule::L1, state != CaseState::Proving || !proved.suffice() || waits);
    if state == CaseState::Cooling && was != CaseState::Cooling {
        let trail = &after.cases[step.slot].trail;
        let answered = trail.accepted.and(trail.refused).covers(trail.awaited);
        broken.note(Rule::R6, answered && !trail.accepted.is_empty() && !trail.awaited.is_empty());
        broken.note(Rule::R14, step.may_move());
        broken.note(Rule::L1, ends_at(step.was()).is_some_and(|at| now < at));
        broken.note(Rule::R4, step.of_this_epoch());
        let ready_at = now.plus_us(delay_us(step, after)).max(trail.ready_at.unwrap_or(Timestamp(0)));
        let trail = &mut after.cases[step.slot].trail;
        (trail.cooling_at, trail.ready_at) = (Some(now), Some(ready_at));
        broken.note(Rule::R2, after.cases[step.slot].row.ready_at == Some(ready_at));
    }
    let trail = &after.cases[step.slot].trail;
    let all = trail.accepted.and(trail.refused).covers(trail.awaited) && !trail.accepted.is_empty();
    let due = matches!(step.input, Input::Notice { .. }) && all && step.may_move();
    let in_time = ends_at(step.was()).is_none_or(|at| now < at) && step.of_this_epoch();
    broken.note(Rule::L1, !(due && in_time && state == CaseState::Proven));
}

fn stood(step: &Step<'_>, after: &mut State, anew: bool, broken: &mut Broken) {
    let version = after.owner.factors.version;
    let trail = &mut after.cases[step.slot].trail;
    trail.proven_at = Some(step.now());
    let contends = !anew && step.before.world.claim.is_some();
    if contends {
        after.world.contested = true;
        broken.note(Rule::R6, step.told(Told::Contested));
        return;
    }
    broken.note(Rule::R14, anew || !step.before.world.contested);
    broken.note(Rule::R6, step.told(Told::Proven));
    broken.note(Rule::R4, step.of_this_epoch());
    trail.version = version;
    trail.awaited = step.channels;
    (trail.accepted, trail.refused) = (Channels::default(), Channels::default());
    (trail.cooling_at, trail.reminders) = (None, 0);
    after.world.claim = Some(step.slot);
    if anew {
        after.world.contested = false;
    }
}

/// The design's delay, in its words.
fn delay_us(step: &Step<'_>, after: &State) -> i64 {
    let (now, case) = (step.now(), &after.cases[step.slot]);
    let (proved, owner) = (case.trail.proved, &step.before.owner);
    let strong = [Kind::Totp, Kind::SavedCode, Kind::Passphrase];
    let strong = strong.into_iter().filter(|kind| proved.has(*kind)).count();
    let hours = if proved.has(Kind::Proofing) {
        72
    } else if strong >= 2 {
        24
    } else if proved.has(Kind::EmailCode) {
        48
    } else {
        72
    };
    let started_at = case.row.started_at;
    let changed = owner.factors.contacts.0.iter().any(|contact| {
        let recent = |at: Timestamp| started_at.since_us(at) < 30 * DAY_US;
        recent(contact.confirmed_at) || contact.removed_at.is_some_and(recent)
    });
    let cancelled = step.before.target.last_cancelled_at.is_some_and(|at| now.since_us(at) < 30 * DAY_US);
    let slept = started_at.since_us(owner.active_at) >= 180 * DAY_US;
    let passed_over = !case.trail.accepted.covers(case.trail.awaited);
    let more_days = [(changed, 7), (slept || cancelled, 3), (passed_over, 3)];
    let more_days: i64 = more_days.iter().map(|(more, days)| if *more { *days } else { 0 }).sum();
    hours * HOUR_US + more_days * DAY_US
}

/// What holds of the account after any step.
fn whole(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let slot = step.slot;
    if after.cases[slot].row.state.is_over() && after.world.claim == Some(slot) {
        after.world.claim = None;
    }
    let (world, target, owner) = (&after.world, &after.target, &after.owner);
    broken.note(Rule::R14, target.claim == world.claim.map(case_id));
    broken.note(Rule::R14, target.contested_at.is_some() == world.contested);
    broken.note(Rule::R14, !world.contested || owner.contested_at.is_some());
    broken.note(Rule::R7, world.claim.is_some() || owner.restricted_at.is_none());
    broken.note(Rule::R7, world.claim.is_some() || world.contested || owner.contested_at.is_none());
    let cools = world.claim.map(|claim| after.cases[claim].row.state);
    let cools = matches!(cools, Some(CaseState::Cooling | CaseState::Ready));
    broken.note(Rule::R10, !cools || owner.restricted_at.is_some());
    untouched(step, after, broken);
}

/// Less than enough, or a case of an older epoch, changes nothing about the account.
fn untouched(step: &Step<'_>, after: &State, broken: &mut Broken) {
    let mut before = step.before.owner.clone();
    before.totp_last_step = after.owner.totp_last_step;
    before.factors.saved_code_case = after.owner.factors.saved_code_case;
    match step.input {
        Input::Freeze => {
            before.frozen_at = after.owner.frozen_at;
            before.frozen_until = after.owner.frozen_until;
        }
        Input::DeviceCancels { .. } => before.factors = after.owner.factors.clone(),
        Input::SendCode { .. }
        | Input::Prove { .. }
        | Input::Settle { .. }
        | Input::Notice { .. }
        | Input::CancelAsked { .. }
        | Input::CancelConfirmed { .. }
        | Input::OperatorCancels
        | Input::Proofed { .. }
        | Input::ReportLost
        | Input::Complete
        | Input::Tick => {}
    }
    let enough = after.cases[step.slot].trail.proved.suffice();
    broken.note(Rule::R7, enough || before == after.owner);
    let ends = after.cases[step.slot].row.state.is_over();
    let cancels = matches!(
        step.input,
        Input::DeviceCancels { .. } | Input::CancelConfirmed { .. } | Input::OperatorCancels
    );
    let may = step.of_this_epoch() || ends || cancels;
    broken.note(Rule::R4, may || step.before.owner == after.owner);
}
