//! Which second factor a movement of money wants: by its amount, and by the sum and the number of
//! payments over all devices since this device's last code. So splitting an amount, or spreading it
//! over two devices, gains nothing.

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
    /// Whether a call without a code meets it.
    pub fn is_met_without_code(self, rules: &StepUp, device: &Device, now: Timestamp) -> bool {
        match self {
            Self::Nothing => true,
            Self::Fresh => device.last_code_at.is_some_and(|at| now.since_us(at) <= rules.fresh_us),
            Self::Code => false,
        }
    }
}

/// For a payment.
pub fn for_payment(rules: &StepUp, account: &Account, device: &Device, amount: Amount) -> Demand {
    let spent_minor = account.spent_total_minor.saturating_sub(device.spent_at_code_minor);
    let payments = account.payments_total.saturating_sub(device.payments_at_code);
    let amount_asks = amount.minor() >= rules.amount_minor;
    let sum_asks = spent_minor.saturating_add(amount.minor()) > rules.sum_minor;
    let count_asks = payments >= rules.payments;
    if amount_asks || sum_asks || count_asks { Demand::Code } else { Demand::Fresh }
}

/// For a top-up.
pub fn for_top_up(rules: &StepUp, amount: Amount) -> Demand {
    if amount.minor() >= rules.amount_minor { Demand::Code } else { Demand::Fresh }
}
