//! Stripe's API over HTTP: forms in, JSON out, bounded in size and time. Neither key, token nor answer goes
//! into a log.

use std::fmt;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Heard, StripeSettings};
use crate::outbound::{self, Unusable};

/// What answers look like is this version's.
const VERSION: &str = "2024-06-20";
/// A list of a hundred intents is far smaller, unless much stands in their metadata.
const ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// Why Stripe cannot be used. It never repeats a secret or the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripeError {
    /// Not a URL, or of another kind.
    Url,
    /// A key that is none.
    Key,
    /// The authorities' file.
    Authority,
    /// No TLS can be made of these.
    Client,
    /// A webhook's secret that is none.
    WebhookSecret,
}

impl fmt::Display for StripeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "[funding.stripe] base_url cannot be used: write https://host, or leave it out",
            Self::Key => {
                "[funding.stripe] secret_key_file does not hold a secret key: it begins with sk_ or rk_"
            }
            Self::Authority => {
                "[funding.stripe] ca_file cannot be used: name a PEM file that holds the certificate of \
                 Stripe's authority, or leave it out"
            }
            Self::WebhookSecret => {
                "[funding.stripe] webhook_secret_file does not hold a signing secret: Stripe's begin with \
                 whsec_"
            }
            Self::Client => "[funding.stripe] no TLS can be spoken with these authorities: name others",
        })
    }
}

impl std::error::Error for StripeError {}

impl From<Unusable> for StripeError {
    fn from(what: Unusable) -> Self {
        match what {
            Unusable::Url => Self::Url,
            Unusable::Authority => Self::Authority,
            Unusable::Client => Self::Client,
        }
    }
}

/// The API of one account.
pub(super) struct Api {
    client: Client,
    base: Url,
    headers: HeaderMap,
}

/// How it is asked.
#[derive(Clone, Copy)]
pub(super) enum Verb<'a> {
    /// With a query.
    Get,
    /// With a form.
    Post {
        /// Done once under this, where there is one.
        idempotency_key: Option<&'a str>,
    },
}

/// What stands in an answer that refuses.
#[derive(Deserialize)]
struct Refusal {
    error: Cause,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
}

impl Api {
    pub(super) fn new(settings: StripeSettings) -> Result<Self, StripeError> {
        let StripeSettings { base_url, secret_key, ca_pem, timeout } = settings;
        let base = outbound::url(&base_url)?.join("/v1/").map_err(|_| StripeError::Url)?;
        if !["sk_", "rk_"].iter().any(|prefix| secret_key.starts_with(prefix)) {
            return Err(StripeError::Key);
        }
        let mut key = HeaderValue::from_str(&format!("Bearer {}", secret_key.as_str()))
            .map_err(|_| StripeError::Key)?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, key);
        headers.insert(HeaderName::from_static("stripe-version"), HeaderValue::from_static(VERSION));
        let client = outbound::client(ca_pem.as_deref(), timeout)?;
        Ok(Self { client, base, headers })
    }

    /// A GET with a query, or a POST with a form.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        verb: Verb<'_>,
    ) -> Heard<T> {
        let Ok(mut url) = self.base.join(path) else { return Heard::Silent };
        url.query_pairs_mut().extend_pairs(pairs);
        let mut request = match verb {
            Verb::Get => Request::new(Method::GET, url),
            Verb::Post { .. } => {
                let form = url.query().unwrap_or("").to_owned();
                url.set_query(None);
                let mut request = Request::new(Method::POST, url);
                *request.body_mut() = Some(form.into());
                request
            }
        };
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Verb::Post { idempotency_key: Some(key) } = verb {
            let key = HeaderValue::from_str(key).expect("hexadecimal digits are a header's");
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        match self.client.execute(request).await {
            Ok(answer) => read(answer).await,
            Err(_unreached) => {
                tracing::warn!("Stripe does not answer");
                Heard::Silent
            }
        }
    }
}

/// Only what Stripe itself says is a refusal: a proxy's 404 is none.
async fn read<T: DeserializeOwned>(answer: Response) -> Heard<T> {
    let status = answer.status().as_u16();
    let Some(body) = bounded(answer).await else {
        tracing::warn!(status, "Stripe's answer breaks off, or is too long");
        return Heard::Silent;
    };
    match status {
        200..=299 => serde_json::from_slice(&body).map_or_else(
            |_| {
                tracing::error!("Stripe's answer cannot be read");
                Heard::Silent
            },
            Heard::Done,
        ),
        400 | 402 | 404 => match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) if ["card_error", "invalid_request_error"].contains(&refusal.error.kind.as_str()) => {
                tracing::info!(status, "Stripe refuses");
                match refusal.error.code.as_deref() {
                    Some("resource_missing") if status == 404 => Heard::Missing,
                    Some(_) | None => Heard::Refused,
                }
            }
            Ok(_) | Err(_) => Heard::Silent,
        },
        401 | 403 => {
            tracing::error!(status, "Stripe does not know us: look at [funding.stripe] secret_key_file");
            Heard::Silent
        }
        _ => {
            tracing::warn!(status, "Stripe cannot answer now");
            Heard::Silent
        }
    }
}

async fn bounded(mut answer: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn made(base_url: &str, key: &str, ca_pem: Option<Vec<u8>>) -> Option<StripeError> {
        let secret_key = Zeroizing::new(key.to_owned());
        let timeout = StripeSettings::TIMEOUT;
        Api::new(StripeSettings { base_url: base_url.into(), secret_key, ca_pem, timeout }).err()
    }

    #[test]
    fn what_is_not_https_is_on_this_machine_or_refused() {
        for url in ["https://api.stripe.com", "http://127.0.0.1:80", "http://[::1]:1", "http://localhost"] {
            assert_eq!(made(url, "sk_test_1", None), None, "{url}");
        }
        for url in ["", "api.stripe.com", "ftp://h/", "http://h", "http://10.0.0.1/", "https://u:p@h/"] {
            assert_eq!(made(url, "sk_test_1", None), Some(StripeError::Url), "{url}");
        }
    }

    #[test]
    fn a_publishable_key_and_a_broken_authority_are_refused() {
        assert_eq!(made("https://h", "pk_test_1", None), Some(StripeError::Key));
        assert_eq!(made("https://h", "", None), Some(StripeError::Key));
        assert_eq!(made("https://h", "sk_1", Some(b"rubbish".to_vec())), Some(StripeError::Authority));
    }
}
