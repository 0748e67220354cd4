//! E-mail by a relay: submission over TLS (RFC 6409, RFC 8314), never in plain text.
//!
//! A message is accepted when the relay has answered for its content, and not before: whatever ends in
//! between is sent again under the same `Message-ID`, by which a receiver can tell. No address, no text and
//! no word of the relay's goes into a log, since relays repeat addresses.

mod mail;
mod session;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters, TlsParametersBuilder};
use zeroize::Zeroizing;

use super::{Channel, NotAccepted, Notifier};
use crate::domain::id::MessageId;
use crate::gate::message::Letter;
use crate::outbound;
use crate::store::Later;
use mail::Mail;
use session::{Failure, Session, Whose};

/// As many connections are kept open between messages.
const IDLE_MAX: usize = 4;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// By STARTTLS, without which the relay is not spoken to.
    StartTls,
    /// With the first byte.
    Implicit,
}

/// Whom the relay knows us as.
#[derive(Clone)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// His password.
    pub password: Zeroizing<String>,
}

/// A relay, as it is configured.
#[derive(Clone)]
pub struct SmtpSettings {
    /// Its name or address, which its certificate must be for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins.
    pub tls: Tls,
    /// Whom it knows us as; a relay may go by the network instead.
    pub login: Option<Login>,
    /// Whom messages are from: an address, or `name <address>`.
    pub from: String,
    /// The authorities that its certificate may be from, as PEM; the public ones where there are none.
    pub ca_pem: Option<Vec<u8>>,
    /// It is waited for so long at the most: until it greets, and for the answer to each command.
    pub timeout: Duration,
}

impl SmtpSettings {
    /// How long a relay is waited for.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}

/// Why a relay cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpError {
    /// The sender is no address.
    From,
    /// The authorities' file.
    Authority,
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::From => {
                "[notify.email] from is not an address: write \"saifu <no-reply@wallet.example.jp>\", or the \
                 address alone"
            }
            Self::Authority => {
                "[notify.email] ca_file cannot be used: name a PEM file that holds the certificate of the \
                 relay's authority"
            }
        })
    }
}

impl std::error::Error for SmtpError {}

/// Hands e-mail to a relay.
pub struct Smtp {
    relay: Relay,
    from: Mailbox,
    // None of them is in the middle of anything.
    idle: Mutex<Vec<Session>>,
}

/// What a session is opened with.
struct Relay {
    host: String,
    port: u16,
    tls: Tls,
    parameters: TlsParameters,
    credentials: Option<Credentials>,
    hello: String,
    timeout: Duration,
}

impl Smtp {
    /// For this relay. Nothing is connected here.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let from: Mailbox = settings.from.parse().map_err(|_| SmtpError::From)?;
        let parameters = parameters(&settings)?;
        let SmtpSettings { host, port, tls, login, timeout, .. } = settings;
        let credentials = login.map(|login| Credentials::new(login.username, login.password.to_string()));
        let hello = from.email.domain().to_owned();
        let relay = Relay { host, port, tls, parameters, credentials, hello, timeout };
        Ok(Self { relay, from, idle: Mutex::default() })
    }

    /// Whether it can be reached and lets us in, or at which step that ends and by which answer. Nothing is
    /// handed over.
    pub async fn probe(&self) -> Result<(), String> {
        Session::open(&self.relay).await.map(drop).map_err(|Failure { whose: _, step, code }| match code {
            Some(code) => format!("{step} is answered with {code}"),
            None => format!("{step} fails"),
        })
    }

    /// Any panic left the list as it was: it is good to go on with.
    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was kept and still answers, or a new one.
    async fn session(&self) -> Result<Session, Failure> {
        let kept = self.idle().pop();
        if let Some(mut kept) = kept {
            if kept.answers().await {
                return Ok(kept);
            }
            // The others are as old, and each would be waited for.
            self.idle().clear();
        }
        Session::open(&self.relay).await
    }

    async fn send(&self, mail: &Mail) -> Result<(), Failure> {
        let mut session = self.session().await?;
        let sent = session.send(mail).await;
        let is_whole = match &sent {
            Ok(()) => true,
            // What was not answered may be answered yet, in the next message's place.
            Err(failure) => failure.code.is_some() && session.reset().await,
        };
        let mut idle = self.idle();
        if is_whole && idle.len() < IDLE_MAX {
            idle.push(session);
        }
        sent
    }

    async fn hand_over(&self, id: MessageId, at_us: i64, letter: &Letter) -> Result<(), NotAccepted> {
        let Some(mail) = Mail::new(&self.from, id, at_us, letter) else {
            tracing::warn!(message = ?id, "a message's address is none that e-mail goes to");
            return Err(NotAccepted::ForGood);
        };
        self.send(&mail).await.map_err(|failure| told(id, &failure))
    }
}

/// Says once what went wrong, and what follows from it.
fn told(id: MessageId, failure: &Failure) -> NotAccepted {
    let Failure { whose, step, code } = failure;
    match whose {
        Whose::Relays => {
            tracing::warn!(message = ?id, step, code, "the mail relay does not take messages now");
            NotAccepted::ForNow
        }
        Whose::Ours => {
            tracing::error!(step, code, "the mail relay cannot be used: look at [notify.email]");
            NotAccepted::ForNow
        }
        Whose::Addressees => {
            tracing::warn!(message = ?id, step, code, "the mail relay refuses a message for good");
            NotAccepted::ForGood
        }
    }
}

impl Notifier for Smtp {
    fn deliver<'a>(
        &'a self,
        message_id: MessageId,
        at_us: i64,
        letter: &'a Letter,
    ) -> Later<'a, Result<(), NotAccepted>> {
        Box::pin(self.hand_over(message_id, at_us, letter))
    }

    fn reaches(&self, channel: Channel) -> bool {
        channel == Channel::Email
    }
}

/// The relay is who it is said to be, or is not spoken to.
fn parameters(settings: &SmtpSettings) -> Result<TlsParameters, SmtpError> {
    let builder = TlsParametersBuilder::new(settings.host.clone());
    let builder = match &settings.ca_pem {
        None => builder.certificate_store(CertificateStore::WebpkiRoots),
        Some(pem) if outbound::authorities(pem).is_some() => builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem).map_err(|_| SmtpError::Authority)?),
        Some(_) => return Err(SmtpError::Authority),
    };
    builder.build_rustls().map_err(|_| SmtpError::Authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_is_none_and_an_authority_that_is_none_are_refused_at_the_start() {
        let settings = SmtpSettings {
            host: "relay.example.jp".into(),
            port: 587,
            tls: Tls::StartTls,
            login: None,
            from: "saifu <no-reply@example.jp>".into(),
            ca_pem: None,
            timeout: SmtpSettings::TIMEOUT,
        };
        assert!(Smtp::new(settings.clone()).is_ok());
        for from in ["", "saifu", "a@b@c", "a@example.jp, b@example.jp", "a@example.jp\r\nBcc: b@example.jp"]
        {
            let made = Smtp::new(SmtpSettings { from: from.into(), ..settings.clone() });
            assert_eq!(made.err(), Some(SmtpError::From), "{from}");
        }
        for pem in ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let made = Smtp::new(SmtpSettings { ca_pem: Some(pem.into()), ..settings.clone() });
            assert_eq!(made.err(), Some(SmtpError::Authority), "{pem}");
        }
    }
}
