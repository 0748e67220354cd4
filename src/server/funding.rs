//! The funding provider that the configuration names, built: nothing is connected, but everything that can
//! be wrong without that is found.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::StartError;
use crate::config::funding::{Funding, StripeAt};
use crate::funding::FundingProvider;
use crate::funding::none::NoProvider;
use crate::funding::sandbox::SandboxProvider;
use crate::funding::stripe::webhook::WebhookSecret;
use crate::funding::stripe::{Stripe, StripeError, StripeSettings};

/// The provider.
pub(super) fn provider(funding: &Funding) -> Result<Arc<dyn FundingProvider>, StartError> {
    Ok(match funding {
        Funding::None => Arc::new(NoProvider),
        Funding::Sandbox => Arc::new(SandboxProvider),
        Funding::Stripe(at) => Arc::new(stripe(at)?),
    })
}

fn stripe(at: &StripeAt) -> Result<Stripe, StripeError> {
    let ca_pem = at.ca_file.as_deref().map(std::fs::read).transpose();
    Stripe::new(StripeSettings {
        base_url: at.base_url.clone(),
        secret_key: Zeroizing::new(at.secret_key.expose().to_owned()),
        ca_pem: ca_pem.map_err(|_unreadable| StripeError::Authority)?,
        timeout: StripeSettings::TIMEOUT,
    })
}

/// What its webhooks are verified with, and where they are listened to.
pub(super) fn webhook(
    funding: &Funding,
) -> Result<Option<(std::net::SocketAddr, WebhookSecret)>, StartError> {
    let Funding::Stripe(at) = funding else { return Ok(None) };
    let Some((address, secret)) = &at.webhook else { return Ok(None) };
    let secret = WebhookSecret::parse(secret.expose()).ok_or(StripeError::WebhookSecret)?;
    Ok(Some((*address, secret)))
}
