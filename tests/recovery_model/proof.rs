//! What must hold of codes that are sent, and of what is proved.

use saifu::domain::proof::Step as TotpStep;
use saifu::domain::recovery::factor::{Channel, Kind};
use saifu::domain::recovery::{CaseState, Effect, Input};
use saifu::domain::time::{DAY_US, HOUR_US, MINUTE_US};

use crate::watch::{Broken, Rule, Step, ends_at};
use crate::world::{State, World};

/// By the contact, of the account once something is proved, and of the reserve.
const ATTEMPTS: [i64; 3] = [10, 10, 5];
const ATTEMPTS_CASE: i64 = 5;
const MESSAGES: i64 = 3;

fn new_day(world: &mut World, day: i64) {
    if world.day != day {
        (world.day, world.compared, world.messages) = (day, [0; 3], [0; 3]);
    }
}

/// Of attempts and messages that the design allows, some are left.
pub fn must_be_heard(step: &Step<'_>) -> bool {
    let (was, now) = (step.was(), step.now());
    if was.row.state.is_over() || ends_at(was).is_some_and(|at| now >= at) {
        return false;
    }
    let mut world = step.before.world.clone();
    new_day(&mut world, now.day());
    let (tier, reserve) = (was.tier(), was.has_reserve());
    if let Input::SendCode { .. } = step.input {
        return world.messages[tier] < MESSAGES;
    }
    let Input::Prove { kind, .. } = step.input else { return false };
    let left = world.compared[tier] < ATTEMPTS[tier] || (tier == 0 && !is_guess(*kind));
    *kind == Kind::SavedCode || (left && (reserve || was.trail.compared < ATTEMPTS_CASE))
}

/// Eight digits of ten minutes are not guessed in five attempts.
fn is_guess(kind: Kind) -> bool {
    kind.channel().is_none()
}

/// After a request for a code that was taken.
pub fn sent(step: &Step<'_>, after: &mut State, channel: Channel, broken: &mut Broken) {
    let (was, now) = (step.was(), step.now());
    new_day(&mut after.world, now.day());
    let messages = &mut after.world.messages[was.tier()];
    *messages += 1;
    broken.note(Rule::R11, *messages <= MESSAGES);
    // Confirmed before, on the account, and long enough ago.
    let confirmed = step.before.owner.factors.contacts.0.iter().any(|contact| {
        contact.channel == channel
            && contact.removed_at.is_none()
            && was.row.started_at.since_us(contact.confirmed_at) >= 72 * HOUR_US
            && (channel == Channel::Email
                || was.row.started_at.since_us(contact.confirmed_at) <= 365 * DAY_US)
    });
    let sent = step.effects.contains(&Effect::SendCode(channel));
    broken.note(Rule::R5, !sent || confirmed);
    broken.note(Rule::L1, sent || !confirmed);
    broken.note(Rule::R5, step.effects.iter().all(|effect| *effect == Effect::SendCode(channel)));
    if sent {
        let trail = &mut after.cases[step.slot].trail;
        (trail.code, trail.code_used) = (Some((channel, now)), false);
    }
}

/// After a proof that was taken, right or wrong.
pub fn proved(
    step: &Step<'_>,
    after: &mut State,
    kind: Kind,
    matched: Option<TotpStep>,
    broken: &mut Broken,
) {
    count(step, after, kind, broken);
    let wrong = step.effects.contains(&Effect::Wrong);
    let compared = after.cases[step.slot].trail.compared;
    let rejected = after.cases[step.slot].row.state == CaseState::Rejected;
    let spent = wrong && compared >= ATTEMPTS_CASE && !step.was().has_reserve();
    broken.note(Rule::R11, rejected == spent);
    if wrong {
        broken.note(Rule::L1, !good(step, kind, matched));
        return;
    }
    broken.note(Rule::R1, good(step, kind, matched));
    broken.note(Rule::R4, step.of_this_epoch() || step.was().stands());
    let now = step.now();
    let case = &mut after.cases[step.slot];
    if step.was().stands() {
        case.trail.again_at = Some(now);
        broken.note(Rule::R1, case.row.proved_again_at == Some(now));
    } else {
        case.trail.proved = case.trail.proved.with(kind);
        case.trail.proved_last_at = Some(now);
        broken.note(Rule::R1, case.row.proved_at(kind) == Some(now));
    }
    if kind.channel().is_some() {
        case.trail.code_used = true;
    }
    match (kind, matched) {
        (Kind::SavedCode, _) => after.world.saved_case = Some(step.slot),
        (Kind::Totp, Some(totp_step)) => after.world.last_step = totp_step,
        (_, _) => {}
    }
}

fn count(step: &Step<'_>, after: &mut State, kind: Kind, broken: &mut Broken) {
    if kind == Kind::SavedCode {
        return;
    }
    let (tier, reserve) = (step.was().tier(), step.was().has_reserve());
    new_day(&mut after.world, step.now().day());
    if tier > 0 || is_guess(kind) {
        let compared = &mut after.world.compared[tier];
        *compared += 1;
        broken.note(Rule::R11, *compared <= ATTEMPTS[tier]);
    }
    if !reserve {
        let trail = &mut after.cases[step.slot].trail;
        trail.compared += 1;
        broken.note(Rule::R11, trail.compared <= ATTEMPTS_CASE);
    }
}

/// Whether this proof counts, in the design's words.
fn good(step: &Step<'_>, kind: Kind, matched: Option<TotpStep>) -> bool {
    let (was, now, world) = (step.was(), step.now(), &step.before.world);
    let factors = &step.before.owner.factors;
    let floor_us = if kind == Kind::Totp { 30 * DAY_US } else { 72 * HOUR_US };
    let most_us = if kind == Kind::PhoneCode { 365 * DAY_US } else { i64::MAX };
    let ages_us = floor_us..=most_us;
    let aged = factors.bound_at(kind).is_some_and(|at| ages_us.contains(&was.row.started_at.since_us(at)));
    let counts = step.of_this_epoch() && if was.stands() { was.trail.proved.has(kind) } else { aged };
    let (sent_over, in_time) = match was.trail.code {
        Some((channel, at)) => (Some(channel), !was.trail.code_used && now.since_us(at) < 10 * MINUTE_US),
        None => (None, false),
    };
    let fresh = match kind {
        Kind::Totp => matched.is_some_and(|totp_step| totp_step > world.last_step),
        Kind::SavedCode => world.saved_case.is_none_or(|slot| slot == step.slot),
        Kind::EmailCode | Kind::PhoneCode => sent_over == kind.channel() && in_time,
        Kind::Passphrase => true,
        Kind::Proofing => false,
    };
    matched.is_some() && counts && fresh && !factors.is_suspect(kind, now)
}
