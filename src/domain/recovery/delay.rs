//! How long a recovery cools, fixed once: what was proved, and what makes it doubtful.

use super::factor::{Class, Kind};
use super::figures::Figures;
use super::{Owner, Situation};
use crate::domain::rows::RecoveryCase;
use crate::domain::time::Timestamp;

/// The delay of a case whose notices were answered.
pub(super) fn delay_us(situation: &Situation<'_>, owner: &Owner) -> i64 {
    let Situation { figures, now, target, case, .. } = situation;
    let cancelled = target.last_cancelled_at.is_some_and(|at| lately(figures, at, *now));
    let slept = case.started_at.since_us(owner.active_at) >= figures.sleep_us;
    let changed = owner.factors.contacts.changed_at().is_some_and(|at| lately(figures, at, case.started_at));
    // Whichever of a class's contacts answered first: what counts is that one of each class took it.
    let passed_over = !case.accepted.covers(case.wanted);
    base_us(figures, case)
        + if changed { figures.delay_contact_us } else { 0 }
        + if slept || cancelled { figures.delay_doubt_us } else { 0 }
        + if passed_over { figures.delay_doubt_us } else { 0 }
}

/// Whether something of `at` was less than 30 days before `now`.
pub(super) fn lately(figures: &Figures, at: Timestamp, now: Timestamp) -> bool {
    now.since_us(at) < figures.lately_us
}

fn base_us(figures: &Figures, case: &RecoveryCase) -> i64 {
    if case.proofed_at.is_some() {
        return figures.delay_proofing_us;
    }
    let strong = case.proved().map(Kind::class).filter(|class| *class != Class::IssuedCode).count();
    match (strong, case.email_code_at, case.phone_code_at) {
        (2.., _, _) => figures.delay_two_us,
        // Whoever proved both would have been content with the quicker one.
        (_, Some(_), _) => figures.delay_email_us,
        (_, None, _) => figures.delay_phone_us,
    }
}
