//! How much may be moved: per payment, in 24 hours, in 30 days, and how much may be held. Sums are
//! account-wide; the strictest of all rows that apply counts.

use super::money::Amount;
use super::outcome::Refusal;
use super::policy::{Caps, Limits};
use super::rows::{Account, Device};
use super::time::Timestamp;

/// The rows that apply to this device now.
fn applicable<'a>(limits: &'a Limits, device: &Device, now: Timestamp) -> impl Iterator<Item = &'a Caps> {
    let young = now.since_us(device.enrolled_at) < limits.young_us;
    std::iter::once(&limits.standard).chain(young.then_some(&limits.young_device))
}

fn exceeds(value: i64, cap: Option<i64>) -> bool {
    cap.is_some_and(|cap| value > cap)
}

impl Limits {
    /// The most that one payment from this device may amount to now, if there is a limit.
    pub fn payment_cap_minor(&self, device: &Device, now: Timestamp) -> Option<i64> {
        applicable(self, device, now).filter_map(|caps| caps.payment_minor).min()
    }
}

/// Whether a payment keeps within the limits. In this order: per payment, day, month.
pub fn check_payment(
    limits: &Limits,
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
        if applicable(limits, device, now).any(|caps| exceeds(value, cap(caps))) {
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
    limits: &Limits,
    account: &Account,
    device: &Device,
    amount: Amount,
    now: Timestamp,
) -> Result<(), TopUpRefusal> {
    if let Some(last) = account.last_top_up_at
        && now.since_us(last) < limits.top_up_pause_us
    {
        return Err(TopUpRefusal {
            refusal: Refusal::TopUpTooSoon,
            retry_at: last.plus_us(limits.top_up_pause_us),
        });
    }
    let moved = account.top_ups.last_day(now);
    let balance_minor = account.lots.total_minor().saturating_add(account.incoming_minor);
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
        if applicable(limits, device, now).any(|caps| exceeds(value, cap(caps))) {
            return Err(TopUpRefusal { refusal, retry_at: Timestamp(0) });
        }
    }
    Ok(())
}
