//! What a merchant is told of a step. It is made from the journal's row anew in every attempt, and says the
//! same each time. Nothing in it stays the same from one payment of a customer's to the next.

use serde::Serialize;

use crate::domain::id::hex;
use crate::domain::payment::State;
use crate::domain::rows::{Payment, WebhookDelivery};
use crate::domain::webhook::{Step, event_name};

/// The body of a request.
#[derive(Serialize)]
struct Event<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    /// The step's number within its payment: 1, 2, 3, … without gaps.
    sequence: i64,
    /// When it happened: microseconds since the epoch.
    at_us: i64,
    payment: Told<'a>,
}

/// A payment as it was right after the step.
#[derive(Serialize)]
struct Told<'a> {
    payment_id: String,
    order_id: Option<&'a str>,
    external_reference: Option<&'a str>,
    store_id: String,
    terminal_id: Option<String>,
    state: &'a str,
    currency: &'a str,
    amount_minor: i64,
    held_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    released_minor: i64,
    created_at_us: i64,
}

/// As JSON.
pub(super) fn body(row: &WebhookDelivery, payment: &Payment, step: &Step) -> Vec<u8> {
    let sums = &step.sums;
    let event = Event {
        id: event_name(row.payment_id, row.step),
        kind: step.event.name(),
        sequence: row.step,
        at_us: row.at.0,
        payment: Told {
            payment_id: hex(&payment.payment_id.0),
            order_id: payment.order_id.as_deref(),
            external_reference: payment.external_reference.as_deref(),
            store_id: hex(&payment.store_id.0),
            terminal_id: payment.terminal_id.map(|terminal_id| hex(&terminal_id.0)),
            state: state(sums.state()),
            currency: payment.asset.code(),
            amount_minor: sums.amount_minor,
            held_minor: sums.held_minor(),
            captured_minor: sums.captured_minor,
            refunded_minor: sums.refunded_minor,
            released_minor: sums.released_minor,
            created_at_us: payment.created_at.0,
        },
    };
    serde_json::to_vec(&event).expect("texts and numbers are JSON")
}

fn state(state: State) -> &'static str {
    match state {
        State::AwaitingCustomer => "awaiting_customer",
        State::Authorized => "authorized",
        State::PartlyCaptured => "partly_captured",
        State::Captured => "captured",
        State::PartlyRefunded => "partly_refunded",
        State::Refunded => "refunded",
        State::Declined => "declined",
        State::Voided => "voided",
        State::Expired => "expired",
        State::Reversed => "reversed",
    }
}
