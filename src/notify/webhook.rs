//! Text messages and pushes by a webhook: a POST of JSON to whatever sends them, signed as Standard
//! Webhooks 1.0 has it.
//!
//! The receiver knows by the signature who asks, by the timestamp that it is asked now, and by the id
//! that it was asked before. What it answers beyond the status code is not read. Neither address nor
//! text goes into a log, nor does the URL, which may hold a secret.

mod signature;

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Request, Url};
use serde::Serialize;

use super::{Channel, NotAccepted, Notifier, subject, tls};
use crate::domain::id::{MessageId, hex};
use crate::domain::time::SECOND_US;
use crate::gate::message::Letter;
use crate::outbound::{self, Unusable};
use crate::store::Later;
pub use signature::WebhookSecret;
pub(crate) use signature::signatures;

/// A webhook, as it is configured.
#[derive(Clone)]
pub struct WebhookSettings {
    /// Where it is: `https`, or `http` on this machine.
    pub url: String,
    /// What messages are signed with: one, or two while the receiver changes from one to the other.
    pub secrets: Vec<WebhookSecret>,
    /// What it carries.
    pub channels: Vec<Channel>,
    /// The authorities that its certificate may be from, as PEM; the public ones where there are none.
    pub ca_pem: Option<Vec<u8>>,
    /// It is waited for so long at the most, from the connection to the answer.
    pub timeout: Duration,
}

impl WebhookSettings {
    /// How long a receiver is waited for.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}

/// Why a webhook cannot be used. It never repeats a secret or the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookError {
    /// Not a URL, or of another kind.
    Url,
    /// The authorities' file.
    Authority,
    /// A secret that is none.
    Secret,
    /// No TLS can be made of these.
    Client,
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => {
                "[notify.webhook] url cannot be used: write https://host/path, without a name and a password"
            }
            Self::Authority => {
                "[notify.webhook] ca_file cannot be used: name a PEM file that holds the certificate of the \
                 receiver's authority"
            }
            Self::Secret => {
                "[notify.webhook] secret_file does not hold a secret: write whsec_ and the base64 of 24 to \
                 64 random bytes, as `echo whsec_$(openssl rand -base64 32)` does"
            }
            Self::Client => "[notify.webhook] no TLS can be spoken with these authorities: name others",
        })
    }
}

impl std::error::Error for WebhookError {}

impl From<Unusable> for WebhookError {
    fn from(what: Unusable) -> Self {
        match what {
            Unusable::Url => Self::Url,
            Unusable::Authority => Self::Authority,
            Unusable::Client => Self::Client,
        }
    }
}

/// Hands text messages and pushes to a receiver over HTTP.
pub struct Webhook {
    client: Client,
    url: Url,
    secrets: Vec<WebhookSecret>,
    channels: Vec<Channel>,
}

/// What is posted.
#[derive(Serialize)]
struct Post<'a> {
    id: &'a str,
    channel: &'a str,
    destination: &'a str,
    subject: &'a str,
    text: &'a str,
    /// Seconds since the epoch.
    sent_at: i64,
}

impl Webhook {
    /// For this receiver. Nothing is connected here.
    pub fn new(settings: WebhookSettings) -> Result<Self, WebhookError> {
        let WebhookSettings { url, secrets, channels, ca_pem, timeout } = settings;
        let url = outbound::url(&url)?;
        if secrets.is_empty() {
            return Err(WebhookError::Secret);
        }
        let client = outbound::client(ca_pem.as_deref(), timeout)?;
        Ok(Self { client, url, secrets, channels })
    }

    fn request(&self, message_id: MessageId, at_us: i64, letter: &Letter) -> Request {
        let id = format!("msg_{}", hex(&message_id.0));
        let sent_at = at_us.div_euclid(SECOND_US);
        let post = Post {
            id: &id,
            channel: &letter.channel,
            destination: &letter.destination,
            subject: subject(letter),
            text: letter.text.trim_end(),
            sent_at,
        };
        let body = serde_json::to_vec(&post).expect("texts and a number are JSON");
        let value = |text: &str| HeaderValue::from_str(text).expect("digits and base64 are a header's");
        let mut request = Request::new(reqwest::Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("webhook-id", value(&id));
        headers.insert("webhook-timestamp", value(&sent_at.to_string()));
        headers.insert("webhook-signature", value(&signatures(&self.secrets, &id, sent_at, &body)));
        *request.body_mut() = Some(body.into());
        request
    }

    async fn post(&self, message_id: MessageId, at_us: i64, letter: &Letter) -> Result<(), NotAccepted> {
        let request = self.request(message_id, at_us, letter);
        // The rest of the answer is dropped unread: its status says all there is to know.
        let status = match self.client.execute(request).await {
            Ok(answer) => answer.status().as_u16(),
            Err(error) if tls::is_to_blame(&error) => {
                tracing::error!("no TLS with the webhook: look at [notify.webhook]");
                return Err(NotAccepted::ForNow);
            }
            Err(_unreached) => {
                tracing::warn!(message = ?message_id, "the webhook does not answer");
                return Err(NotAccepted::ForNow);
            }
        };
        read(status, message_id)
    }
}

/// What a status means for the message.
fn read(status: u16, message_id: MessageId) -> Result<(), NotAccepted> {
    match status {
        200..=299 => Ok(()),
        400 | 404 | 410 | 422 => {
            tracing::warn!(message = ?message_id, status, "the webhook refuses a message for good");
            Err(NotAccepted::ForGood)
        }
        408 | 425 | 429 | 500..=599 => {
            tracing::warn!(message = ?message_id, status, "the webhook takes no messages now");
            Err(NotAccepted::ForNow)
        }
        // A redirect, a wrong secret, a wrong path: none of it is about the address.
        _ => {
            tracing::error!(status, "the webhook cannot be used: look at [notify.webhook]");
            Err(NotAccepted::ForNow)
        }
    }
}

impl Notifier for Webhook {
    fn deliver<'a>(
        &'a self,
        message_id: MessageId,
        at_us: i64,
        letter: &'a Letter,
    ) -> Later<'a, Result<(), NotAccepted>> {
        Box::pin(self.post(message_id, at_us, letter))
    }

    fn reaches(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_https_is_on_this_machine_or_refused() {
        let made = |url: &str| {
            Webhook::new(WebhookSettings {
                url: url.into(),
                secrets: vec![WebhookSecret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap()],
                channels: vec![Channel::Sms],
                ca_pem: None,
                timeout: WebhookSettings::TIMEOUT,
            })
        };
        for url in ["https://h/in", "http://127.0.0.1:80/", "http://[::1]/", "http://localhost/in"] {
            assert!(made(url).is_ok(), "{url}");
        }
        for url in
            ["", "h/in", "ftp://h/", "http://h/in", "http://10.0.0.1/", "https://u@h/", "https://u:p@h/"]
        {
            assert_eq!(made(url).err(), Some(WebhookError::Url), "{url}");
        }
    }

    #[test]
    fn a_webhook_without_secret_or_authority_is_refused() {
        let settings = WebhookSettings {
            url: "https://h/".into(),
            secrets: Vec::new(),
            channels: Vec::new(),
            ca_pem: None,
            timeout: WebhookSettings::TIMEOUT,
        };
        assert_eq!(Webhook::new(settings.clone()).err(), Some(WebhookError::Secret));
        let secrets = vec![WebhookSecret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap()];
        let made = Webhook::new(WebhookSettings { secrets, ca_pem: Some(b"rubbish".to_vec()), ..settings });
        assert_eq!(made.err(), Some(WebhookError::Authority));
    }
}
