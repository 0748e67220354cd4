//! Enrolment from the first call to the first code, as a person in the sandbox would do it.

use std::fmt;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use crate::client::refused::Refused;
use crate::client::wallet::{Confirmation, Wallet};
use crate::contact::Contact;
use crate::crypto::totp::TotpSecret;
use crate::pb;
use crate::pb::enrolment_start_private::Contact as WireContact;

/// How many digits the code in the message has.
const CODE_DIGITS: usize = 8;

/// Messages are delivered after the call that caused them: asked for so often, so many times.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(50);
const MESSAGE_ATTEMPTS: usize = 200;

impl Wallet {
    /// Becomes the wallet of `email` in the sandbox, whose messages anybody may read, and returns the
    /// recovery code.
    ///
    /// Afterwards this device is fresh, and the present code is used up.
    pub async fn enrol(&mut self, email: &str, passphrase: &str) -> Result<Zeroizing<String>, EnrolError> {
        let normal = Contact::email(email);
        let destination = normal.as_ref().map_or(email, Contact::address);
        let last = self.newest_message(destination).await?;
        let started = self.start_enrolment(WireContact::Email(email.to_owned())).await?;
        let message = self.message_after(last, destination).await?;
        let confirmation = Confirmation {
            code: code_in(&message.text).ok_or(EnrolError::NoCode)?.to_owned(),
            passphrase: passphrase.to_owned(),
            device_label: "saifu client".to_owned(),
        };
        let confirmed = self.confirm_enrolment(started.enrolment_id, &confirmation).await?;
        let uri = value(confirmed.totp_uri)?;
        self.totp = Some(TotpSecret::from_uri(&uri).ok_or(EnrolError::NoAuthenticator)?);
        self.signer.epoch = confirmed.epoch;
        let code = self.code().ok_or(EnrolError::NoAuthenticator)?;
        let activated = self.activate(&code).await?;
        value(activated.recovery_code)
    }

    async fn newest_message(&self, destination: &str) -> Result<Option<pb::SandboxMessage>, Refused> {
        Ok(self.read_messages(destination).await?.messages.into_iter().next())
    }

    async fn message_after(
        &self,
        last: Option<pb::SandboxMessage>,
        destination: &str,
    ) -> Result<pb::SandboxMessage, EnrolError> {
        let mut ticks = interval(MESSAGE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _attempt in 0..MESSAGE_ATTEMPTS {
            ticks.tick().await;
            match self.newest_message(destination).await? {
                Some(message) if last.as_ref() != Some(&message) => return Ok(message),
                Some(_) | None => {}
            }
        }
        Err(EnrolError::NoMessage)
    }
}

// The one run of exactly eight digits; a year or a telephone number in the text is none.
fn code_in(text: &str) -> Option<&str> {
    text.split(|character: char| !character.is_ascii_digit()).find(|digits| digits.len() == CODE_DIGITS)
}

pub(super) fn value(secret: Option<pb::Secret>) -> Result<Zeroizing<String>, EnrolError> {
    match secret.and_then(|secret| secret.state) {
        Some(pb::secret::State::Value(value)) => Ok(Zeroizing::new(value)),
        Some(pb::secret::State::Gone(_)) | None => Err(EnrolError::NoSecret),
    }
}

/// Why the enrolment came to nothing.
#[derive(Debug)]
pub enum EnrolError {
    /// A call was refused.
    Refused(Refused),
    /// No message came.
    NoMessage,
    /// The message has no code: the contact has a wallet already.
    NoCode,
    /// A reply has no secret where there should be one.
    NoSecret,
    /// The provisioning URI is not one that an authenticator reads.
    NoAuthenticator,
}

impl From<Refused> for EnrolError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl fmt::Display for EnrolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::NoMessage => f.write_str("no message with a code came: is the server a sandbox?"),
            Self::NoCode => f.write_str("the message holds no code: this contact has a wallet already"),
            Self::NoSecret => f.write_str("the server's reply lacks a secret that it should hold"),
            Self::NoAuthenticator => f.write_str("the server's provisioning URI cannot be read"),
        }
    }
}

impl std::error::Error for EnrolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::NoMessage | Self::NoCode | Self::NoSecret | Self::NoAuthenticator => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_run_of_eight_digits() {
        for (text, expected) in [
            ("Your code is 12345678.", Some("12345678")),
            ("2026-11-22 12:00: code 00000001", Some("00000001")),
            ("call 0123456789", None),
            ("you have a wallet already", None),
            ("", None),
        ] {
            assert_eq!(code_in(text), expected, "{text}");
        }
    }

    #[test]
    fn a_secret_that_is_gone_is_an_error() {
        let gone = pb::Secret { state: Some(pb::secret::State::Gone(true)) };
        assert!(matches!(value(Some(gone)), Err(EnrolError::NoSecret)));
        assert!(matches!(value(None), Err(EnrolError::NoSecret)));
    }
}
