//! What may be proved in a recovery, to which class it belongs, and how old it must be.
//!
//! An e-mail code and an SMS code are one method (NIST SP 800-63B-4, 4.2.2.2): two of them are still one
//! factor. Another active device is none at all: with it a device is added.

use super::figures::Figures;
use std::collections::HashSet;

use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::ContactIndex;
use crate::domain::record::{ColumnType, Corrupt, Field, Value, stored_enum};
use crate::domain::rows::{Factors, RecoveryCase};
use crate::domain::time::Timestamp;

stored_enum! {
    /// A way to reach a person.
    Channel {
        /// E-mail.
        Email = 1,
        /// A text message to a phone number.
        Sms = 2,
        /// A message to an enrolled device.
        Push = 4,
    }
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Email, Self::Sms, Self::Push];

    /// As it stands in a letter and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

/// Some of the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Channels(i64);

impl Channels {
    /// These.
    pub fn of(channels: impl IntoIterator<Item = Channel>) -> Self {
        channels.into_iter().fold(Self::default(), Self::with)
    }

    /// And this one.
    #[must_use]
    pub fn with(self, channel: Channel) -> Self {
        Self(self.0 | channel.number())
    }

    /// Whether this one is among them.
    pub fn has(self, channel: Channel) -> bool {
        self.0 & channel.number() != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `others` are among them.
    pub fn covers(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl Field for Channels {
    const COLUMN: ColumnType = ColumnType::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(self.0)
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        i64::read(value).and_then(|bits| if (0..8).contains(&bits) { Ok(Self(bits)) } else { Err(Corrupt) })
    }
}

stored_enum! {
    /// What is proved.
    Kind {
        /// A code of the authenticator.
        Totp = 1,
        /// The saved recovery code.
        SavedCode = 2,
        /// The passphrase.
        Passphrase = 3,
        /// A code to a confirmed e-mail address.
        EmailCode = 4,
        /// A code to a confirmed phone number.
        PhoneCode = 5,
        /// The person, before two operators.
        Proofing = 6,
    }
}

/// Two factors of one class are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Possession: the authenticator.
    Authenticator,
    /// Possession: the paper.
    SavedCode,
    /// Knowledge.
    Passphrase,
    /// A channel, whichever.
    IssuedCode,
    /// In person.
    Proofing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Totp, Self::SavedCode, Self::Passphrase, Self::EmailCode, Self::PhoneCode, Self::Proofing];

    /// Its class.
    pub fn class(self) -> Class {
        match self {
            Self::Totp => Class::Authenticator,
            Self::SavedCode => Class::SavedCode,
            Self::Passphrase => Class::Passphrase,
            Self::EmailCode | Self::PhoneCode => Class::IssuedCode,
            Self::Proofing => Class::Proofing,
        }
    }

    /// Whether whoever does not have it may hope to guess it: not 128 bits, nor eight digits that are good
    /// for ten minutes in one case, which has five attempts.
    pub fn is_guessed(self) -> bool {
        match self {
            Self::Totp | Self::Passphrase => true,
            Self::SavedCode | Self::EmailCode | Self::PhoneCode | Self::Proofing => false,
        }
    }

    /// The channel its code goes over.
    pub fn channel(self) -> Option<Channel> {
        match self {
            Self::EmailCode => Some(Channel::Email),
            Self::PhoneCode => Some(Channel::Sms),
            Self::Totp | Self::SavedCode | Self::Passphrase | Self::Proofing => None,
        }
    }
}

/// A contact, as far as recovery asks: how it is reached, and how old it is. Its address is in the sealed
/// document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContactFact {
    /// Names it.
    pub contact_index: ContactIndex,
    /// How it is reached.
    pub channel: Channel,
    /// When its owner confirmed it.
    pub confirmed_at: Timestamp,
    /// When it was removed; told of everything for 30 days more.
    pub removed_at: Option<Timestamp>,
}

/// Whose attempts and messages a case uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// Nothing was proved: those of the contact by which it was named, which are everybody's.
    Locator,
    /// Something was, and no possession: the account's.
    Account,
    /// A possession was, or enough: those that nobody else uses up.
    Reserve,
}

/// An account's contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contacts(pub Vec<ContactFact>);

impl ContactFact {
    /// Whether a code to it proves anything in a recovery that began then: confirmed long enough before, and
    /// by whoever has it now.
    pub fn counts(&self, started_at: Timestamp, figures: &Figures) -> bool {
        counts(self.channel, self.confirmed_at, started_at, figures)
    }
}

/// The same, of a channel and the moment of a contact's confirmation.
pub fn counts(channel: Channel, confirmed_at: Timestamp, started_at: Timestamp, figures: &Figures) -> bool {
    let age_us = started_at.since_us(confirmed_at);
    let most_us = match channel {
        // A mailbox is not given to the next one as a number is.
        Channel::Email | Channel::Push => i64::MAX,
        Channel::Sms => figures.phone_age_us,
    };
    (figures.factor_age_us..=most_us).contains(&age_us)
}

impl Contacts {
    /// Those that are not removed.
    pub fn current(&self) -> impl Iterator<Item = &ContactFact> {
        self.0.iter().filter(|contact| contact.removed_at.is_none())
    }

    /// When one of them last came or went.
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.0.iter().flat_map(|contact| [Some(contact.confirmed_at), contact.removed_at]).flatten().max()
    }
}

impl Field for Contacts {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let bytes = Encoder::new()
            .list(&self.0, |encoder, contact| {
                encoder
                    .fixed(&contact.contact_index.0)
                    .int(contact.channel.number())
                    .int(contact.confirmed_at.0)
                    .int(contact.removed_at.map_or(0, |at| at.0))
            })
            .finish();
        Value::Bytes(bytes.into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let contacts = decoder.list(|decoder| {
            Ok(ContactFact {
                contact_index: ContactIndex(decoder.fixed()?),
                channel: Channel::from_number(decoder.int()?)?,
                confirmed_at: Timestamp(decoder.int()?),
                removed_at: Some(Timestamp(decoder.int()?)).filter(|at| at.0 != 0),
            })
        })?;
        decoder.finish()?;
        Ok(Self(contacts))
    }
}

/// Whether these suffice: two of different classes, one of them more than a channel, or the person himself.
pub fn suffices(proved: impl Iterator<Item = Kind>) -> bool {
    let classes: HashSet<Class> = proved.map(Kind::class).collect();
    classes.contains(&Class::Proofing)
        || (classes.len() >= 2 && classes.iter().any(|class| *class != Class::IssuedCode))
}

impl RecoveryCase {
    /// When this was proved in this case.
    pub fn proved_at(&self, kind: Kind) -> Option<Timestamp> {
        match kind {
            Kind::Totp => self.totp_at,
            Kind::SavedCode => self.saved_code_at,
            Kind::Passphrase => self.passphrase_at,
            Kind::EmailCode => self.email_code_at,
            Kind::PhoneCode => self.phone_code_at,
            Kind::Proofing => self.proofed_at,
        }
    }

    /// Whether a possession was proved in it: it has attempts and messages that no stranger uses up.
    pub fn has_reserve(&self) -> bool {
        self.totp_at.is_some() || self.saved_code_at.is_some() || self.state.stands()
    }

    /// Whose attempts and messages it uses up.
    pub fn share(&self) -> Share {
        if self.has_reserve() {
            Share::Reserve
        } else if self.proved().next().is_some() {
            Share::Account
        } else {
            Share::Locator
        }
    }

    pub(super) fn set_proved(&mut self, kind: Kind, at: Timestamp) {
        let slot = match kind {
            Kind::Totp => &mut self.totp_at,
            Kind::SavedCode => &mut self.saved_code_at,
            Kind::Passphrase => &mut self.passphrase_at,
            Kind::EmailCode => &mut self.email_code_at,
            Kind::PhoneCode => &mut self.phone_code_at,
            Kind::Proofing => &mut self.proofed_at,
        };
        *slot = Some(at);
    }

    /// What was proved in this case.
    pub fn proved(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| self.proved_at(*kind).is_some())
    }

    /// Whether what was proved suffices.
    pub fn has_valid_set(&self) -> bool {
        suffices(self.proved())
    }
}

impl Factors {
    /// When this was bound to the account, for a code over a channel the oldest contact of it.
    pub fn bound_at(&self, kind: Kind) -> Option<Timestamp> {
        match kind {
            Kind::Totp => self.totp_bound_at,
            Kind::SavedCode => self.saved_code_bound_at,
            Kind::Passphrase => self.passphrase_bound_at,
            Kind::EmailCode | Kind::PhoneCode => self
                .contacts
                .current()
                .filter(|contact| Some(contact.channel) == kind.channel())
                .map(|contact| contact.confirmed_at)
                .min(),
            // Nothing is bound: the person is there.
            Kind::Proofing => Some(Timestamp(0)),
        }
    }

    /// Whether a case with it was cancelled since it was bound.
    pub fn is_suspect(&self, kind: Kind, now: Timestamp) -> bool {
        match kind {
            Kind::Totp => self.totp_suspect,
            Kind::SavedCode => self.saved_code_suspect,
            Kind::Passphrase => self.passphrase_suspect,
            Kind::EmailCode | Kind::PhoneCode => now < self.issued_locked_until,
            Kind::Proofing => false,
        }
    }
}
