//! Messages to people: what they say, and how they lie in the outbox. Codes, never links; and never
//! a word on whether somebody else has an account.

use std::fmt;

use prost::Message;
use zeroize::{Zeroize, Zeroizing};

/// A message as it is sealed in the outbox.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Letter {
    /// "email", "sms" or "push".
    #[prost(string, tag = "1")]
    pub channel: String,
    /// In normal form.
    #[prost(string, tag = "2")]
    pub destination: String,
    /// The whole text.
    #[prost(string, tag = "3")]
    pub text: String,
    /// Where a channel has one; empty means "saifu".
    #[prost(string, tag = "4")]
    pub subject: String,
}

impl Drop for Letter {
    fn drop(&mut self) {
        self.destination.zeroize();
        self.text.zeroize();
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(hidden)")
    }
}

/// The text that carries an enrolment's code.
pub fn enrolment_code(code: &str) -> Zeroizing<String> {
    padded(&format!(
        "saifu: your code is {code}. It opens a new wallet on the phone that asked for it. \
         Nobody from saifu ever asks you for it."
    ))
}

/// The text for a contact that has a wallet already.
pub fn wallet_exists() -> Zeroizing<String> {
    padded(
        "saifu: somebody asked for a new wallet with this address, but you have a wallet already. \
         If it was you and you lost your phone, use recovery in the app. Otherwise do nothing.",
    )
}

/// Both texts are of one length, so that nothing about a sealed message tells which it is.
fn padded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{text:<200}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_and_an_unknown_contact_get_messages_of_one_size() {
        assert_eq!(enrolment_code("12345678").len(), wallet_exists().len());
    }
}
