//! What an outcome is to its account: an entry, or nothing.

use super::{Outcome, Refusal};
use crate::domain::time::Timestamp;

impl Outcome {
    /// Not done, and time alone does not help.
    pub fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, retry_at: Timestamp(0) }
    }

    /// Whether it is among the entries of its account: what is available, or a payment, is another by it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome moves no money")]
    pub fn is_entry(&self) -> bool {
        match self {
            Self::Paid { .. }
            | Self::Charged { .. }
            | Self::Authorized { .. }
            | Self::CashToppedUp { .. }
            | Self::CashReversed { .. } => true,
            Self::PaymentStepped { moved, .. } => moved.is_any(),
            Self::Reversed { refunded_minor, released_minor, .. } => *refunded_minor + *released_minor > 0,
            Self::TopUpSettled { credited_minor, .. } => *credited_minor > 0,
            // Whoever had nothing left sees no movement.
            Self::TopUpTakenBack { taken_minor, .. } => *taken_minor > 0,
            _ => false,
        }
    }

    /// Whether nothing was done.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}
