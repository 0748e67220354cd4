//! Where money comes from: a provider that charges a linked source. Tokens only; a card number
//! never reaches us.

pub mod none;
pub mod sandbox;

use crate::domain::id::TopUpId;
use crate::domain::money::Amount;
use crate::store::Later;

/// A provider's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// The money is ours.
    Succeeded {
        /// The provider's name for it; unique.
        reference: String,
    },
    /// It is not, and will not be.
    Declined {
        /// The provider's name for it; unique.
        reference: String,
    },
    /// Not known yet; ask again with the same id.
    Unknown,
}

/// Charges linked sources. Asked twice with one id, it charges once and answers the same.
pub trait FundingProvider: Send + Sync {
    /// Whether this provider made such a token.
    fn accepts(&self, token: &str) -> bool;
    /// Charges a source; `top_up_id` is the idempotency key.
    fn charge<'a>(&'a self, top_up_id: TopUpId, token: &'a str, amount: Amount) -> Later<'a, Charged>;
}
