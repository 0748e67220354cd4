//! One connection to a relay. Every step has its time, and what its failure means: the relay's trouble,
//! ours, or the addressee's.
//!
//! The library's own pool is not used: it keeps a connection whose answer was not waited for, and takes
//! that answer for the next message's.

use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as From, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::mail::Mail;
use super::{Relay, Tls};
use crate::notify::tls;

/// Codes by which a relay asks for another login, or for one at all (RFC 4954, 6).
const NOT_LET_IN: [u16; 4] = [530, 534, 535, 538];

/// Whose trouble a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// It is away, slow or busy.
    Relays,
    /// We are not let in, or must not go in.
    Ours,
    /// This message to this address is refused.
    Addressees,
}

/// What did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Whose trouble it is.
    pub whose: Whose,
    /// At what.
    pub step: &'static str,
    /// The relay's answer, if there was one.
    pub code: Option<u16>,
}

/// An open session, logged in, over TLS.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    timeout: Duration,
}

impl Session {
    pub async fn open(relay: &Relay) -> Result<Self, Failure> {
        let hello = ClientId::Domain(relay.hello.clone());
        let first = match relay.tls {
            Tls::Implicit => Some(relay.parameters.clone()),
            Tls::StartTls => None,
        };
        let address = (relay.host.as_str(), relay.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(address, None, &hello, first, None);
        let mut connection = within(relay.timeout, "connect", connecting, opening).await?;
        if relay.tls == Tls::StartTls {
            let upgrading = connection.starttls(relay.parameters.clone(), &hello);
            within(relay.timeout, "starttls", upgrading, opening).await?;
        }
        if let Some(credentials) = &relay.credentials {
            let login = connection.auth(DEFAULT_MECHANISMS, credentials);
            within(relay.timeout, "auth", login, opening).await?;
        }
        Ok(Self { connection, timeout: relay.timeout })
    }

    /// Whether it can still be used.
    pub async fn answers(&mut self) -> bool {
        within(self.timeout, "noop", self.connection.command(Noop), opening).await.is_ok()
    }

    /// Forgets a message that was refused half way; false if the session is no good any more.
    pub async fn reset(&mut self) -> bool {
        within(self.timeout, "rset", self.connection.command(Rset), opening).await.is_ok()
    }

    /// Hands over one message: when this is `Ok`, the relay has answered for it.
    pub async fn send(&mut self, mail: &Mail) -> Result<(), Failure> {
        let Self { connection, timeout } = self;
        let from = From::new(Some(mail.from.clone()), Vec::new());
        within(*timeout, "mail", connection.command(from), handing_over).await?;
        let to = Rcpt::new(mail.to.clone(), Vec::new());
        within(*timeout, "rcpt", connection.command(to), handing_over).await?;
        within(*timeout, "data", connection.command(Data), handing_over).await?;
        within(*timeout, "content", connection.message(&mail.content), handing_over).await?;
        Ok(())
    }
}

async fn within<T>(
    limit: Duration,
    step: &'static str,
    work: impl Future<Output = Result<T, Error>>,
    whose: fn(&Error) -> Whose,
) -> Result<T, Failure> {
    match timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure { whose: whose(&error), step, code: error.status().map(u16::from) }),
        Err(_elapsed) => Err(Failure { whose: Whose::Relays, step, code: None }),
    }
}

/// Nothing that a relay says before it is handed a message is about an addressee.
fn opening(error: &Error) -> Whose {
    // The library's own errors are about what the relay does not offer: STARTTLS, a way to log in.
    if error.is_permanent() || error.is_client() || tls::is_to_blame(error) {
        Whose::Ours
    } else {
        Whose::Relays
    }
}

fn handing_over(error: &Error) -> Whose {
    match error.status().map(u16::from) {
        Some(code) if NOT_LET_IN.contains(&code) => Whose::Ours,
        Some(_) if error.is_permanent() => Whose::Addressees,
        Some(_) | None => Whose::Relays,
    }
}
