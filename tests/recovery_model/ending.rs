//! What must hold of how a case ends: cancelled, completed, or by time; and of a freeze.

use saifu::domain::recovery::factor::Kind;
use saifu::domain::recovery::{CaseState, Effect, Input, Told};
use saifu::domain::time::{DAY_US, MINUTE_US, Timestamp};

use crate::rows::key_id;
use crate::watch::{Broken, Rule, Step, due_at, ends_at};
use crate::world::State;

/// Whether the first call came from the same key, not long ago.
pub fn was_asked(step: &Step<'_>) -> bool {
    let Input::CancelConfirmed { key_id: by } = step.input else { return false };
    let recent = |at: Timestamp| step.now().since_us(at) < 10 * MINUTE_US;
    step.was().trail.asked.is_some_and(|(hand, at)| key_id(hand) == *by && recent(at))
}

/// After a cancellation, or its first call, that was taken.
pub fn cancelled(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let (was, now) = (step.was(), step.now());
    let stood = was.stands();
    let said = was.trail.lost_said;
    let lost = matches!(step.input, Input::DeviceCancels { lost } if *lost || said);
    // While two contend, and for a case that another one took over from, nobody cancels.
    broken.note(Rule::R14, !stood || step.may_move());
    if let Input::CancelAsked { key_id } = step.input {
        broken.note(Rule::L2, after.cases[step.slot].row.cancel_asked_by == Some(*key_id));
        return;
    }
    let asked = !matches!(step.input, Input::CancelConfirmed { .. }) || was_asked(step);
    broken.note(Rule::R3, asked);
    let lately = step.before.target.last_cancelled_at.is_some_and(|at| now.since_us(at) < 30 * DAY_US);
    let state = after.cases[step.slot].row.state;
    if stood && (lost || lately) {
        after.world.contested = true;
        broken.note(Rule::R14, state == was.row.state);
        broken.note(Rule::R6, step.told(Told::Contested));
        return;
    }
    broken.note(Rule::R3, state == CaseState::Cancelled);
    broken.note(Rule::R14, !lost);
    after.cases[step.slot].trail.cancelled = true;
    let by_notice = matches!(step.input, Input::CancelConfirmed { .. });
    if stood {
        let told = if by_notice { Told::CancelledByNotice } else { Told::Cancelled };
        broken.note(Rule::R6, step.told(told));
        broken.note(Rule::R3, after.target.last_cancelled_at == Some(now));
    }
    if by_notice {
        still_counts(step, after, broken);
        return;
    }
    if stood || matches!(step.input, Input::DeviceCancels { .. }) {
        let suspect = |kind: Kind| kind == Kind::Proofing || after.owner.factors.is_suspect(kind, now);
        broken.note(Rule::R3, was.trail.proved.iter().all(suspect));
        let issued = was.trail.proved.has(Kind::EmailCode) || was.trail.proved.has(Kind::PhoneCode);
        let until = after.owner.factors.issued_locked_until;
        broken.note(Rule::R3, !issued || until == now.plus_us(7 * DAY_US));
    }
}

/// Who reads a notice need not be the owner: whatever the owner could prove, he can prove in another case.
fn still_counts(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let (before, now) = (&step.before.owner.factors, step.now());
    let factors = &after.owner.factors;
    let as_before = |kind: Kind| factors.is_suspect(kind, now) == before.is_suspect(kind, now);
    broken.note(Rule::R3, Kind::ALL.into_iter().all(as_before));
    broken.note(Rule::R3, factors.saved_code_case != Some(step.was().row.case_id));
    if after.world.saved_case == Some(step.slot) {
        after.world.saved_case = None;
    }
}

fn by_contact_alone(step: &Step<'_>) -> bool {
    step.was().trail.proved.iter().all(|kind| kind.channel().is_some())
}

/// A freeze by a code to a contact alone is had once in seven days; any other at any time.
pub fn freeze_is_free(step: &Step<'_>) -> bool {
    let over = |at: Timestamp| step.now().since_us(at) >= 7 * DAY_US;
    !by_contact_alone(step) || step.before.world.issued_freeze_at.is_none_or(over)
}

/// After a freeze that was taken.
pub fn frozen(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let (now, alone, was) = (step.now(), by_contact_alone(step), &step.before.owner);
    broken.note(Rule::R7, !step.was().trail.proved.is_empty() && freeze_is_free(step));
    broken.note(Rule::R4, step.of_this_epoch());
    broken.note(Rule::R6, step.told(Told::Frozen));
    let stopped = was.frozen_at.is_some() && was.frozen_until.is_none_or(|until| now < until);
    let until = match (alone, stopped) {
        (false, _) => None,
        (true, true) => was.frozen_until,
        (true, false) => Some(now.plus_us(DAY_US)),
    };
    broken.note(Rule::R7, after.owner.frozen_at.is_some() && after.owner.frozen_until == until);
    if alone {
        after.world.issued_freeze_at = Some(now);
    }
}

fn proved_again(step: &Step<'_>) -> bool {
    let trail = &step.was().trail;
    let recent = |at: Timestamp| step.now().since_us(at) < 10 * MINUTE_US;
    trail.proved.has(Kind::Proofing) || trail.again_at.is_some_and(recent)
}

/// Whether nothing that the design names is in the way.
pub fn may_complete(step: &Step<'_>) -> bool {
    let was = step.was();
    was.row.state == CaseState::Ready
        && step.may_move()
        && step.of_this_epoch()
        && ends_at(was).is_some_and(|at| step.now() < at)
        && was.trail.version == step.before.owner.factors.version
        && proved_again(step)
}

/// After a completion.
pub fn completed(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let (was, now, owner) = (step.was(), step.now(), &step.before.owner);
    let trail = &was.trail;
    broken.note(Rule::R1, trail.proved.suffice() && proved_again(step));
    broken.note(Rule::R2, trail.ready_at.is_some_and(|at| now >= at));
    broken.note(Rule::R3, !trail.cancelled);
    broken.note(Rule::R4, step.of_this_epoch());
    broken.note(Rule::R6, trail.reminders >= 2);
    broken.note(Rule::R10, trail.version == owner.factors.version);
    broken.note(Rule::R14, step.may_move());
    broken.note(Rule::L1, ends_at(was).is_some_and(|at| now < at));
    let state = after.cases[step.slot].row.state;
    broken.note(Rule::R4, state == CaseState::Completed && after.owner.epoch == owner.epoch + 1);
    let factors = &after.owner.factors;
    let renewed = factors.totp_bound_at.is_none()
        && factors.saved_code_bound_at.is_none()
        && factors.passphrase_bound_at == Some(now)
        && after.owner.renewal_due
        && step.effects.contains(&Effect::Renew);
    broken.note(Rule::R4, renewed);
    broken.note(Rule::R9, after.owner.recovered_at == Some(now));
    broken.note(Rule::R6, step.told(Told::Completed));
    after.world.recovered_at = Some(now);
    after.world.saved_case = None;
    after.world.claim = None;
}

/// After a timer.
pub fn ticked(step: &Step<'_>, after: &mut State, broken: &mut Broken) {
    let (was, now) = (step.was(), step.now());
    broken.note(Rule::L1, due_at(was).is_some_and(|at| now >= at));
    let case = &mut after.cases[step.slot];
    match (was.row.state, case.row.state) {
        (CaseState::Cooling, CaseState::Cooling) => {
            broken.note(Rule::R6, step.told(Told::Reminder));
            case.trail.reminders += 1;
            broken.note(Rule::R6, case.row.reminders == case.trail.reminders && case.trail.reminders <= 2);
        }
        (CaseState::Cooling, CaseState::Ready) => {
            broken.note(Rule::R2, case.trail.ready_at.is_some_and(|at| now >= at));
            broken.note(Rule::R6, step.told(Told::Ready) && case.trail.reminders == 2);
        }
        (_, state) => broken.note(Rule::L1, state == CaseState::Expired),
    }
}
