//! State × verb, as one piece of data. `docs/payments.md` shows it, and a test compares the two.

use super::{State, Verb};
use crate::domain::outcome::Refusal;
use crate::domain::rows::ClosingReason;

/// What a verb does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The amount is held, or captured at once, while its customer is still asked.
    Authorises,
    /// A part of what is held, while it is held; with the last part the rest is released.
    Captures,
    /// What is held; the payment is over for this reason.
    Releases(ClosingReason),
    /// As above, once its time is over.
    ReleasesWhenDue,
    /// A part of what was captured and not given back.
    Refunds,
    /// What is held is released, what was captured is given back.
    Undoes,
    /// Nothing, and says why.
    Refuses(Refusal),
}

/// All states, in the order of a payment's life.
pub const STATES: [State; 10] = [
    State::AwaitingCustomer,
    State::Authorized,
    State::PartlyCaptured,
    State::Captured,
    State::PartlyRefunded,
    State::Refunded,
    State::Declined,
    State::Voided,
    State::Expired,
    State::Reversed,
];

/// All verbs.
pub const VERBS: [Verb; 7] =
    [Verb::Confirm, Verb::Decline, Verb::Capture, Verb::Void, Verb::Refund, Verb::Reverse, Verb::Expire];

const ASKED: Rule = Rule::Refuses(Refusal::PaymentAwaiting);
const ANSWERED: Rule = Rule::Refuses(Refusal::PaymentNotAwaiting);
const HELD_NOT: Rule = Rule::Refuses(Refusal::HoldOver);
const TOO_MUCH: Rule = Rule::Refuses(Refusal::RefundTooMuch);
const REVERSED: Rule = Rule::Refuses(Refusal::OrderReversed);

const VOIDS: Rule = Rule::Releases(ClosingReason::Voided);
const DECLINES: Rule = Rule::Releases(ClosingReason::Declined);

/// One line a state, one column a verb.
const TABLE: [[Rule; 7]; 10] = {
    use Rule::{Authorises, Captures, Refunds, ReleasesWhenDue, Undoes};
    [
        // Confirm, Decline, Capture, Void, Refund, Reverse, Expire
        [Authorises, DECLINES, ASKED, VOIDS, ASKED, Undoes, ReleasesWhenDue],
        [ANSWERED, ANSWERED, Captures, VOIDS, TOO_MUCH, Undoes, ReleasesWhenDue],
        [ANSWERED, ANSWERED, Captures, VOIDS, Refunds, Undoes, ReleasesWhenDue],
        [ANSWERED, ANSWERED, HELD_NOT, HELD_NOT, Refunds, Undoes, HELD_NOT],
        [ANSWERED, ANSWERED, HELD_NOT, HELD_NOT, Refunds, Undoes, HELD_NOT],
        [ANSWERED, ANSWERED, HELD_NOT, HELD_NOT, TOO_MUCH, Undoes, HELD_NOT],
        [ANSWERED, ANSWERED, HELD_NOT, HELD_NOT, TOO_MUCH, Undoes, HELD_NOT],
        [ANSWERED, ANSWERED, HELD_NOT, HELD_NOT, TOO_MUCH, Undoes, HELD_NOT],
        [ANSWERED, ANSWERED, HELD_NOT, HELD_NOT, TOO_MUCH, Undoes, HELD_NOT],
        [ANSWERED, ANSWERED, REVERSED, REVERSED, REVERSED, REVERSED, HELD_NOT],
    ]
};

/// What a verb does in a state.
pub fn rule(state: State, verb: Verb) -> Rule {
    TABLE[state as usize][verb as usize]
}
