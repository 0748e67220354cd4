//! What a till's command says, in one line, and with which exit status.

use std::process::ExitCode;

use serde::Serialize;

use crate::till::folder::Enrolled;
use crate::till::order::{Kind, Order, Payment, Standing};
use crate::till::{Ended, Verdict};

/// An exit status of `saifu till`. 1 is a command that did nothing, 2 one that cannot be read, as everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done: of a charge, paid; of an authorization, held.
    Done = 0,
    /// No: nothing was done. The order may be tried again, unless it says otherwise.
    No = 3,
    /// Nobody knows: neither hand over the goods nor take other money for them.
    Unknown = 4,
    /// Not paid, and never will be: a new attempt is a new order.
    Dead = 5,
    /// The customer is asked. Not paid yet.
    Awaiting = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit status of a verdict about a call of this kind.
fn exit(kind: Kind, verdict: &Verdict) -> Exit {
    match &verdict.ended {
        Ended::Refused(..)
            if kind == Kind::Pay
                && matches!(verdict.order.payment.standing, Standing::Reversed | Standing::NotOurs) =>
        {
            Exit::Dead
        }
        Ended::Refused(..) | Ended::NotDone(..) | Ended::Already => Exit::No,
        Ended::Unknown(_) => Exit::Unknown,
        Ended::GaveUp(_) => Exit::Dead,
        Ended::Done if kind != Kind::Pay => Exit::Done,
        Ended::Done => match verdict.order.payment.standing {
            Standing::Captured | Standing::Held => Exit::Done,
            Standing::Awaiting => Exit::Awaiting,
            Standing::Open => Exit::No,
            Standing::Over | Standing::Reversed | Standing::NotOurs => Exit::Dead,
        },
    }
}

/// Says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller {
    /// As JSON.
    pub(super) is_json: bool,
    /// The steps before what they came to.
    pub(super) tells_steps: bool,
}

/// A line in JSON.
#[derive(Serialize)]
struct Json<'a> {
    order: &'a str,
    /// How the command ended; absent for a line of the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    is_settled: bool,
    #[serde(flatten)]
    payment: &'a Payment,
}

impl Teller {
    pub(super) fn activated(self, enrolled: &Enrolled) {
        if self.is_json {
            println!("{}", serde_json::to_string(enrolled).expect("names make JSON"));
        } else {
            println!("active: terminal {}, store {}", enrolled.terminal_id, enrolled.store_id);
        }
    }

    /// What the till did for it, when that is wanted.
    pub(super) fn taken(self, steps: Vec<String>) -> Self {
        for step in steps.into_iter().filter(|_| self.tells_steps && !self.is_json) {
            println!("{step}");
        }
        self
    }

    pub(super) fn nothing_open(self) {
        if !self.is_json {
            println!("every order's outcome is known");
        }
    }

    /// What a command came to.
    pub(super) fn verdict(self, kind: Kind, verdict: &Verdict) -> Exit {
        let Verdict { ended, order } = verdict;
        if self.is_json {
            println!("{}", json(order, Some(ended)));
        } else {
            println!("{} {}", order.order_id, text(ended, order));
        }
        exit(kind, verdict)
    }

    /// What settling came to.
    pub(super) fn settled(self, verdict: &Verdict) {
        self.verdict(Kind::Pay, verdict);
    }

    /// A line of the journal.
    pub(super) fn order(self, order: &Order) {
        if self.is_json {
            println!("{}", json(order, None));
        } else if let Some(open) = order.unsettled() {
            println!("{} unknown: its {} has no answer yet", order.order_id, open.call.name());
        } else {
            println!("{} {}", order.order_id, stands(&order.payment));
        }
    }
}

fn json(order: &Order, ended: Option<&Ended>) -> String {
    let reason = match ended {
        Some(Ended::Refused(reason, _) | Ended::NotDone(reason, _)) => Some(reason.as_str()),
        Some(Ended::Done | Ended::GaveUp(_) | Ended::Unknown(_) | Ended::Already) | None => None,
    };
    let word = |ended: &Ended| match ended {
        Ended::Done => "done",
        Ended::Refused(..) => "refused",
        Ended::NotDone(..) => "not_done",
        Ended::GaveUp(_) => "gave_up",
        Ended::Unknown(_) => "unknown",
        Ended::Already => "already",
    };
    let is_settled = order.unsettled().is_none();
    let line =
        Json { order: &order.order_id, ended: ended.map(word), reason, is_settled, payment: &order.payment };
    serde_json::to_string(&line).expect("names and numbers make JSON")
}

fn text(ended: &Ended, order: &Order) -> String {
    let stands = stands(&order.payment);
    match ended {
        Ended::Done => stands,
        Ended::Refused(reason, said) => format!("refused {reason}: {said}"),
        Ended::NotDone(reason, said) => format!("not done {reason}: {said}"),
        Ended::GaveUp(_) => format!("{stands}; there was no answer, so the till gave up on it"),
        Ended::Unknown(said) => {
            let said = if said.is_empty() { "there was no answer" } else { said };
            format!("unknown: it may be paid or not ({said}): saifu till settle")
        }
        Ended::Already => format!("nothing was sent, the order is not new: {stands}"),
    }
}

/// Where an order stands, and what has moved.
fn stands(payment: &Payment) -> String {
    let Payment { authorised_minor, captured_minor, refunded_minor, released_minor, held_minor, .. } =
        payment;
    let mut said = match payment.standing {
        Standing::Open => "open: not paid, and may be charged again".to_owned(),
        Standing::Awaiting => {
            format!("awaiting the customer for {authorised_minor} JPY: not paid yet; ask saifu till status")
        }
        Standing::Held => format!("held {held_minor} JPY: not paid yet"),
        Standing::Captured => format!("captured {captured_minor} JPY"),
        Standing::Over => "over: not paid; a new attempt is a new order".to_owned(),
        Standing::Reversed => {
            "reversed: not paid, and never will be; a new attempt is a new order".to_owned()
        }
        Standing::NotOurs => "not this till's: not paid to it, and never will be".to_owned(),
    };
    let is_held_beside = payment.standing != Standing::Held;
    for (amount_minor, what) in [
        (if is_held_beside { *held_minor } else { 0 }, "still held"),
        (*refunded_minor, "given back"),
        (*released_minor, "released"),
    ] {
        if amount_minor > 0 {
            said.extend([", ", &amount_minor.to_string(), " JPY ", what]);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ended: Ended, standing: Standing) -> Verdict {
        let payment = Payment::none(standing);
        Verdict { ended, order: Order { order_id: "A-1".to_owned(), requests: Vec::new(), payment } }
    }

    #[test]
    fn a_sale_exits_with_zero_only_when_it_is_paid_or_held() {
        let no = || ("DECLINED".to_owned(), String::new());
        for (ended, standing, expected) in [
            (Ended::Done, Standing::Captured, Exit::Done),
            (Ended::Done, Standing::Held, Exit::Done),
            (Ended::Done, Standing::Awaiting, Exit::Awaiting),
            (Ended::Done, Standing::Open, Exit::No),
            (Ended::Done, Standing::Over, Exit::Dead),
            (Ended::Done, Standing::Reversed, Exit::Dead),
            (Ended::Done, Standing::NotOurs, Exit::Dead),
            (Ended::GaveUp(String::new()), Standing::Reversed, Exit::Dead),
            (Ended::Unknown(String::new()), Standing::Open, Exit::Unknown),
            (Ended::Unknown(String::new()), Standing::Captured, Exit::Unknown),
            (Ended::Refused(no().0, no().1), Standing::Captured, Exit::No),
            (Ended::NotDone(no().0, no().1), Standing::Open, Exit::No),
            (Ended::Already, Standing::Captured, Exit::No),
        ] {
            assert_eq!(
                exit(Kind::Pay, &verdict(ended.clone(), standing)),
                expected,
                "{ended:?} {standing:?}"
            );
        }
        // A void that was done leaves an order that is over, and a reversal one that is reversed.
        assert_eq!(exit(Kind::Step, &verdict(Ended::Done, Standing::Over)), Exit::Done);
        assert_eq!(exit(Kind::Reverse, &verdict(Ended::Done, Standing::Reversed)), Exit::Done);
        assert_eq!(
            exit(Kind::Step, &verdict(Ended::Unknown(String::new()), Standing::Captured)),
            Exit::Unknown
        );
    }

    #[test]
    fn what_has_moved_is_told_with_where_it_stands() {
        let sums = |standing, captured_minor, refunded_minor, released_minor, held_minor| Payment {
            captured_minor,
            refunded_minor,
            released_minor,
            held_minor,
            ..Payment::none(standing)
        };
        for (payment, expected) in [
            (sums(Standing::Captured, 700, 0, 0, 0), "captured 700 JPY"),
            (sums(Standing::Captured, 700, 100, 0, 0), "captured 700 JPY, 100 JPY given back"),
            (
                sums(Standing::Captured, 300, 0, 200, 400),
                "captured 300 JPY, 400 JPY still held, 200 JPY released",
            ),
            (sums(Standing::Held, 0, 0, 0, 900), "held 900 JPY: not paid yet"),
        ] {
            assert_eq!(stands(&payment), expected);
        }
    }
}
