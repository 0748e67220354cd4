//! An order as the till's journal knows it: what was sent for it, and what came of that.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::id::{hex, unhex};
use crate::pb;

/// The idempotency key of one call, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(pub [u8; 16]);

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        hex(&id.0)
    }
}

impl TryFrom<String> for RequestId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        unhex(&text).map(Self).ok_or("a request id has 32 hexadecimal digits")
    }
}

/// What is sent, without the payment code: that is nobody's to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Takes an amount.
    Charge {
        /// In minor units.
        amount_minor: i64,
        /// A line for the customer.
        receipt_line: String,
        /// Above the code's cap the customer is asked.
        ask: bool,
    },
    /// Holds an amount.
    Authorize {
        /// In minor units.
        amount_minor: i64,
        /// A line for the customer.
        receipt_line: String,
        /// For so long; 0 for the usual time.
        hold_seconds: u32,
        /// Above the code's cap the customer is asked.
        ask: bool,
    },
    /// Takes a part of what is held.
    Capture {
        /// In minor units; 0 for all.
        amount_minor: i64,
        /// The rest stays held.
        more_follows: bool,
    },
    /// Releases what is held.
    Void,
    /// Gives back a part of what was captured.
    Refund {
        /// In minor units.
        amount_minor: i64,
    },
    /// Undoes all of it.
    Reverse,
}

/// What a call is to its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It brings the payment about, on a customer's one-time code.
    Pay,
    /// It is a step of a payment that there is.
    Step,
    /// It ends the order for good.
    Reverse,
}

impl Call {
    /// What it is to its order.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Charge { .. } | Self::Authorize { .. } => Kind::Pay,
            Self::Capture { .. } | Self::Void | Self::Refund { .. } => Kind::Step,
            Self::Reverse => Kind::Reverse,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Charge { .. } => "charge",
            Self::Authorize { .. } => "authorize",
            Self::Capture { .. } => "capture",
            Self::Void => "void",
            Self::Refund { .. } => "refund",
            Self::Reverse => "reverse",
        }
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not paid; it may be charged again.
    Open,
    /// The customer is asked. Not paid.
    Awaiting,
    /// An amount is held. Not paid yet.
    Held,
    /// Paid.
    Captured,
    /// Declined, voided or expired: not paid, and never will be.
    Over,
    /// Reversed: not paid, and never will be.
    Reversed,
    /// Another till's: no payment of this one, ever.
    NotOurs,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Awaiting => "awaiting",
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Over => "over",
            Self::Reversed => "reversed",
            Self::NotOurs => "not_ours",
        })
    }
}

/// An order's standing and sums, in minor units, as the server told them last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Where the order stands.
    pub standing: Standing,
    /// The payment, in hexadecimal digits; empty when there is none.
    pub payment_id: String,
    /// What it is about.
    pub authorised_minor: i64,
    /// What was captured of it.
    pub captured_minor: i64,
    /// What was given back of that.
    pub refunded_minor: i64,
    /// What was released without being captured.
    pub released_minor: i64,
    /// What is held.
    pub held_minor: i64,
}

impl Payment {
    /// An order without sums.
    pub fn none(standing: Standing) -> Self {
        Self {
            standing,
            payment_id: String::new(),
            authorised_minor: 0,
            captured_minor: 0,
            refunded_minor: 0,
            released_minor: 0,
            held_minor: 0,
        }
    }
}

impl From<pb::ChargeReply> for Payment {
    fn from(reply: pb::ChargeReply) -> Self {
        let standing = standing_of(reply.state());
        let captured_minor = if standing == Standing::Captured { reply.amount_minor } else { 0 };
        Self {
            payment_id: hex(&reply.payment_id),
            authorised_minor: reply.amount_minor,
            captured_minor,
            ..Self::none(standing)
        }
    }
}

impl From<pb::AuthorizeReply> for Payment {
    fn from(reply: pb::AuthorizeReply) -> Self {
        let standing = standing_of(reply.state());
        let held_minor = if standing == Standing::Held { reply.amount_minor } else { 0 };
        Self {
            payment_id: hex(&reply.payment_id),
            authorised_minor: reply.amount_minor,
            held_minor,
            ..Self::none(standing)
        }
    }
}

impl From<pb::PaymentStepReply> for Payment {
    fn from(reply: pb::PaymentStepReply) -> Self {
        Self {
            standing: standing_of(reply.state()),
            payment_id: hex(&reply.payment_id),
            authorised_minor: reply.authorised_minor,
            captured_minor: reply.captured_minor,
            refunded_minor: reply.refunded_minor,
            released_minor: reply.released_minor,
            held_minor: reply.held_minor,
        }
    }
}

impl From<pb::ReverseReply> for Payment {
    fn from(reply: pb::ReverseReply) -> Self {
        Self {
            payment_id: hex(&reply.payment_id),
            refunded_minor: reply.refunded_minor,
            released_minor: reply.released_minor,
            ..Self::none(Standing::Reversed)
        }
    }
}

impl From<pb::PosGetPaymentReply> for Payment {
    fn from(reply: pb::PosGetPaymentReply) -> Self {
        let state = reply.state();
        let Some(payment) = reply.payment else {
            return Self::none(match state {
                pb::OrderState::Reversed => Standing::Reversed,
                pb::OrderState::Over => Standing::Over,
                // A payment goes with the others; without one nothing is paid.
                pb::OrderState::Open
                | pb::OrderState::Payable
                | pb::OrderState::Unspecified
                | pb::OrderState::Paid
                | pb::OrderState::Pending => Standing::Open,
            });
        };
        Self {
            standing: standing_of(payment.state()),
            payment_id: hex(&payment.payment_id),
            authorised_minor: payment.authorised_minor,
            captured_minor: payment.captured_minor,
            refunded_minor: payment.refunded_minor,
            released_minor: payment.released_minor,
            held_minor: payment.held_minor,
        }
    }
}

fn standing_of(state: pb::PaymentState) -> Standing {
    use pb::PaymentState as P;
    match state {
        P::AwaitingCustomer => Standing::Awaiting,
        P::Authorized => Standing::Held,
        P::Captured | P::PartlyCaptured | P::PartlyRefunded | P::Refunded => Standing::Captured,
        P::Voided | P::Expired | P::Declined => Standing::Over,
        P::Reversed => Standing::Reversed,
        // A state of a later server's: not known to be paid.
        P::Unspecified => Standing::Open,
    }
}

/// What came of a call, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done, or the order is known to stand like this.
    Done(Payment),
    /// The server's last word: no.
    Refused(String),
    /// It was turned away, and nothing was done.
    NotDone(String),
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A call is about to be sent.
    Sent {
        /// When, in microseconds since 1970.
        at_us: i64,
        /// For which order.
        order_id: String,
        /// Under which request id.
        request_id: RequestId,
        /// Which.
        call: Call,
    },
    /// Its outcome is known.
    Known {
        /// When.
        at_us: i64,
        /// For which order.
        order_id: String,
        /// Of which call.
        request_id: RequestId,
        /// What came of it.
        outcome: Outcome,
    },
    /// The till stopped asking, and does not know.
    Unknown {
        /// When.
        at_us: i64,
        /// For which order.
        order_id: String,
        /// Of which call.
        request_id: RequestId,
    },
    /// How an order stands, as the server told who asked.
    Seen {
        /// When.
        at_us: i64,
        /// Which order.
        order_id: String,
        /// How it stands.
        payment: Payment,
    },
}

/// A call and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its request id.
    pub request_id: RequestId,
    /// What was sent.
    pub call: Call,
    /// Nothing as long as nobody knows.
    pub outcome: Option<Outcome>,
}

/// An order of this till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The merchant's name for it.
    pub order_id: String,
    /// What was sent for it, oldest first.
    pub requests: Vec<Request>,
    /// How it stands, as far as it is known.
    pub payment: Payment,
}

impl Order {
    fn new(order_id: &str) -> Self {
        let payment = Payment::none(Standing::Open);
        Self { order_id: order_id.to_owned(), requests: Vec::new(), payment }
    }

    /// The call that has to be settled next; nothing when all is known.
    ///
    /// A reversal comes before what it undoes: once one was sent the order is dead, or will be, and what is
    /// reversed has no other outcome.
    pub fn unsettled(&self) -> Option<&Request> {
        if matches!(self.payment.standing, Standing::Reversed | Standing::NotOurs) {
            return None;
        }
        let open = || self.requests.iter().filter(|request| request.outcome.is_none());
        open().find(|request| request.call == Call::Reverse).or_else(|| open().next())
    }

    fn settle(&mut self, request_id: RequestId, outcome: Outcome) {
        let Some(request) = self.requests.iter_mut().find(|request| request.request_id == request_id) else {
            return;
        };
        let (is_reversal, is_step) = (request.call == Call::Reverse, request.call.kind() == Kind::Step);
        match &outcome {
            Outcome::Done(payment) => {
                let sums = payment.clone();
                // Reverse's reply tells what it moved; what there was before is in the journal.
                self.payment = if is_reversal { reversed(&self.payment, sums) } else { sums };
            }
            Outcome::Refused(reason) => match pb::Reason::from_str_name(reason) {
                Some(pb::Reason::OrderReversed) => self.payment.standing = Standing::Reversed,
                // A step's NOT_FOUND says as well that nobody named the order yet.
                Some(pb::Reason::NotFound) if !is_step => self.payment.standing = Standing::NotOurs,
                Some(_) | None => {}
            },
            Outcome::NotDone(_) => {}
        }
        request.outcome = Some(outcome);
    }
}

fn reversed(before: &Payment, reply: Payment) -> Payment {
    let known = !before.payment_id.is_empty();
    Payment {
        standing: Standing::Reversed,
        payment_id: if reply.payment_id.is_empty() { before.payment_id.clone() } else { reply.payment_id },
        authorised_minor: before.authorised_minor,
        captured_minor: if known { before.captured_minor } else { reply.refunded_minor },
        refunded_minor: before.refunded_minor.saturating_add(reply.refunded_minor),
        released_minor: before.released_minor.saturating_add(reply.released_minor),
        held_minor: 0,
    }
}

/// All orders, in the order in which they were named first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    orders: Vec<Order>,
    places: HashMap<String, usize>,
}

impl Orders {
    /// Takes note of a line.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Sent { order_id, request_id, call, .. } => {
                let request = Request { request_id: *request_id, call: call.clone(), outcome: None };
                self.entry(order_id).requests.push(request);
            }
            Event::Known { order_id, request_id, outcome, .. } => {
                self.entry(order_id).settle(*request_id, outcome.clone());
            }
            Event::Unknown { .. } => {}
            Event::Seen { order_id, payment, .. } => self.entry(order_id).payment = payment.clone(),
        }
    }

    /// An order of this name.
    pub fn get(&self, order_id: &str) -> Option<&Order> {
        self.places.get(order_id).map(|at| &self.orders[*at])
    }

    /// All of them.
    pub fn all(&self) -> &[Order] {
        &self.orders
    }

    /// The names of those whose outcome is not known.
    pub fn unsettled(&self) -> Vec<String> {
        let unsettled = self.orders.iter().filter(|order| order.unsettled().is_some());
        unsettled.map(|order| order.order_id.clone()).collect()
    }

    fn entry(&mut self, order_id: &str) -> &mut Order {
        let at = *self.places.entry(order_id.to_owned()).or_insert_with(|| {
            self.orders.push(Order::new(order_id));
            self.orders.len() - 1
        });
        &mut self.orders[at]
    }
}
