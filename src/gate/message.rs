//! Messages to people: what they say, and how they lie in the outbox. Codes, never links; and never
//! a word on whether somebody else has an account.

pub mod templates;

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
        "saifuの確認コード: {code}。新しいウォレットを申し込んだ端末で入力してください。saifuの者がこのコードを\
         お尋ねすることはありません。\n\n\
         saifu: your code is {code}. It opens a new wallet on the phone that asked for it. \
         Nobody from saifu ever asks you for it."
    ))
}

/// The text for a contact that has a wallet already.
pub fn wallet_exists() -> Zeroizing<String> {
    padded(
        "この連絡先で新しいウォレットの申し込みがありましたが、すでにウォレットをお持ちです。端末をなくされた場合は、\
         アプリの「復旧」をご利用ください。お心当たりがなければ、何もしないでください。\n\n\
         saifu: somebody asked for a new wallet with this address, but you have a wallet already. \
         If it was you and you lost your phone, use recovery in the app. Otherwise do nothing.",
    )
}

/// Both texts are of so many bytes, so that nothing about a sealed message tells which it is.
const ENROLMENT_BYTES: usize = 560;

fn padded(text: &str) -> Zeroizing<String> {
    let mut padded = Zeroizing::new(String::with_capacity(ENROLMENT_BYTES));
    padded.push_str(text);
    while padded.len() < ENROLMENT_BYTES {
        padded.push(' ');
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_and_an_unknown_contact_get_messages_of_one_size() {
        assert_eq!(enrolment_code("12345678").len(), wallet_exists().len());
    }
}
