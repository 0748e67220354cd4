//! `[funding]`: who charges linked sources.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::secret::Secret;
use super::{Because, Reading};
use crate::domain::time::SECOND_US;

/// Who charges linked sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Funding {
    /// Nobody: nothing can be linked.
    None,
    /// The sandbox's provider, which moves no money.
    Sandbox,
    /// Stripe.
    Stripe(Box<StripeAt>),
}

/// The one word that a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProviderName {
    None,
    Sandbox,
    Stripe,
}

/// Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeAt {
    /// Where its API is.
    pub base_url: String,
    /// The secret key.
    pub secret_key: Secret,
    /// The authorities that its certificate may be from; the public ones where there are none.
    pub ca_file: Option<PathBuf>,
    /// Where its webhooks are listened to, and what they are signed with.
    pub webhook: Option<(SocketAddr, Secret)>,
}

/// Where Stripe's API is for everybody.
pub const STRIPE_URL: &str = "https://api.stripe.com";

impl Reading<'_> {
    pub(super) fn funding(&self) -> Result<Funding, Because> {
        const KEY: &str = "[funding] provider";
        const WRITE: &str = "\"stripe\", or \"none\": nothing can be linked";
        let provider = self.given(self.raw.funding.provider, KEY, WRITE, || ProviderName::Sandbox)?;
        match provider {
            ProviderName::Sandbox if self.is_production() => Err(Because::OfTheSandbox(KEY, WRITE)),
            ProviderName::None => Ok(Funding::None),
            ProviderName::Sandbox => Ok(Funding::Sandbox),
            ProviderName::Stripe => Ok(Funding::Stripe(Box::new(self.stripe()?))),
        }
    }

    /// A top-up's provider may take so long.
    pub(super) fn top_up_deadline_us(&self) -> Result<Option<i64>, Because> {
        const MUST: Because = Because::OutOfRange("[funding] deadline_seconds", "60 to 86400");
        match self.raw.funding.deadline_seconds {
            Some(seconds) if (60..=86_400).contains(&seconds) => Ok(Some(seconds * SECOND_US)),
            Some(_) => Err(MUST),
            None => Ok(None),
        }
    }

    fn stripe(&self) -> Result<StripeAt, Because> {
        const KEY: &str = "[funding.stripe] secret_key_file";
        const SECRET: &str = "[funding.stripe] webhook_secret_file";
        const LISTEN: &str = "[funding.stripe] webhook_listen";
        let section = &self.raw.funding.stripe;
        let secret_key =
            self.secret(section.secret_key_file.as_deref(), KEY, "SAIFU_FUNDING_STRIPE_SECRET_KEY_FILE")?;
        let secret_key =
            secret_key.ok_or(Because::Missing(KEY, "the file of the account's secret key, sk_… or rk_…"))?;
        let is_test = ["sk_test_", "rk_test_"].iter().any(|test| secret_key.expose().starts_with(test));
        if self.is_production() && is_test {
            return Err(Because::OfTheSandbox(KEY, "the file of a live key: a test key moves no money"));
        }
        let base_url = section.base_url.clone().unwrap_or_else(|| STRIPE_URL.to_owned());
        if self.is_production() && !base_url.starts_with("https://") {
            return Err(Because::Unprotected("[funding.stripe] base_url", "a URL that begins with https://"));
        }
        let secret = self.secret(
            section.webhook_secret_file.as_deref(),
            SECRET,
            "SAIFU_FUNDING_STRIPE_WEBHOOK_SECRET_FILE",
        )?;
        let webhook = match (section.webhook_listen, secret) {
            (Some(address), Some(secret)) => Some((address, secret)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(Because::Missing(SECRET, "the file of the webhook's signing secret, whsec_…"));
            }
            (None, Some(_)) => {
                return Err(Because::Missing(LISTEN, "the address that Stripe's webhooks are passed on to"));
            }
        };
        let ca_file = section.ca_file.as_deref().map(|path| self.source.path(path));
        Ok(StripeAt { base_url, secret_key, ca_file, webhook })
    }
}
