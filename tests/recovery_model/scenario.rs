//! Who takes part in a run, what he can do, and the bounds within which the run is exhaustive.

use saifu::domain::recovery::factor::{Channel, Kind};
use saifu::domain::time::DAY_US;

use crate::world::{Hand, Kinds};

/// What an attacker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    Mailbox,
    SimSwap,
    LockedPhone,
    UnlockedPhone,
    Authenticator,
    SavedCode,
    Passphrase,
    OneOperator,
    DatabaseRead,
    NetworkReplay,
    RedisWipe,
}

impl Power {
    pub const ALL: [Self; 11] = [
        Self::Mailbox,
        Self::SimSwap,
        Self::LockedPhone,
        Self::UnlockedPhone,
        Self::Authenticator,
        Self::SavedCode,
        Self::Passphrase,
        Self::OneOperator,
        Self::DatabaseRead,
        Self::NetworkReplay,
        Self::RedisWipe,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::SimSwap => "SIM swap",
            Self::LockedPhone => "locked phone",
            Self::UnlockedPhone => "unlocked phone",
            Self::Authenticator => "authenticator",
            Self::SavedCode => "saved code",
            Self::Passphrase => "passphrase",
            Self::OneOperator => "one operator",
            Self::DatabaseRead => "database read",
            Self::NetworkReplay => "network replay",
            Self::RedisWipe => "Redis wipe",
        }
    }

    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// What an attacker has, in all. Public facts he always has, and they are worth nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Powers(u16);

impl Powers {
    pub fn of(powers: &[Power]) -> Self {
        Self(powers.iter().fold(0, |all, power| all | power.bit()))
    }

    pub fn has(self, power: Power) -> bool {
        self.0 & power.bit() != 0
    }

    pub fn any(self, powers: &[Power]) -> bool {
        powers.iter().any(|power| self.has(*power))
    }

    pub fn name(self) -> String {
        let names: Vec<_> =
            Power::ALL.into_iter().filter(|power| self.has(*power)).map(Power::name).collect();
        if names.is_empty() { "public facts".to_owned() } else { names.join(" + ") }
    }

    /// Codes and notices over this channel. A locked phone shows its text messages.
    pub fn reads(self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.has(Power::Mailbox),
            Channel::Sms => self.any(&[Power::SimSwap, Power::LockedPhone, Power::UnlockedPhone]),
            Channel::Push => self.any(&[Power::LockedPhone, Power::UnlockedPhone]),
        }
    }

    /// The owner's phone is in the attacker's hands.
    pub fn phone(self) -> bool {
        self.any(&[Power::LockedPhone, Power::UnlockedPhone])
    }

    /// Factors he can prove.
    pub fn kinds(self) -> Kinds {
        let all = [
            (self.has(Power::Authenticator), Kind::Totp),
            (self.has(Power::SavedCode), Kind::SavedCode),
            (self.has(Power::Passphrase), Kind::Passphrase),
            (self.reads(Channel::Email), Kind::EmailCode),
            (self.reads(Channel::Sms), Kind::PhoneCode),
        ];
        all.into_iter().filter(|(has, _)| *has).fold(Kinds::default(), |kinds, (_, kind)| kinds.with(kind))
    }
}

/// What the owner does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Habit {
    /// Nothing, ever: he never reads a notice.
    Absent,
    /// Anything that he may, at any time, or nothing: what holds here holds for every owner.
    Free,
    /// He cancels a case that is not his before its delay is over, if any notice reaches him.
    Attentive,
    /// He recovers his own account, and nobody hinders him.
    Recovering,
}

/// The account at the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub email_age_us: i64,
    pub phone_age_us: Option<i64>,
    pub authenticator_age_us: i64,
    pub saved_age_us: i64,
    pub passphrase_age_us: i64,
    pub slept_us: i64,
    /// A case was cancelled so long ago.
    pub cancelled_us_ago: Option<i64>,
}

/// Everything is most of a year old, and the device was used a day ago.
pub const SETTLED: Setup = Setup {
    email_age_us: 365 * DAY_US,
    phone_age_us: Some(300 * DAY_US),
    authenticator_age_us: 365 * DAY_US,
    saved_age_us: 365 * DAY_US,
    passphrase_age_us: 365 * DAY_US,
    slept_us: DAY_US,
    cancelled_us_ago: None,
};

/// What time stops at besides what ends or moves a case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stops {
    /// A code to a contact grows old.
    pub code: bool,
    /// So does a factor that was proved again.
    pub again: bool,
    /// So does the first call of a cancellation.
    pub asked: bool,
    /// The day's counters begin anew.
    pub day: bool,
    /// A lock of codes to contacts, or the pause of a freeze by one, ends.
    pub locks: bool,
    /// A moment, counted from the beginning.
    pub at_us: Option<i64>,
    /// A microsecond before each, too.
    pub edges: bool,
}

/// Who, what, and how far.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub setup: Setup,
    pub powers: Powers,
    pub habit: Habit,
    pub owner_kinds: Kinds,
    /// The owner may be seen in person, once in each of his cases.
    pub in_person: bool,
    pub attacker_cases: usize,
    pub owner_cases: usize,
    /// Wrong proofs.
    pub wrongs: u8,
    /// Strangers use up what they can of the day's attempts and messages.
    pub floods: u8,
    /// The owner replaces one of these factors, as often.
    pub replaces: &'static [Kind],
    pub replaced: u8,
    /// What replaces them is known to the attacker as well.
    pub leaks: bool,
    /// A restored backup steps the epoch.
    pub restores: u8,
    /// Channels answer one by one, and may refuse.
    pub answers: bool,
    /// Timers may come late.
    pub late: bool,
    /// Codes that were used or superseded, and used steps of the authenticator, are tried again.
    pub replays: bool,
    /// What is proved again need not be among what was proved.
    pub others: bool,
    /// The two calls of a cancellation come together, and a case's codes are asked for once.
    pub brisk: bool,
    /// A scanner has the notices' secrets, too.
    pub scanner: bool,
    /// The phone was reported lost, by another device.
    pub lost: bool,
    pub stops: Stops,
    pub horizon_us: i64,
    pub prefix: Vec<Action>,
    /// What happens only elsewhere, to keep this one small.
    pub leaves_out: fn(Action) -> bool,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Somebody begins a case.
    Begin(Hand, bool),
    /// The candidate of a case wants a code.
    Send(usize, Channel),
    /// He proves something.
    Prove(usize, Kind, How),
    /// A channel answers a notice.
    Answer(usize, Channel, bool),
    /// All channels accept their notices.
    Deliver(usize),
    /// A device cancels.
    DeviceCancels(usize, Hand),
    /// Somebody with a notice's secret asks to cancel.
    Ask(usize, Hand),
    /// And confirms.
    Confirm(usize, Hand),
    /// Both.
    AskAndConfirm(usize, Hand),
    /// One operator cancels.
    OperatorCancels(usize),
    /// Operators saw the person: two, or one in two roles.
    Proofed(usize, bool),
    /// The candidate wants outflow stopped.
    Freeze(usize),
    /// The candidate says that the owner's devices are lost.
    ReportLost(usize),
    /// The candidate wants the account.
    Complete(usize),
    /// The timer comes.
    Tick(usize),
    /// Time passes, to the next moment at which anything changes.
    Wait,
    /// The owner replaces a factor with his device.
    Replace(Kind),
    /// A backup is restored.
    Restore,
    /// The owner has his account frozen, by another device or an operator.
    OwnerFreezes,
    /// Strangers begin cases and use up attempts and messages.
    Flood,
}

/// How something is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    Right,
    Wrong,
    /// A step of the authenticator that was used before.
    Used,
}

impl Scenario {
    /// An attacker with these powers, one case of his and one of the owner's.
    pub fn of(name: &'static str, powers: &[Power]) -> Self {
        Self {
            name,
            setup: SETTLED,
            powers: Powers::of(powers),
            habit: Habit::Free,
            owner_kinds: Kinds::of(&[Kind::SavedCode, Kind::Passphrase]),
            in_person: false,
            attacker_cases: 1,
            owner_cases: 0,
            wrongs: 0,
            floods: 0,
            replaces: &[],
            replaced: 0,
            leaks: false,
            restores: 0,
            answers: false,
            late: false,
            replays: false,
            others: false,
            brisk: false,
            scanner: false,
            lost: false,
            stops: Stops::default(),
            horizon_us: 15 * DAY_US,
            prefix: Vec::new(),
            leaves_out: |_| false,
        }
    }
}
