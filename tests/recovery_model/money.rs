//! What an attacker takes out. He takes at once whatever he may, which is the most he can take: nothing
//! that he pays later is more, and the model's owner does not see payments.

use saifu::domain::policy::Policy;
use saifu::domain::recovery::Owner;
use saifu::domain::recovery::figures::Figures;
use saifu::domain::time::{DAY_US, Timestamp};

use crate::scenario::{Power, Powers};
use crate::watch::Rule;
use crate::world::State;

/// The account's money, and what is gone of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub balance_minor: i64,
    pub lost_minor: i64,
    /// The 24 hours that are counted, what was paid in them and what was topped up.
    window_at: Timestamp,
    window_minor: i64,
    topped_minor: i64,
    /// Paid without a code.
    without_code_minor: i64,
}

impl Money {
    /// As much as an account may hold.
    pub fn at(now: Timestamp) -> Self {
        Self {
            balance_minor: 300_000,
            lost_minor: 0,
            window_at: now,
            window_minor: 0,
            topped_minor: 0,
            without_code_minor: 0,
        }
    }
}

/// What may leave a recovered account in 24 hours, so long after.
fn stage_minor(figures: &Figures, full_minor: i64, since_us: i64) -> i64 {
    let [first, second, third] = figures.stages_us;
    let [tenth, three_tenths] = figures.stages_percent;
    if since_us < first {
        figures.first_day_minor
    } else if since_us < second {
        full_minor * tenth / 100
    } else if since_us < third {
        full_minor * three_tenths / 100
    } else {
        full_minor
    }
}

struct Access {
    day_minor: i64,
    may_top_up: bool,
    needs_no_code: bool,
}

/// What a device in the attacker's hands may do now: the owner's phone until it is revoked, or his own.
fn access(policy: &Policy, powers: Powers, state: &State, now: Timestamp) -> Option<Access> {
    let Owner { epoch, .. } = state.owner;
    let phone = powers.has(Power::UnlockedPhone) && epoch == 1 && !state.world.lost;
    let own = state.world.captured == Some(epoch);
    let frozen = state.owner.frozen_at.is_some() && state.owner.frozen_until.is_none_or(|until| now < until);
    if !(phone || own) || frozen || state.owner.contested_at.is_some() {
        return None;
    }
    let limits = &policy.limits.standard;
    let full_minor = limits.day_minor.unwrap_or(i64::MAX);
    let since_us = state.owner.recovered_at.map(|at| now.since_us(at));
    let mut day_minor = since_us.map_or(full_minor, |us| stage_minor(&policy.recovery, full_minor, us));
    let restricted = state.owner.restricted_at.is_some();
    if restricted {
        day_minor = day_minor.min(policy.recovery.restricted_day_minor);
    }
    Some(Access {
        day_minor,
        // Linked at the first epoch, and suspended at every other.
        may_top_up: epoch == 1 && !restricted,
        needs_no_code: own || powers.has(Power::Authenticator),
    })
}

/// He takes what he may, now.
pub fn drain(policy: &Policy, powers: Powers, state: &mut State, now: Timestamp) {
    let Some(access) = access(policy, powers, state, now) else { return };
    let limits = &policy.limits.standard;
    let recovered_at = state.world.recovered_at;
    let money = &mut state.world.money;
    if now.since_us(money.window_at) >= DAY_US {
        (money.window_at, money.window_minor, money.topped_minor) = (now, 0, 0);
    }
    for top_up in [false, true, false] {
        if top_up {
            let day = limits.top_up_day_minor.unwrap_or(0) - money.topped_minor;
            let room = limits.balance_minor.unwrap_or(0) - money.balance_minor;
            let amount = if access.may_top_up { day.min(room).max(0) } else { 0 };
            money.balance_minor += amount;
            money.topped_minor += amount;
        } else {
            let month = limits.month_minor.unwrap_or(i64::MAX) - money.lost_minor;
            let sum = policy.step_up.sum_minor - money.without_code_minor;
            let sum = if access.needs_no_code { i64::MAX } else { sum };
            let day = access.day_minor - money.window_minor;
            let amount = day.min(money.balance_minor).min(month).min(sum).max(0);
            money.balance_minor -= amount;
            money.window_minor += amount;
            money.lost_minor += amount;
            money.without_code_minor += if access.needs_no_code { 0 } else { amount };
        }
    }
    if let Some(at) = recovered_at {
        let full_minor = limits.day_minor.unwrap_or(i64::MAX);
        let cap = stage_minor(&policy.recovery, full_minor, now.since_us(at));
        let (over, topped) = (money.window_minor > cap && money.window_at >= at, access.may_top_up);
        state.broken.note(Rule::R9, !over && !topped);
    }
}

/// He goes on taking, window by window, until then.
pub fn drain_until(policy: &Policy, powers: Powers, state: &mut State, until: Timestamp) {
    while state.world.money.window_at.plus_us(DAY_US) <= until {
        let next = state.world.money.window_at.plus_us(DAY_US).max(state.now);
        let before = state.world.money.window_at;
        drain(policy, powers, state, next);
        if state.world.money.window_at == before {
            return;
        }
    }
}
