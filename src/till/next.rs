//! What a till does next, as a pure function of what it is about and what it just learned. Every rule of the
//! unknown state is here and nowhere else.

use std::time::Duration;

use super::order::{Kind, Outcome, Payment, Standing};
use crate::pb::Reason;

/// A call is sent at most so often in one go, its first time included.
pub const SENDS: u32 = 3;

/// An order is asked about at most so often in one go.
pub const ASKS: u32 = 2;

/// The pause before the first repetition; before each further one it is longer by as much.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The longest pause that the server may ask for and get.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the till has done about a call so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// What the call is to its order.
    pub kind: Kind,
    /// How often it was sent in this go.
    pub sent: u32,
    /// How often it was asked about in this go.
    pub asked: u32,
    /// Whether it may be under way or done: an attempt got no answer, or an earlier process sent it.
    pub is_open: bool,
    /// Whether the same call can be sent again: a payment needs the customer's code for that, which only the
    /// process that got it has.
    pub is_repeatable: bool,
}

impl Tries {
    /// Nothing was done yet, but perhaps by an earlier process.
    pub fn new(kind: Kind, has_code: bool, is_resumed: bool) -> Self {
        let is_repeatable = kind != Kind::Pay || has_code;
        Self { kind, sent: 0, asked: 0, is_open: is_resumed, is_repeatable }
    }

    /// After this, an attempt may be under way or done: no later refusal says that nothing was.
    pub fn heard(&mut self, learned: &Learned) {
        self.is_open |= *learned == Learned::Silence;
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The call's reply.
    Reply(Payment),
    /// The server says why the call was not done.
    Refused {
        /// Why.
        reason: Reason,
        /// Whether it is the last word on this request id.
        is_final: bool,
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// Nothing of saifu's, or the word that it does not know either.
    Silence,
    /// What the order is, on being asked.
    Order(Payment),
    /// Asked about, the order is not there.
    NoOrder,
    /// Asked about, there was no usable answer.
    Unasked,
}

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the outcome is known.
    Settle(Outcome),
    /// The same call again, under its request id, signed anew, after a pause.
    Send(Duration),
    /// GetPayment.
    Ask,
    /// Reverse, under a request id of its own.
    Reverse,
    /// Nothing for now: nobody knows. The order stays in the journal.
    Leave,
}

/// What is done first about a call that is in the journal.
pub fn first(tries: &Tries) -> Next {
    if tries.is_repeatable { Next::Send(Duration::ZERO) } else { Next::Ask }
}

/// What is done after something was learned.
pub fn next(tries: &Tries, learned: &Learned) -> Next {
    match learned {
        // A state that this till does not know tells it nothing.
        Learned::Reply(payment) if tries.kind == Kind::Pay && payment.standing == Standing::Open => {
            unanswered(tries)
        }
        Learned::Reply(payment) => Next::Settle(Outcome::Done(payment.clone())),
        Learned::Refused { reason, is_final: true, .. } => {
            Next::Settle(Outcome::Refused(reason.as_str_name().to_owned()))
        }
        Learned::Refused { reason: Reason::Throttled, retry_after, .. } if tries.sent < SENDS => {
            Next::Send(retry_after.unwrap_or(PAUSE).min(PATIENCE))
        }
        // An attempt that was turned away says nothing about one that got no answer.
        Learned::Refused { .. } if tries.is_open => unanswered(tries),
        Learned::Refused { reason, .. } => Next::Settle(Outcome::NotDone(reason.as_str_name().to_owned())),
        Learned::Silence => unanswered(tries),
        Learned::Order(payment) => match payment.standing {
            Standing::Captured
            | Standing::Held
            | Standing::Awaiting
            | Standing::Over
            | Standing::Reversed => Next::Settle(Outcome::Done(payment.clone())),
            // Not paid by now: the call may still be on its way, and arrive after this answer.
            Standing::Open | Standing::NotOurs => Next::Reverse,
        },
        Learned::Unasked if tries.asked < ASKS => Next::Ask,
        Learned::NoOrder | Learned::Unasked => Next::Reverse,
    }
}

fn unanswered(tries: &Tries) -> Next {
    if tries.is_repeatable && tries.sent < SENDS {
        return Next::Send(PAUSE * tries.sent);
    }
    match tries.kind {
        Kind::Pay => Next::Ask,
        // How the order stands does not tell whether this step is in it; and to reverse all of a payment for
        // the sake of a step is the shop's decision.
        Kind::Step | Kind::Reverse => Next::Leave,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(kind: Kind, sent: u32, asked: u32) -> Tries {
        Tries { kind, sent, asked, is_open: false, is_repeatable: true }
    }

    fn no(reason: Reason, is_final: bool) -> Learned {
        Learned::Refused { reason, is_final, retry_after: None }
    }

    fn order(standing: Standing) -> Learned {
        Learned::Order(Payment::none(standing))
    }

    fn is(standing: Standing) -> Next {
        Next::Settle(Outcome::Done(Payment::none(standing)))
    }

    fn send(tenths: u64) -> Next {
        Next::Send(Duration::from_millis(tenths * 100))
    }

    #[test]
    fn a_call_that_was_never_answered_is_repeated_then_asked_about_then_reversed() {
        use Kind::{Pay, Reverse, Step};
        let pay = |sent, asked| Tries { is_open: true, ..tries(Pay, sent, asked) };
        let kept = |asked| Tries { is_open: true, is_repeatable: false, ..tries(Pay, 0, asked) };
        let step = |sent| Tries { is_open: true, ..tries(Step, sent, 0) };
        let reverse = |sent| Tries { is_open: true, ..tries(Reverse, sent, 0) };
        for (tries, learned, expected) in [
            (pay(1, 0), Learned::Silence, send(2)),
            (pay(2, 0), Learned::Silence, send(4)),
            (pay(3, 0), Learned::Silence, Next::Ask),
            (pay(3, 1), order(Standing::Captured), is(Standing::Captured)),
            (pay(3, 1), order(Standing::Held), is(Standing::Held)),
            (pay(3, 1), order(Standing::Awaiting), is(Standing::Awaiting)),
            (pay(3, 1), order(Standing::Over), is(Standing::Over)),
            (pay(3, 1), order(Standing::Reversed), is(Standing::Reversed)),
            (pay(3, 1), order(Standing::Open), Next::Reverse),
            (pay(3, 1), Learned::NoOrder, Next::Reverse),
            (pay(3, 1), Learned::Unasked, Next::Ask),
            (pay(3, 2), Learned::Unasked, Next::Reverse),
            // After a restart the customer's code is gone.
            (kept(1), order(Standing::Captured), is(Standing::Captured)),
            (kept(1), Learned::NoOrder, Next::Reverse),
            (kept(2), Learned::Unasked, Next::Reverse),
            (step(1), Learned::Silence, send(2)),
            (step(3), Learned::Silence, Next::Leave),
            (reverse(2), Learned::Silence, send(4)),
            (reverse(3), Learned::Silence, Next::Leave),
        ] {
            assert_eq!(next(&tries, &learned), expected, "{tries:?}, {learned:?}");
        }
        assert_eq!(first(&pay(0, 0)), send(0));
        assert_eq!(first(&kept(0)), Next::Ask);
        assert_eq!(first(&step(0)), send(0));
    }

    #[test]
    fn what_was_silent_once_is_not_settled_by_being_turned_away() {
        let drive = |mut tries: Tries, learned: &[Learned]| {
            let mut step = first(&tries);
            for one in learned {
                match step {
                    Next::Send(_) => tries.sent += 1,
                    Next::Ask => tries.asked += 1,
                    Next::Settle(_) | Next::Reverse | Next::Leave => panic!("{step:?} before {one:?}"),
                }
                tries.heard(one);
                step = next(&tries, one);
            }
            step
        };
        let turned_away = || no(Reason::Throttled, false);
        let silent_first = [Learned::Silence, turned_away(), turned_away()];
        assert_eq!(drive(Tries::new(Kind::Pay, true, false), &silent_first), Next::Ask);
        let resumed = [turned_away(), turned_away(), turned_away()];
        assert_eq!(drive(Tries::new(Kind::Pay, true, true), &resumed), Next::Ask);
        let not_done = Next::Settle(Outcome::NotDone(Reason::Throttled.as_str_name().to_owned()));
        assert_eq!(drive(Tries::new(Kind::Pay, true, false), &resumed), not_done);
        assert_eq!(drive(Tries::new(Kind::Pay, false, true), &[]), Next::Ask);
        // A reply in words that it does not know.
        let unknown = [Learned::Reply(Payment::none(Standing::Open))];
        assert_eq!(drive(Tries::new(Kind::Pay, true, false), &unknown), send(2));
    }

    #[test]
    fn a_final_answer_is_final_and_an_open_one_only_when_no_attempt_went_unanswered() {
        let refused = |reason: Reason| Next::Settle(Outcome::Refused(reason.as_str_name().to_owned()));
        let not_done = |reason: Reason| Next::Settle(Outcome::NotDone(reason.as_str_name().to_owned()));
        for kind in [Kind::Pay, Kind::Step, Kind::Reverse] {
            let clear = tries(kind, 1, 0);
            let open = Tries { is_open: true, ..tries(kind, 2, 0) };
            let last = Tries { is_open: true, ..tries(kind, 3, 0) };
            let left = if kind == Kind::Pay { Next::Ask } else { Next::Leave };
            for (tries, learned, expected) in [
                (clear, Learned::Reply(Payment::none(Standing::Captured)), is(Standing::Captured)),
                (last, Learned::Reply(Payment::none(Standing::Awaiting)), is(Standing::Awaiting)),
                (clear, no(Reason::Declined, true), refused(Reason::Declined)),
                (last, no(Reason::CodeNotUsable, true), refused(Reason::CodeNotUsable)),
                (clear, no(Reason::Malformed, false), not_done(Reason::Malformed)),
                (open, no(Reason::Malformed, false), send(4)),
                (last, no(Reason::Unauthenticated, false), left.clone()),
                (clear, no(Reason::Throttled, false), send(2)),
                (Tries { is_open: false, ..last }, no(Reason::Throttled, false), not_done(Reason::Throttled)),
                (last, no(Reason::Throttled, false), left),
            ] {
                assert_eq!(next(&tries, &learned), expected, "{tries:?}, {learned:?}");
            }
        }
    }

    #[test]
    fn a_till_that_is_throttled_waits_as_it_is_told_within_reason() {
        for (told, waits) in [(Some(2), 2), (Some(3_600), 10)] {
            let retry_after = told.map(Duration::from_secs);
            let learned = Learned::Refused { reason: Reason::Throttled, is_final: false, retry_after };
            assert_eq!(next(&tries(Kind::Pay, 1, 0), &learned), Next::Send(Duration::from_secs(waits)));
        }
    }
}
