//! The sandbox's provider: answers by the token, moves no money.

use super::{Charged, FundingProvider};
use crate::domain::id::{TopUpId, hex};
use crate::domain::money::Amount;
use crate::store::Later;

/// Tokens begin with `sandbox-`; `sandbox-declined…` is declined, `sandbox-silent…` never answers.
#[derive(Debug)]
pub struct SandboxProvider;

impl FundingProvider for SandboxProvider {
    fn accepts(&self, token: &str) -> bool {
        token.starts_with("sandbox-")
    }

    fn charge<'a>(&'a self, top_up_id: TopUpId, token: &'a str, _amount: Amount) -> Later<'a, Charged> {
        let reference = format!("sandbox-{}", hex(&top_up_id.0));
        let charged = if token.starts_with("sandbox-declined") {
            Charged::Declined { reference }
        } else if token.starts_with("sandbox-silent") {
            Charged::Unknown
        } else {
            Charged::Succeeded { reference }
        };
        Box::pin(std::future::ready(charged))
    }
}
