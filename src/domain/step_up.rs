//! Which second factor a movement of money wants: by its amount, and by the sum and the number of
//! payments over all devices since this device's last code. So splitting an amount, or spreading it
//! over two devices, gains nothing.

use super::live_codes::Outstanding;
use super::money::Amount;
use super::policy::StepUp;
use super::rows::{Account, Device};
use super::time::Timestamp;

/// What a call must bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No second factor.
    Nothing,
    /// A code accepted from this device not long ago, or one in this call.
    Fresh,
    /// A code in this call.
    Code,
}

impl Demand {
    /// Whether a call without a code meets it, when this was the device's last one.
    pub fn is_met_without_code(
        self,
        rules: &StepUp,
        last_code_at: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        match self {
            Self::Nothing => true,
            Self::Fresh => last_code_at.is_some_and(|at| now.since_us(at) <= rules.fresh_us),
            Self::Code => false,
        }
    }
}

/// What was spent over all devices since a device's last code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinceCode {
    /// In minor units, with what live payment codes may still take out.
    pub spent_minor: i64,
    /// Payments, with live payment codes.
    pub payments: i64,
}

impl SinceCode {
    /// For this device now.
    pub fn of(account: &Account, device: &Device, outstanding: Outstanding) -> Self {
        Self {
            spent_minor: account
                .spent_total_minor
                .saturating_sub(device.spent_at_code_minor)
                .saturating_add(outstanding.caps_minor),
            payments: account
                .payments_total
                .saturating_sub(device.payments_at_code)
                .saturating_add(outstanding.count),
        }
    }
}

/// For a payment, and for a payment code's cap. What other live codes may still take out counts as
/// spent: issuing codes and paying besides gains nothing.
pub fn for_payment(rules: &StepUp, since: SinceCode, amount: Amount) -> Demand {
    let amount_asks = amount.minor() >= rules.amount_minor;
    let sum_asks = since.spent_minor.saturating_add(amount.minor()) > rules.sum_minor;
    let count_asks = since.payments >= rules.payments;
    if amount_asks || sum_asks || count_asks { Demand::Code } else { Demand::Fresh }
}

/// For a top-up.
pub fn for_top_up(rules: &StepUp, amount: Amount) -> Demand {
    if amount.minor() >= rules.amount_minor { Demand::Code } else { Demand::Fresh }
}
