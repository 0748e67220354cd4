//! The life of a payment: which verb does what in which state. The table is data, `step` is the only
//! way through it, and both the decisions and the model checker go that way.
//!
//! Stored are sums and a closing reason; a state is only the name of what they amount to.

use super::lots::Leg;
use super::outcome::Refusal;
use super::rows::{ClosingReason, Payment};
use super::time::Timestamp;

mod table;

pub use table::{Rule, STATES, VERBS, rule};

/// The name of what a payment's sums amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its customer is asked; nothing is held.
    AwaitingCustomer,
    /// Held, nothing captured.
    Authorized,
    /// A part is captured, the rest is held.
    PartlyCaptured,
    /// Captured; nothing is held any more.
    Captured,
    /// Captured, and a part of that given back.
    PartlyRefunded,
    /// All that was captured was given back.
    Refunded,
    /// Its customer said no.
    Declined,
    /// Its shop released all of it.
    Voided,
    /// Time ended it.
    Expired,
    /// Its till undid it.
    Reversed,
}

/// What can be done to a payment that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// The customer says yes.
    Confirm,
    /// The customer says no.
    Decline,
    /// The shop takes a part of what is held, or all.
    Capture,
    /// The shop releases what is held.
    Void,
    /// The shop gives back a part of what it captured, or all.
    Refund,
    /// The till undoes all of it.
    Reverse,
    /// Time is over.
    Expire,
}

/// What a confirmation comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// Captured at once.
    Sale,
    /// Held until then.
    Hold {
        /// Until then.
        until: Timestamp,
    },
}

/// A payment's sums, in minor units, and its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sums {
    /// What it is about.
    pub amount_minor: i64,
    /// Captured of it.
    pub captured_minor: i64,
    /// Given back of that.
    pub refunded_minor: i64,
    /// Released without being captured.
    pub released_minor: i64,
    /// Since when it is held or captured; its customer was not asked, or said yes.
    pub authorised_at: Option<Timestamp>,
    /// Its customer is asked until then.
    pub awaiting_until: Option<Timestamp>,
    /// What is not captured is held until then.
    pub hold_until: Option<Timestamp>,
    /// Why nothing is held any more.
    pub closing_reason: Option<ClosingReason>,
}

/// What a step moves, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moved {
    /// Out of what the customer has available: held, or captured at once.
    pub authorised_minor: i64,
    /// From the customer to the shop.
    pub captured_minor: i64,
    /// Back to what the customer has available, since it is not held any more.
    pub released_minor: i64,
    /// From the shop back to the customer.
    pub refunded_minor: i64,
    /// The sums after it.
    pub after: Sums,
}

/// What a verb wants, besides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How much, in minor units; nothing for all that there is.
    pub amount_minor: Option<i64>,
    /// Captures nothing after this: the rest is released.
    pub is_final: bool,
    /// Decided then.
    pub now: Timestamp,
}

impl Moved {
    /// Whether any money is another's, or held, or not held any more, by it.
    pub fn is_any(&self) -> bool {
        [self.authorised_minor, self.captured_minor, self.released_minor, self.refunded_minor] != [0; 4]
    }
}

impl Wanted {
    /// All that there is.
    pub fn all(now: Timestamp) -> Self {
        Self { amount_minor: None, is_final: true, now }
    }
}

impl Sums {
    /// A payment whose customer need not be asked: what it moves, and its sums after that.
    pub fn authorised(amount_minor: i64, intent: Intent, now: Timestamp) -> Moved {
        let asked = Self::awaiting(amount_minor, intent, now);
        Self { awaiting_until: None, ..asked }.authorise(now)
    }

    /// A payment whose customer is asked.
    pub fn awaiting(amount_minor: i64, intent: Intent, until: Timestamp) -> Self {
        Self {
            amount_minor,
            captured_minor: 0,
            refunded_minor: 0,
            released_minor: 0,
            authorised_at: None,
            awaiting_until: Some(until),
            hold_until: match intent {
                Intent::Sale => None,
                Intent::Hold { until } => Some(until),
            },
            closing_reason: None,
        }
    }

    /// What is held, in minor units.
    pub fn held_minor(&self) -> i64 {
        match (self.authorised_at, self.closing_reason) {
            (Some(_), None) => self.amount_minor - self.captured_minor - self.released_minor,
            (_, _) => 0,
        }
    }

    /// What may still be given back, in minor units.
    pub fn refundable_minor(&self) -> i64 {
        self.captured_minor - self.refunded_minor
    }

    /// When time does something to it; never, when absent.
    pub fn due_at(&self) -> Option<Timestamp> {
        match (self.closing_reason, self.authorised_at) {
            (Some(_), _) => None,
            (None, None) => self.awaiting_until,
            (None, Some(_)) => self.hold_until,
        }
    }

    /// The name of what the sums amount to.
    pub fn state(&self) -> State {
        let held = self.held_minor() > 0;
        match self.closing_reason {
            Some(ClosingReason::Reversed) => State::Reversed,
            None if self.authorised_at.is_none() => State::AwaitingCustomer,
            None if held && self.captured_minor == 0 => State::Authorized,
            None if held => State::PartlyCaptured,
            Some(ClosingReason::Declined) => State::Declined,
            Some(ClosingReason::Voided) if self.captured_minor == 0 => State::Voided,
            Some(ClosingReason::Expired) if self.captured_minor == 0 => State::Expired,
            Some(ClosingReason::Captured | ClosingReason::Voided | ClosingReason::Expired) | None => {
                if self.refunded_minor == 0 {
                    State::Captured
                } else if self.refunded_minor < self.captured_minor {
                    State::PartlyRefunded
                } else {
                    State::Refunded
                }
            }
        }
    }

    /// What a verb does now, by the table; nothing is changed on a refusal.
    pub fn step(&self, verb: Verb, wanted: &Wanted) -> Result<Moved, Refusal> {
        match rule(self.state(), verb) {
            Rule::Refuses(refusal) => Err(refusal),
            Rule::Authorises => {
                if self.awaiting_until.is_some_and(|until| wanted.now >= until) {
                    return Err(Refusal::PaymentNotAwaiting);
                }
                Ok(self.authorise(wanted.now))
            }
            Rule::Captures => self.capture(wanted),
            Rule::Releases(reason) => Ok(self.release(reason)),
            Rule::ReleasesWhenDue => {
                if self.due_at().is_none_or(|due_at| wanted.now < due_at) {
                    // Told to nobody: to a timer every no is the same.
                    return Err(Refusal::PaymentAwaiting);
                }
                Ok(self.release(ClosingReason::Expired))
            }
            Rule::Refunds => self.refund(wanted.amount_minor),
            Rule::Undoes => Ok(self.undo()),
        }
    }

    fn nothing_moved(self) -> Moved {
        Moved { authorised_minor: 0, captured_minor: 0, released_minor: 0, refunded_minor: 0, after: self }
    }

    fn authorise(&self, now: Timestamp) -> Moved {
        let authorised = Self { authorised_at: Some(now), ..*self };
        let held = Moved { authorised_minor: self.amount_minor, ..authorised.nothing_moved() };
        if self.hold_until.is_some() {
            return held;
        }
        let after = Self {
            captured_minor: self.amount_minor,
            closing_reason: Some(ClosingReason::Captured),
            ..authorised
        };
        Moved { captured_minor: self.amount_minor, after, ..held }
    }

    fn capture(&self, wanted: &Wanted) -> Result<Moved, Refusal> {
        if self.hold_until.is_some_and(|until| wanted.now >= until) {
            return Err(Refusal::HoldOver);
        }
        let held_minor = self.held_minor();
        let captured_minor = wanted.amount_minor.unwrap_or(held_minor);
        if captured_minor > held_minor {
            return Err(Refusal::CaptureTooMuch);
        }
        let rest_minor = held_minor - captured_minor;
        let is_over = wanted.is_final || rest_minor == 0;
        let released_minor = if is_over { rest_minor } else { 0 };
        let after = Self {
            captured_minor: self.captured_minor + captured_minor,
            released_minor: self.released_minor + released_minor,
            closing_reason: is_over.then_some(ClosingReason::Captured),
            ..*self
        };
        Ok(Moved { captured_minor, released_minor, ..after.nothing_moved() })
    }

    fn release(&self, reason: ClosingReason) -> Moved {
        let released_minor = self.held_minor();
        let after = Self {
            released_minor: self.released_minor + released_minor,
            closing_reason: Some(reason),
            ..*self
        };
        Moved { released_minor, ..after.nothing_moved() }
    }

    fn refund(&self, amount_minor: Option<i64>) -> Result<Moved, Refusal> {
        let refunded_minor = amount_minor.unwrap_or(self.refundable_minor());
        if refunded_minor > self.refundable_minor() {
            return Err(Refusal::RefundTooMuch);
        }
        let after = Self { refunded_minor: self.refunded_minor + refunded_minor, ..*self };
        Ok(Moved { refunded_minor, ..after.nothing_moved() })
    }

    fn undo(&self) -> Moved {
        let released = self.release(ClosingReason::Reversed);
        let refunded_minor = self.refundable_minor();
        let after = Self { refunded_minor: self.captured_minor, ..released.after };
        Moved { refunded_minor, after, ..released }
    }
}

impl Payment {
    /// Its sums.
    pub fn sums(&self) -> Sums {
        Sums {
            amount_minor: self.authorised_minor,
            captured_minor: self.captured_minor,
            refunded_minor: self.refunded_minor,
            released_minor: self.released_minor,
            authorised_at: self.authorised_at,
            awaiting_until: self.awaiting_until,
            hold_until: self.hold_until,
            closing_reason: self.closing_reason,
        }
    }

    /// After a step.
    #[must_use]
    pub fn after(&self, moved: &Moved, now: Timestamp) -> Self {
        let sums = &moved.after;
        Self {
            captured_at: self.captured_at.or((moved.captured_minor > 0).then_some(now)),
            authorised_minor: sums.amount_minor,
            captured_minor: sums.captured_minor,
            refunded_minor: sums.refunded_minor,
            released_minor: sums.released_minor,
            authorised_at: sums.authorised_at,
            awaiting_until: sums.awaiting_until,
            hold_until: sums.hold_until,
            closing_reason: sums.closing_reason,
            due_at: sums.due_at(),
            ..self.clone()
        }
    }
}

/// The legs of what a step releases: the last ones, which nothing was captured of.
pub fn released_legs(legs: &[Leg], before: &Sums, moved: &Moved) -> Vec<Leg> {
    let to_minor = before.amount_minor - before.released_minor;
    part(legs, to_minor - moved.released_minor, to_minor)
}

/// The legs of what a step gives back: the first captured ones that were not given back yet.
pub fn refunded_legs(legs: &[Leg], before: &Sums, moved: &Moved) -> Vec<Leg> {
    part(legs, before.refunded_minor, before.refunded_minor + moved.refunded_minor)
}

/// The legs between two places of the sum that they make.
fn part(legs: &[Leg], from_minor: i64, to_minor: i64) -> Vec<Leg> {
    let mut place_minor = 0;
    let mut part = Vec::new();
    for leg in legs {
        let from = from_minor.max(place_minor);
        place_minor += leg.amount_minor;
        let amount_minor = to_minor.min(place_minor) - from;
        if amount_minor > 0 {
            part.push(Leg { lot_id: leg.lot_id, amount_minor });
        }
    }
    part
}

#[cfg(test)]
mod tests;
