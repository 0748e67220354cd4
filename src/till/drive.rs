//! Drives a call of the journal to an end, as [`next`] says, and writes down what came of it.

use super::desk::Till;
use super::error::TillError;
use super::fault::Role;
use super::next::{Learned, Next, Tries, first, next};
use super::order::{Call, Event, Kind, Outcome, RequestId};
use crate::env::pause;

/// What driving a call came to.
#[derive(Debug)]
pub(super) enum Driven {
    /// Its outcome is known.
    Settled(Outcome, String),
    /// It was reversed instead, and what its silence was.
    Reversed(String),
    /// Nobody knows yet.
    Left(String),
}

/// A call and how it is driven.
#[derive(Debug)]
pub(super) struct Ride<'a> {
    /// For which order.
    pub order_id: &'a str,
    /// Under which request id.
    pub request_id: RequestId,
    /// Which.
    pub call: Call,
    /// The customer's code, as long as this process has it.
    pub code: Option<&'a str>,
    /// Whether it is in the journal of an earlier process, or this one left it before.
    pub is_resumed: bool,
    /// Whether the command is about this very call.
    pub role: Role,
}

impl Till {
    /// To its end, reversing it when nothing else is left.
    pub(super) async fn drive(&mut self, ride: Ride<'_>) -> Result<Driven, TillError> {
        let (order_id, kind) = (ride.order_id.to_owned(), ride.call.kind());
        let said = match self.drive_alone(ride).await? {
            Alone::Settled(outcome, said) => return Ok(Driven::Settled(outcome, said)),
            Alone::Left(said) => return Ok(Driven::Left(said)),
            Alone::MustReverse(said) => said,
        };
        debug_assert_eq!(kind, Kind::Pay, "only a payment is reversed for its silence");
        let reversal = self.reversal(&order_id, Role::After)?;
        match self.drive_alone(reversal.ride(&order_id)).await? {
            // What the reversal settled is the order; a refusal such as TERMINAL_SUSPENDED settles nothing.
            Alone::Settled(..) if self.is_settled(&order_id) => Ok(Driven::Reversed(said)),
            Alone::Settled(Outcome::Refused(reason) | Outcome::NotDone(reason), why) => {
                Ok(Driven::Left(format!("{said}, and its reversal was refused, {reason}: {why}")))
            }
            Alone::Settled(Outcome::Done(_), why) | Alone::Left(why) | Alone::MustReverse(why) => {
                Ok(Driven::Left(why))
            }
        }
    }

    async fn drive_alone(&mut self, ride: Ride<'_>) -> Result<Alone, TillError> {
        let Ride { order_id, request_id, call, code, is_resumed, role } = ride;
        let mut tries = Tries::new(call.kind(), code.is_some(), is_resumed);
        let mut step = first(&tries);
        let mut silence = String::new();
        loop {
            let (learned, said) = match &step {
                Next::Send(after) => {
                    pause(*after).await;
                    tries.sent += 1;
                    let attempt = (role, tries.sent);
                    self.line.send(order_id, (&call, request_id), code, attempt).await
                }
                Next::Ask => {
                    tries.asked += 1;
                    self.line.ask(order_id).await
                }
                Next::Settle(outcome) => {
                    let at_us = self.line.now_us();
                    let order_id = order_id.to_owned();
                    let known = Event::Known { at_us, order_id, request_id, outcome: outcome.clone() };
                    self.journal.add(&known)?;
                    return Ok(Alone::Settled(outcome.clone(), silence));
                }
                Next::Reverse => return Ok(Alone::MustReverse(silence)),
                Next::Leave => {
                    let (at_us, order_id) = (self.line.now_us(), order_id.to_owned());
                    self.journal.add(&Event::Unknown { at_us, order_id, request_id })?;
                    return Ok(Alone::Left(silence));
                }
            };
            self.steps.push(format!("{order_id}   {}: {}", does(&call, &tries, &step), heard(&learned)));
            tries.heard(&learned);
            if !said.is_empty() {
                silence = said;
            }
            step = next(&tries, &learned);
        }
    }
}

/// What the till does, in words for its clerk.
fn does(call: &Call, tries: &Tries, step: &Next) -> String {
    match step {
        Next::Ask => "asks how the order stands".to_owned(),
        Next::Send(_) | Next::Settle(_) | Next::Reverse | Next::Leave => {
            let again = if tries.sent > 1 { "the same " } else { "" };
            format!("sends {again}{}", call.name())
        }
    }
}

/// What it hears.
fn heard(learned: &Learned) -> String {
    match learned {
        Learned::Reply(payment) | Learned::Order(payment) => payment.standing.to_string(),
        Learned::Refused { reason, is_final, .. } => {
            format!("{}, {}", reason.as_str_name(), if *is_final { "final" } else { "not final" })
        }
        Learned::Silence | Learned::Unasked => "no answer".to_owned(),
        Learned::NoOrder => "no such order".to_owned(),
    }
}

enum Alone {
    Settled(Outcome, String),
    MustReverse(String),
    Left(String),
}
