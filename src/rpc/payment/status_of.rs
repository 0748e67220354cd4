//! A payment as it is told: to its customer, its till and its merchant.

use crate::domain::outcome::Outcome;
use crate::domain::payment::State;
use crate::domain::rows::Payment;
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::rpc::convert::time;

/// A state as it is told.
pub fn state(state: State) -> pb::PaymentState {
    match state {
        State::AwaitingCustomer => pb::PaymentState::AwaitingCustomer,
        State::Authorized => pb::PaymentState::Authorized,
        State::PartlyCaptured => pb::PaymentState::PartlyCaptured,
        State::Captured => pb::PaymentState::Captured,
        State::PartlyRefunded => pb::PaymentState::PartlyRefunded,
        State::Refunded => pb::PaymentState::Refunded,
        State::Declined => pb::PaymentState::Declined,
        State::Voided => pb::PaymentState::Voided,
        State::Expired => pb::PaymentState::Expired,
        State::Reversed => pb::PaymentState::Reversed,
    }
}

/// A payment as it stands.
pub fn status_of(row: &Payment) -> pb::PaymentStatus {
    let sums = row.sums();
    let is_asked = sums.state() == State::AwaitingCustomer;
    pb::PaymentStatus {
        payment_id: row.payment_id.0.to_vec(),
        state: state(sums.state()).into(),
        store_id: row.store_id.0.to_vec(),
        payee_name: row.payee_name.clone(),
        currency: row.asset.code().into(),
        authorised_minor: row.authorised_minor,
        captured_minor: row.captured_minor,
        refunded_minor: row.refunded_minor,
        released_minor: row.released_minor,
        created_at: Some(time(row.created_at)),
        held_minor: sums.held_minor(),
        awaiting_until: row.awaiting_until.filter(|_| is_asked).map(time),
        hold_until: row.hold_until.filter(|_| is_asked || sums.held_minor() > 0).map(time),
    }
}

/// What a shop's step came to; the customer's balance is not in it.
pub fn step_reply(outcome: &Outcome) -> Result<pb::PaymentStepReply, Rejection> {
    let Outcome::PaymentStepped { payment_id, at, moved, .. } = outcome else {
        return Err(Rejection::Internal);
    };
    // A capture may release the rest: what it captured is what it moved.
    let moved_minor = [moved.captured_minor, moved.refunded_minor, moved.released_minor]
        .into_iter()
        .find(|minor| *minor > 0);
    let after = &moved.after;
    Ok(pb::PaymentStepReply {
        payment_id: payment_id.0.to_vec(),
        state: state(after.state()).into(),
        stepped_at: Some(time(*at)),
        moved_minor: moved_minor.unwrap_or(0),
        authorised_minor: after.amount_minor,
        captured_minor: after.captured_minor,
        refunded_minor: after.refunded_minor,
        released_minor: after.released_minor,
        held_minor: after.held_minor(),
    })
}
