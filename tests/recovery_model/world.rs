//! What the model is about: the production's own rows, and beside them what the model saw happen, so that
//! what must hold is judged by something else than the code that is judged.

use saifu::domain::proof::Step;
use saifu::domain::recovery::Owner;
use saifu::domain::recovery::factor::{Channel, Channels, Kind};
use saifu::domain::rows::{RecoveryCase, RecoveryTarget};
use saifu::domain::time::{DAY_US, HOUR_US, Timestamp};

use crate::money::Money;
use crate::watch::Broken;

/// When every run begins: ten in the morning (UTC), so that a day's counters last for fourteen hours.
pub const START: Timestamp = Timestamp(20_000 * DAY_US + 10 * HOUR_US);

/// Some of the kinds of factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    pub fn of(kinds: &[Kind]) -> Self {
        kinds.iter().fold(Self::default(), |all, kind| all.with(*kind))
    }

    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    pub fn has(self, kind: Kind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Two classes of which one is more than a channel, as the design says it and not as the code does.
    pub fn suffice(self) -> bool {
        let channel = self.has(Kind::EmailCode) || self.has(Kind::PhoneCode);
        let strong = [Kind::Totp, Kind::SavedCode, Kind::Passphrase];
        let strong = strong.into_iter().filter(|kind| self.has(*kind)).count();
        self.has(Kind::Proofing) || strong >= 2 || (strong == 1 && channel)
    }

    fn bit(kind: Kind) -> u8 {
        match kind {
            Kind::Totp => 1,
            Kind::SavedCode => 2,
            Kind::Passphrase => 4,
            Kind::EmailCode => 8,
            Kind::PhoneCode => 16,
            Kind::Proofing => 32,
        }
    }
}

/// Whose candidate key a case has, or whose hand does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hand {
    Attacker,
    Owner,
    /// A scanner of mails that follows what it finds.
    Scanner,
}

/// What the model saw of one case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trail {
    pub hand: Hand,
    /// The code that was sent last, and whether it was used.
    pub code: Option<(Channel, Timestamp)>,
    pub code_used: bool,
    /// What was proved rightly before enough was.
    pub proved: Kinds,
    pub proved_last_at: Option<Timestamp>,
    /// Attempts that were not the reserve's.
    pub compared: i64,
    pub asked: Option<(Hand, Timestamp)>,
    pub cancelled: bool,
    pub lost_said: bool,
    /// Since when it stands, and the version of the factors then.
    pub proven_at: Option<Timestamp>,
    pub version: i64,
    /// Who was told of it, and what came back.
    pub awaited: Channels,
    pub accepted: Channels,
    pub refused: Channels,
    pub cooling_at: Option<Timestamp>,
    /// When it may be completed: the latest moment that was ever promised.
    pub ready_at: Option<Timestamp>,
    pub reminders: i64,
    pub again_at: Option<Timestamp>,
}

/// A case: the row, and what the model saw of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    pub row: RecoveryCase,
    pub trail: Trail,
}

impl Case {
    /// Whether it proved enough, by the design's words, and nothing ended it.
    pub fn stands(&self) -> bool {
        self.trail.proven_at.is_some() && !self.row.state.is_over()
    }

    /// Whether its attempts and messages are the reserve's.
    pub fn has_reserve(&self) -> bool {
        self.stands() || self.trail.proved.has(Kind::Totp) || self.trail.proved.has(Kind::SavedCode)
    }

    /// Whose attempts and messages are its own: the contact's, the account's, or the reserve's.
    pub fn tier(&self) -> usize {
        match (self.has_reserve(), self.trail.proved.is_empty()) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        }
    }
}

/// What the model saw besides cases.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// What the attacker had and the owner replaced.
    pub stale: Kinds,
    /// The saved code was proved in this case.
    pub saved_case: Option<usize>,
    /// The last step of the authenticator that was taken.
    pub last_step: Step,
    /// The case that stands, and whether somebody contends.
    pub claim: Option<usize>,
    pub contested: bool,
    /// Attempts and messages of the day: everybody's by the contact, of the account, and of the reserve.
    pub day: i64,
    pub compared: [i64; 3],
    pub messages: [i64; 3],
    pub issued_freeze_at: Option<Timestamp>,
    pub recovered_at: Option<Timestamp>,
    /// The epoch at which the attacker has a device of his own.
    pub captured: Option<i64>,
    /// Another device reported the owner's phone lost.
    pub lost: bool,
    pub money: Money,
    /// How often each bounded event happened.
    pub wrongs: u8,
    pub floods: u8,
    pub replaced: u8,
    pub restores: u8,
    pub finished: bool,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub now: Timestamp,
    pub owner: Owner,
    pub target: RecoveryTarget,
    pub cases: Vec<Case>,
    pub world: World,
    pub broken: Broken,
}
