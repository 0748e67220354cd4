//! The till as its clerk uses it: what he asks for, checked against the journal, driven to an outcome.

use std::path::Path;
use std::time::Duration;

use super::drive::{Driven, Ride};
use super::error::TillError;
use super::fault::{Fault, Role};
use super::folder::Folder;
use super::journal::Journal;
use super::line::{Ends, Line};
use super::next::{Learned, Next, Tries, next};
use super::order::{Call, Event, Kind, Order, Orders, Outcome, Payment, RequestId, Standing};

/// An order id has at most so many characters.
const ORDER_ID_MAX: usize = 64;

/// A payment code has so many digits.
const CODE_DIGITS: usize = 18;

/// How a command came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was done, or the order stands as it is told.
    Done,
    /// The server's last word is no: its reason and text.
    Refused(String, String),
    /// It was turned away, and nothing was done: the reason and text.
    NotDone(String, String),
    /// There was no answer, and the till reversed the order: what its silence was.
    GaveUp(String),
    /// Nobody knows yet: why not.
    Unknown(String),
    /// Nothing was sent: the order is not one to be charged any more.
    Already,
}

/// A command's outcome, and the order after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it came out.
    pub ended: Ended,
    /// The order as the till's journal knows it now.
    pub order: Order,
}

/// A reversal that is in the journal.
pub(super) struct Reversal {
    request_id: RequestId,
    is_resumed: bool,
    role: Role,
}

impl Reversal {
    pub(super) fn ride<'a>(&self, order_id: &'a str) -> Ride<'a> {
        let Self { request_id, is_resumed, role } = *self;
        Ride { order_id, request_id, call: Call::Reverse, code: None, is_resumed, role }
    }
}

/// An active till with its folder.
pub struct Till {
    pub(super) journal: Journal,
    pub(super) line: Line,
    pub(super) steps: Vec<String>,
    settled: Vec<Verdict>,
    _folder: Folder,
}

impl Till {
    /// Opens a folder. An attempt of a call may take `timeout`.
    pub async fn open(path: &Path, timeout: Duration, fault: Option<Fault>) -> Result<Self, TillError> {
        let folder = Folder::open(path)?;
        let identity = folder.identity()?.ok_or_else(|| TillError::NoTill(path.to_owned()))?;
        if identity.enrolled.is_none() {
            return Err(TillError::NotActive(path.to_owned()));
        }
        let (server, audience) = (identity.address, identity.audience);
        let authority = folder.authority()?;
        let ends = Ends { server, audience, authority, key: folder.key()? };
        let line = Line::new(ends, timeout);
        let line = if let Some(fault) = fault { line.with_fault(fault).await? } else { line };
        let (journal, steps, settled) = (folder.journal()?, Vec::new(), Vec::new());
        Ok(Self { journal, line, steps, settled, _folder: folder })
    }

    /// Its journal's orders.
    pub fn orders(&self) -> &Orders {
        self.journal.orders()
    }

    /// What it did since this was asked last, a line a step.
    pub fn take_steps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.steps)
    }

    /// What it settled before a call since this was asked last: orders that its clerk has to hear about too.
    pub fn take_settled(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.settled)
    }

    /// Settles what is not known, then does this for an order. A charge or an authorization wants the code
    /// that the customer shows.
    pub async fn call(
        &mut self,
        order_id: &str,
        call: Call,
        code: Option<&str>,
    ) -> Result<Verdict, TillError> {
        check(order_id, &call, code)?;
        self.settled = self.settle().await?;
        let unsettled = self.orders().unsettled();
        if !unsettled.is_empty() {
            return Err(TillError::Unsettled(unsettled));
        }
        let standing = self.orders().get(order_id).map_or(Standing::Open, |order| order.payment.standing);
        if call.kind() == Kind::Pay && standing != Standing::Open {
            return Ok(self.verdict(order_id, Ended::Already));
        }
        let request_id = self.note(order_id, call.clone())?;
        let role = Role::Call;
        self.line.is_armed = true;
        let ride = Ride { order_id, request_id, call, code, is_resumed: false, role };
        let driven = self.drive(ride).await;
        self.line.is_armed = false;
        Ok(self.told(order_id, driven?))
    }

    /// Undoes an order, whatever is known of it.
    pub async fn reverse(&mut self, order_id: &str) -> Result<Verdict, TillError> {
        check(order_id, &Call::Reverse, None)?;
        let reversal = self.reversal(order_id, Role::Call)?;
        self.line.is_armed = true;
        let driven = self.drive(reversal.ride(order_id)).await;
        self.line.is_armed = false;
        Ok(self.told(order_id, driven?))
    }

    /// Finds out about every order whose outcome is not known, or sees to it that it comes to nothing.
    pub async fn settle(&mut self) -> Result<Vec<Verdict>, TillError> {
        let mut verdicts = Vec::new();
        for order_id in self.orders().unsettled() {
            verdicts.push(self.settle_one(&order_id).await?);
        }
        Ok(verdicts)
    }

    async fn settle_one(&mut self, order_id: &str) -> Result<Verdict, TillError> {
        let mut last = Driven::Left(String::new());
        // Each turn settles a call, or is the last.
        while let Some(open) = self.orders().get(order_id).and_then(Order::unsettled).cloned() {
            let (request_id, call) = (open.request_id, open.call);
            let is_reversal = call == Call::Reverse;
            let ride = Ride { order_id, request_id, call, code: None, is_resumed: true, role: Role::After };
            last = self.drive(ride).await?;
            let is_stuck = match &last {
                Driven::Left(_) => true,
                Driven::Reversed(_) | Driven::Settled(Outcome::Done(_), _) => false,
                // The reversal's refusal is stored under its id; whoever settles next draws another.
                Driven::Settled(Outcome::Refused(_) | Outcome::NotDone(_), _) => is_reversal,
            };
            if is_stuck {
                break;
            }
        }
        Ok(self.told(order_id, last))
    }

    /// Asks the server how an order stands, and takes note of what is certain.
    pub async fn status(&mut self, order_id: &str) -> Result<Verdict, TillError> {
        check(order_id, &Call::Void, None)?;
        let (learned, said) = self.line.ask(order_id).await;
        let open = self.orders().get(order_id).and_then(Order::unsettled).cloned();
        let at_us = self.line.now_us();
        match (&learned, open) {
            (Learned::Order(payment), None) => {
                if self.orders().get(order_id).map(|order| &order.payment) != Some(payment) {
                    self.see(order_id, payment.clone())?;
                }
            }
            (Learned::Order(payment), Some(open)) => {
                let kind = open.call.kind();
                let tries = Tries { kind, sent: 0, asked: 1, is_open: true, is_repeatable: false };
                match next(&tries, &learned) {
                    Next::Settle(outcome) if kind == Kind::Pay => {
                        let (order_id, request_id) = (order_id.to_owned(), open.request_id);
                        self.journal.add(&Event::Known { at_us, order_id, request_id, outcome })?;
                    }
                    Next::Settle(_) if payment.standing == Standing::Reversed => {
                        self.see(order_id, payment.clone())?;
                    }
                    // Only the call itself, repeated, tells whether it is in what was seen.
                    Next::Settle(_) | Next::Send(_) | Next::Ask | Next::Reverse | Next::Leave => {}
                }
            }
            (Learned::NoOrder, None) => {
                return Err(TillError::NoSuchOrder(order_id.to_owned()));
            }
            (
                Learned::NoOrder
                | Learned::Unasked
                | Learned::Reply(_)
                | Learned::Refused { .. }
                | Learned::Silence,
                open,
            ) => {
                if open.is_none() {
                    return Err(TillError::NoAnswer(said));
                }
            }
        }
        let ended = if self.is_settled(order_id) { Ended::Done } else { Ended::Unknown(said) };
        Ok(self.verdict(order_id, ended))
    }

    fn see(&mut self, order_id: &str, payment: Payment) -> Result<(), TillError> {
        let at_us = self.line.now_us();
        self.journal.add(&Event::Seen { at_us, order_id: order_id.to_owned(), payment })
    }

    /// Writes a call down, before it is sent.
    fn note(&mut self, order_id: &str, call: Call) -> Result<RequestId, TillError> {
        let (request_id, at_us) = (self.line.new_request_id(), self.line.now_us());
        self.journal.add(&Event::Sent { at_us, order_id: order_id.to_owned(), request_id, call })?;
        Ok(request_id)
    }

    /// The order's reversal that is under way already, or a new one.
    pub(super) fn reversal(&mut self, order_id: &str, role: Role) -> Result<Reversal, TillError> {
        let open = self.orders().get(order_id).and_then(Order::unsettled);
        match open.filter(|open| open.call == Call::Reverse).map(|open| open.request_id) {
            Some(request_id) => Ok(Reversal { request_id, is_resumed: true, role }),
            None => Ok(Reversal { request_id: self.note(order_id, Call::Reverse)?, is_resumed: false, role }),
        }
    }

    pub(super) fn is_settled(&self, order_id: &str) -> bool {
        self.orders().get(order_id).is_none_or(|order| order.unsettled().is_none())
    }

    fn told(&self, order_id: &str, driven: Driven) -> Verdict {
        let ended = match driven {
            Driven::Settled(Outcome::Done(_), _) => Ended::Done,
            // A refused reversal settles nothing of what it should have undone.
            Driven::Settled(Outcome::Refused(reason) | Outcome::NotDone(reason), said)
                if !self.is_settled(order_id) =>
            {
                Ended::Unknown(format!("its reversal was refused, {reason}: {said}"))
            }
            Driven::Settled(Outcome::Refused(reason), said) => Ended::Refused(reason, said),
            Driven::Settled(Outcome::NotDone(reason), said) => Ended::NotDone(reason, said),
            Driven::Reversed(said) => Ended::GaveUp(said),
            Driven::Left(said) => Ended::Unknown(said),
        };
        self.verdict(order_id, ended)
    }

    fn verdict(&self, order_id: &str, ended: Ended) -> Verdict {
        let order = self.orders().get(order_id).cloned();
        Verdict { ended, order: order.expect("whatever has a verdict is in the journal") }
    }
}

/// What no server would take is said before it is in the journal.
fn check(order_id: &str, call: &Call, code: Option<&str>) -> Result<(), TillError> {
    let is_name = order_id.len() <= ORDER_ID_MAX && order_id.bytes().all(|byte| byte.is_ascii_graphic());
    if order_id.is_empty() || !is_name {
        return Err(TillError::Unsuitable(
            "an order id has 1 to 64 printable ASCII characters without spaces",
        ));
    }
    let is_code = |code: &str| code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
    if call.kind() == Kind::Pay && !code.is_some_and(is_code) {
        return Err(TillError::Unsuitable("a payment code has 18 digits, without spaces"));
    }
    Ok(())
}
