//! How long a recovery cools, fixed once: what was proved, and what makes it doubtful.

use std::collections::HashSet;

use super::factor::{Class, Kind};
use super::figures::Figures;
use super::{Owner, Situation};
use crate::domain::time::Timestamp;

/// The delay of a case whose notices were answered.
pub(super) fn delay_us(situation: &Situation<'_>, owner: &Owner) -> i64 {
    let Situation { figures, now, target, case, .. } = situation;
    let cancelled = target.last_cancelled_at.is_some_and(|at| lately(figures, at, *now));
    let slept = case.started_at.since_us(owner.active_at) >= figures.sleep_us;
    let changed = owner.factors.contacts.changed_at().is_some_and(|at| lately(figures, at, case.started_at));
    // Whichever of a class's contacts answered first: what counts is that one of each class took it.
    let passed_over = !case.accepted.covers(case.wanted);
    base_us(figures, case.proved())
        + if changed { figures.delay_contact_us } else { 0 }
        + if slept || cancelled { figures.delay_doubt_us } else { 0 }
        + if passed_over { figures.delay_doubt_us } else { 0 }
}

/// Whether something of `at` was less than 30 days before `now`.
pub(super) fn lately(figures: &Figures, at: Timestamp, now: Timestamp) -> bool {
    now.since_us(at) < figures.lately_us
}

/// The delay by what was proved alone, which nothing shortens.
pub fn base_us(figures: &Figures, proved: impl Iterator<Item = Kind>) -> i64 {
    let proved: HashSet<Kind> = proved.collect();
    let strong = proved.iter().filter(|kind| kind.class() != Class::IssuedCode).count();
    if proved.contains(&Kind::Proofing) {
        figures.delay_proofing_us
    } else if strong >= 2 {
        figures.delay_two_us
    } else if proved.contains(&Kind::EmailCode) {
        // Whoever proved both would have been content with the quicker one.
        figures.delay_email_us
    } else {
        figures.delay_phone_us
    }
}
