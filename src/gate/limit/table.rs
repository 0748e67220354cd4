//! The figures of the limits: by class, for all strangers together, and for codes in all.

use crate::gate::crowd::CrowdLimits;
use crate::gate::operation::Cost;
use crate::ratelimit::gcra::Limit;

/// What happens to a class of calls while the shared limits are away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// It is unavailable.
    Deny,
    /// This process limits it for itself.
    FallBack,
}

/// The limits of one class of calls.
#[derive(Clone, Copy, Debug)]
pub struct ClassLimits {
    /// Of one origin.
    pub origin: Limit,
    /// Of one key, and of one account.
    pub own: Limit,
    /// While the shared limits are away.
    pub when_away: WhenAway,
}

/// What anonymous calls of all classes cost together: within the first limit nothing, within the second a
/// stamp, and above it a heavier one.
#[derive(Clone, Copy, Debug)]
pub struct AnonymousLimits {
    /// So many without a stamp.
    pub free: Limit,
    /// So many more with one of `stamp_bits`.
    pub stamped: Limit,
    /// The bits of a stamp: each doubles the work.
    pub stamp_bits: u32,
    /// The bits of a heavier one.
    pub heavy_bits: u32,
}

/// How many codes strangers can have sent in all, whoever asks and whoever to.
#[derive(Clone, Copy, Debug)]
pub struct MessageBudgets {
    /// Text messages in any hour.
    pub texts_hour: Limit,
    /// Text messages in any day.
    pub texts_day: Limit,
    /// Text messages in any day to numbers with one prefix: country and first digits.
    pub prefix_day: Limit,
    /// E-mail messages in any hour.
    pub emails_hour: Limit,
    /// E-mail messages in any day.
    pub emails_day: Limit,
}

/// How much of what a contact is given one origin may use up, as long as nothing was proved: never all.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Of messages with enrolments' codes.
    pub messages: Limit,
    /// Of messages with recoveries' codes.
    pub codes: Limit,
    /// Of attempts at a factor.
    pub attempts: Limit,
    /// Of phones that ask to join.
    pub joining: Limit,
}

/// The limits of all classes; made whole, or not at all.
#[derive(Clone, Debug)]
pub struct LimitTable {
    /// Anonymous, sends messages, hashes passphrases.
    pub enrolment: ClassLimits,
    /// Anonymous, compares factors, hashes passphrases.
    pub recovery: ClassLimits,
    /// Reads.
    pub reading: ClassLimits,
    /// Money in.
    pub money_in: ClassLimits,
    /// Money out.
    pub money_out: ClassLimits,
    /// Factors and devices.
    pub security: ClassLimits,
    /// Stopping all outflow.
    pub stop: ClassLimits,
    /// Tills.
    pub till: ClassLimits,
    /// Merchants' servers.
    pub merchant: ClassLimits,
    /// Operators.
    pub operator: ClassLimits,
    /// The sandbox's own.
    pub sandbox: ClassLimits,
    /// Messages to one contact, whoever asks. Denied while the shared limits are away.
    pub messages: Limit,
    /// Recoveries and additions begun for one contact, whoever asks; above it each costs a heavy stamp.
    /// Denied likewise.
    pub recovery_target: Limit,
    /// Codes of recoveries by one contact, whoever asks; those of whoever proved something apart, of their
    /// account. As many as the policy has sent in a day. Denied likewise.
    pub codes_of: Limit,
    /// Of all that, one origin's share. Denied likewise.
    pub shares: Shares,
    /// What an origin with too many accounts is.
    pub crowd: CrowdLimits,
    /// Anonymous calls of all classes, origins and keys together.
    pub anonymous: AnonymousLimits,
    /// Codes that are sent in all. Denied while the shared limits are away.
    pub budgets: MessageBudgets,
}

impl LimitTable {
    /// The figures of the documentation. An origin may be a whole carrier's gateway: what is
    /// expensive for us or annoying for a person is limited by what it costs, all else generously.
    pub fn standard() -> Self {
        use WhenAway::{Deny, FallBack};
        let class = |origin, own, when_away| ClassLimits { origin, own, when_away };
        let (origin, own) = (Limit::per_second(200, 400), Limit::per_second(5, 30));
        let sandbox = Limit::per_second(1_000, 2_000);
        Self {
            enrolment: class(Limit::per_minute(30, 30), Limit::per_minute(10, 10), Deny),
            recovery: class(Limit::per_minute(60, 60), Limit::per_minute(20, 20), Deny),
            reading: class(Limit::per_second(400, 800), Limit::per_second(10, 60), FallBack),
            money_in: class(origin, own, FallBack),
            money_out: class(origin, own, FallBack),
            security: class(origin, own, Deny),
            // Whoever wants to stop everything is never kept from it.
            stop: class(origin, own, FallBack),
            // A shop's tills share an address; a till takes a customer in some seconds.
            till: class(Limit::per_second(400, 800), Limit::per_second(10, 40), FallBack),
            merchant: class(origin, Limit::per_second(50, 200), FallBack),
            operator: class(Limit::per_second(10, 60), Limit::per_second(5, 30), Deny),
            sandbox: class(sandbox, sandbox, FallBack),
            messages: Limit::per_day(3, 3),
            recovery_target: Limit::per_minute(6, 60),
            codes_of: Limit::per_day(6, 6),
            // In any day of UTC at most two of three codes and six of ten attempts; of three messages two at
            // once, and fewer than come back; of the three phones that ask at a time two.
            shares: Shares {
                messages: Limit::per_day(2, 2),
                codes: Limit::per_day(1, 2),
                attempts: Limit::per_day(2, 5),
                joining: Limit::per_hour(6, 2),
            },
            crowd: CrowdLimits { accounts_per_hour: 2_000, throttled: Limit::per_second(1, 60) },
            anonymous: AnonymousLimits {
                free: Limit::per_second(20, 600),
                stamped: Limit::per_second(100, 3_000),
                stamp_bits: 18,
                heavy_bits: 22,
            },
            budgets: MessageBudgets {
                texts_hour: Limit::at_most(1_000, 1),
                texts_day: Limit::at_most(10_000, 24),
                prefix_day: Limit::at_most(300, 24),
                emails_hour: Limit::at_most(10_000, 1),
                emails_day: Limit::at_most(100_000, 24),
            },
        }
    }

    /// No class limits anybody in practice: for measuring what the rest of a call costs.
    pub fn unlimited() -> Self {
        let wide = Limit::per_second(1_000_000, 1_000_000);
        let class = ClassLimits { origin: wide, own: wide, when_away: WhenAway::FallBack };
        Self {
            enrolment: class,
            recovery: class,
            reading: class,
            money_in: class,
            money_out: class,
            security: class,
            stop: class,
            till: class,
            merchant: class,
            operator: class,
            sandbox: class,
            messages: wide,
            recovery_target: wide,
            codes_of: wide,
            shares: Shares { messages: wide, codes: wide, attempts: wide, joining: wide },
            crowd: CrowdLimits { accounts_per_hour: u32::MAX, throttled: wide },
            anonymous: AnonymousLimits { free: wide, stamped: wide, stamp_bits: 18, heavy_bits: 22 },
            budgets: MessageBudgets {
                texts_hour: wide,
                texts_day: wide,
                prefix_day: wide,
                emails_hour: wide,
                emails_day: wide,
            },
        }
    }

    pub(super) fn class(&self, cost: Cost) -> (&'static str, ClassLimits) {
        let limits = match cost {
            Cost::Enrolment => self.enrolment,
            Cost::Recovery => self.recovery,
            Cost::Reading => self.reading,
            Cost::MoneyIn => self.money_in,
            Cost::MoneyOut => self.money_out,
            Cost::Security => self.security,
            Cost::Stop => self.stop,
            Cost::Till => self.till,
            Cost::Merchant => self.merchant,
            Cost::Operator => self.operator,
            Cost::Sandbox => self.sandbox,
        };
        (name_of(cost), limits)
    }
}

/// What a class' buckets are called.
pub(super) fn name_of(cost: Cost) -> &'static str {
    match cost {
        Cost::Enrolment => "enrolment",
        Cost::Recovery => "recovery",
        Cost::Reading => "reading",
        Cost::MoneyIn => "money-in",
        Cost::MoneyOut => "money-out",
        Cost::Security => "security",
        Cost::Stop => "stop",
        Cost::Till => "till",
        Cost::Merchant => "merchant",
        Cost::Operator => "operator",
        Cost::Sandbox => "sandbox",
    }
}
