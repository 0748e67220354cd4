//! What the sealed document of an account holds. Everything that identifies a person, and every
//! shared secret; name, birth date, address and income are not collected at all.

use std::fmt;

use prost::Message;
use zeroize::Zeroize;

/// An account's document.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct PersonalDocument {
    /// Confirmed contacts.
    #[prost(message, repeated, tag = "1")]
    pub contacts: Vec<ConfirmedContact>,
    /// PHC string of the passphrase: argon2id with a pepper.
    #[prost(string, tag = "2")]
    pub passphrase: String,
    /// 20 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub totp_secret: Vec<u8>,
    /// Keyed hash of the saved recovery code; empty until activated.
    #[prost(bytes = "vec", tag = "4")]
    pub recovery_code_tag: Vec<u8>,
    /// What the owner calls his devices.
    #[prost(message, repeated, tag = "5")]
    pub devices: Vec<DeviceLabel>,
    /// Tokens of linked funding sources.
    #[prost(message, repeated, tag = "6")]
    pub funding: Vec<FundingToken>,
    /// The secret of an authenticator that is to replace it, 20 bytes; empty when there is none.
    #[prost(bytes = "vec", tag = "7")]
    pub pending_totp_secret: Vec<u8>,
}

/// A contact that proved to be its owner's.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ConfirmedContact {
    /// "email" or "sms".
    #[prost(string, tag = "1")]
    pub channel: String,
    /// In normal form.
    #[prost(string, tag = "2")]
    pub address: String,
    /// Microseconds since the epoch.
    #[prost(int64, tag = "3")]
    pub confirmed_at_us: i64,
    /// When it was removed, or 0: it is told of everything for 30 days more.
    #[prost(int64, tag = "4")]
    pub removed_at_us: i64,
}

/// A device's name.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct DeviceLabel {
    /// Which device.
    #[prost(bytes = "vec", tag = "1")]
    pub device_id: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "2")]
    pub label: String,
}

/// A funding source's token.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct FundingToken {
    /// Which source.
    #[prost(bytes = "vec", tag = "1")]
    pub funding_id: Vec<u8>,
    /// The provider's token.
    #[prost(string, tag = "2")]
    pub token: String,
    /// What the owner calls it.
    #[prost(string, tag = "3")]
    pub label: String,
}

impl Drop for PersonalDocument {
    fn drop(&mut self) {
        self.passphrase.zeroize();
        self.totp_secret.zeroize();
        self.pending_totp_secret.zeroize();
        for source in &mut self.funding {
            source.token.zeroize();
        }
        for contact in &mut self.contacts {
            contact.address.zeroize();
        }
    }
}

macro_rules! hidden {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        })+
    };
}

hidden!(PersonalDocument, ConfirmedContact, DeviceLabel, FundingToken);
