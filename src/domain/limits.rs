//! How much may be moved: per payment, in 24 hours, in 30 days, and how much may be held. Sums are
//! account-wide; the strictest of all rows that apply counts.

use super::money::Amount;
use super::outcome::Refusal;
use super::policy::{Caps, Policy};
use super::rows::{Account, Device};
use super::time::Timestamp;

/// The rows that apply to this device now: the standard one, a young device's, a restricted account's, and
/// that of the stage after a recovery.
fn applicable(
    policy: &Policy,
    account: &Account,
    device: &Device,
    now: Timestamp,
) -> impl Iterator<Item = Caps> {
    let limits = &policy.limits;
    let young = now.since_us(device.enrolled_at) < limits.young_us;
    let restricted = account.restricted_at.map(|_| day_of(policy.recovery.restricted_day_minor));
    std::iter::once(limits.standard)
        .chain(young.then_some(limits.young_device))
        .chain(restricted)
        .chain(after_recovery(policy, account, now))
}

/// What a stolen account is worth is bounded by time: nothing comes in at first, and little goes out.
fn after_recovery(policy: &Policy, account: &Account, now: Timestamp) -> Option<Caps> {
    let age_us = now.since_us(account.recovered_at?);
    let [first, second, third] = policy.recovery.stages_us;
    let standard = &policy.limits.standard;
    if age_us < first {
        Some(day_of(policy.recovery.first_day_minor))
    } else if age_us < second {
        Some(part_of(standard, policy.recovery.stages_percent[0]))
    } else if age_us < third {
        Some(part_of(standard, policy.recovery.stages_percent[1]))
    } else {
        None
    }
}

/// So much in 24 hours, and no top-up.
fn day_of(day_minor: i64) -> Caps {
    Caps {
        payment_minor: None,
        day_minor: Some(day_minor),
        month_minor: None,
        balance_minor: None,
        top_up_day_minor: None,
        top_up_day_count: Some(0),
    }
}

/// So many hundredths of all amounts.
fn part_of(caps: &Caps, percent: i64) -> Caps {
    let part = |cap: Option<i64>| cap.map(|cap| cap / 100 * percent);
    Caps {
        payment_minor: part(caps.payment_minor),
        day_minor: part(caps.day_minor),
        month_minor: part(caps.month_minor),
        // What is there, is there.
        balance_minor: caps.balance_minor,
        top_up_day_minor: part(caps.top_up_day_minor),
        top_up_day_count: caps.top_up_day_count,
    }
}

fn exceeds(value: i64, cap: Option<i64>) -> bool {
    cap.is_some_and(|cap| value > cap)
}

/// The most that one payment from this device may amount to now, if there is a limit.
pub fn payment_cap_minor(policy: &Policy, account: &Account, device: &Device, now: Timestamp) -> Option<i64> {
    applicable(policy, account, device, now).filter_map(|caps| caps.payment_minor).min()
}

/// Whether a payment keeps within the limits. In this order: per payment, day, month.
pub fn check_payment(
    policy: &Policy,
    account: &Account,
    device: &Device,
    amount: Amount,
    now: Timestamp,
) -> Result<(), Refusal> {
    let day_minor = account.spending.last_day(now).amount_minor.saturating_add(amount.minor());
    let month_minor = account.spending.last_month(now).amount_minor.saturating_add(amount.minor());
    for (value, cap, refusal) in [
        (
            amount.minor(),
            (|caps: &Caps| caps.payment_minor) as fn(&Caps) -> Option<i64>,
            Refusal::LimitPerPayment,
        ),
        (day_minor, |caps| caps.day_minor, Refusal::LimitPerDay),
        (month_minor, |caps| caps.month_minor, Refusal::LimitPerMonth),
    ] {
        if applicable(policy, account, device, now).any(|caps| exceeds(value, cap(&caps))) {
            return Err(refusal);
        }
    }
    Ok(())
}

/// A top-up that does not keep within the limits, and when it may be tried anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUpRefusal {
    /// Why.
    pub refusal: Refusal,
    /// The epoch's beginning when time alone does not help.
    pub retry_at: Timestamp,
}

/// Whether a top-up keeps within the limits. In this order: pause, count, day, balance.
pub fn check_top_up(
    policy: &Policy,
    account: &Account,
    device: &Device,
    amount: Amount,
    now: Timestamp,
) -> Result<(), TopUpRefusal> {
    if let Some(last) = account.last_top_up_at
        && now.since_us(last) < policy.limits.top_up_pause_us
    {
        return Err(TopUpRefusal {
            refusal: Refusal::TopUpTooSoon,
            retry_at: last.plus_us(policy.limits.top_up_pause_us),
        });
    }
    let moved = account.top_ups.last_day(now);
    let balance_minor = account.balance_minor().saturating_add(account.incoming_minor);
    for (value, cap, refusal) in [
        (
            moved.count + 1,
            (|caps: &Caps| caps.top_up_day_count) as fn(&Caps) -> Option<i64>,
            Refusal::LimitTopUps,
        ),
        (
            moved.amount_minor.saturating_add(amount.minor()),
            |caps| caps.top_up_day_minor,
            Refusal::LimitPerDay,
        ),
        (balance_minor.saturating_add(amount.minor()), |caps| caps.balance_minor, Refusal::LimitBalance),
    ] {
        if applicable(policy, account, device, now).any(|caps| exceeds(value, cap(&caps))) {
            return Err(TopUpRefusal { refusal, retry_at: Timestamp(0) });
        }
    }
    Ok(())
}
