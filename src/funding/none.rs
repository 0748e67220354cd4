//! No provider: nothing can be linked, so nothing is ever charged.

use super::{Charged, FundingProvider};
use crate::domain::id::TopUpId;
use crate::domain::money::Amount;
use crate::store::Later;

/// Knows no token. LinkFunding answers that the token is not the provider's (`MALFORMED`,
/// `private.token`), whatever it is.
#[derive(Debug)]
pub struct NoProvider;

impl FundingProvider for NoProvider {
    fn accepts(&self, _token: &str) -> bool {
        false
    }

    // A source that was linked under another provider may still be charged by that one, once it is
    // configured again: so its outcome is unknown, and not declined.
    fn charge<'a>(&'a self, _top_up_id: TopUpId, _token: &'a str, _amount: Amount) -> Later<'a, Charged> {
        Box::pin(std::future::ready(Charged::Unknown))
    }
}
