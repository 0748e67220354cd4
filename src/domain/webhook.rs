//! What a merchant is told of its payments: which rows of the journal are steps of a payment, what each
//! step is called, and when what was not taken is sent again.

use super::id::PaymentId;
use super::outcome::Outcome;
use super::payment::{Intent, Moved, Sums};
use super::record::stored_enum;
use super::rows::{ClosingReason, Payment, WebhookEndpoint};
use super::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, Timestamp};

/// As many endpoints has a merchant at most.
pub const ENDPOINTS_MAX: usize = 5;
/// The older of two secrets signs so long, unless its merchant ends it.
pub const ROTATION_US: i64 = DAY_US;
/// Deliveries are kept, and can be asked for again, for so long after they were last made due.
pub const KEPT_US: i64 = 30 * DAY_US;
/// The pauses between attempts: a day in all. What was not taken then has failed.
pub const PAUSES_US: [i64; 11] = [
    5 * SECOND_US,
    30 * SECOND_US,
    2 * MINUTE_US,
    10 * MINUTE_US,
    30 * MINUTE_US,
    HOUR_US,
    2 * HOUR_US,
    4 * HOUR_US,
    4 * HOUR_US,
    6 * HOUR_US,
    6 * HOUR_US,
];

stored_enum! {
    /// Whether an endpoint is sent anything.
    EndpointState {
        /// It is.
        Active = 1,
        /// Its receiver said that it is gone for good.
        Gone = 2,
    }
}

stored_enum! {
    /// Where a delivery is.
    DeliveryState {
        /// To be sent.
        Due = 0,
        /// Its receiver took it.
        Delivered = 1,
        /// Given up.
        Failed = 2,
    }
}

stored_enum! {
    /// What a step of a payment was.
    PaymentEvent {
        /// Its customer is asked.
        AwaitingCustomer = 1,
        /// Held.
        Authorized = 2,
        /// A part of it was captured, or all.
        Captured = 3,
        /// A part of it was given back, or all.
        Refunded = 4,
        /// Undone.
        Reversed = 5,
        /// Its hold was released.
        Voided = 6,
        /// Its customer said no.
        Declined = 7,
        /// Time ended it.
        Expired = 8,
    }
}

/// A step of a payment, as its journal row tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it was.
    pub event: PaymentEvent,
    /// The payment's sums after it.
    pub sums: Sums,
    /// It made the payment.
    pub is_first: bool,
}

/// The payment that an outcome is a step of.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome is no step of a payment")]
pub fn payment_of(outcome: &Outcome) -> Option<PaymentId> {
    match outcome {
        Outcome::Paid { payment_id, .. }
        | Outcome::Charged { payment_id, .. }
        | Outcome::PaymentAsked { payment_id, .. }
        | Outcome::Authorized { payment_id, .. }
        | Outcome::PaymentStepped { payment_id, .. }
        | Outcome::Reversed { payment_id, .. } => Some(*payment_id),
        _ => None,
    }
}

impl WebhookEndpoint {
    /// Whether both secrets sign.
    pub fn is_rotating(&self, now: Timestamp) -> bool {
        self.rotated_until.is_some_and(|until| now < until)
    }
}

/// The step that an outcome was of `payment`, whatever became of it since.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome is no step of a payment")]
pub fn step_of(outcome: &Outcome, payment: &Payment) -> Option<Step> {
    let first = |event, sums| Some(Step { event, sums, is_first: true });
    match outcome {
        Outcome::Paid { at, amount_minor, .. } | Outcome::Charged { at, amount_minor, .. } => {
            first(PaymentEvent::Captured, Sums::authorised(*amount_minor, Intent::Sale, *at).after)
        }
        Outcome::Authorized { at, amount_minor, hold_until, .. } => {
            let held = Sums::authorised(*amount_minor, Intent::Hold { until: *hold_until }, *at);
            first(PaymentEvent::Authorized, held.after)
        }
        Outcome::PaymentAsked { amount_minor, awaiting_until, hold_until, .. } => {
            let intent = hold_until.map_or(Intent::Sale, |until| Intent::Hold { until });
            first(PaymentEvent::AwaitingCustomer, Sums::awaiting(*amount_minor, intent, *awaiting_until))
        }
        Outcome::PaymentStepped { moved, .. } => {
            Some(Step { event: event_of(moved), sums: moved.after, is_first: false })
        }
        // Nothing follows a reversal: what the payment is now, it was right after it.
        Outcome::Reversed { .. } => {
            Some(Step { event: PaymentEvent::Reversed, sums: payment.sums(), is_first: false })
        }
        _ => None,
    }
}

fn event_of(moved: &Moved) -> PaymentEvent {
    if moved.refunded_minor > 0 {
        return PaymentEvent::Refunded;
    }
    if moved.captured_minor > 0 {
        return PaymentEvent::Captured;
    }
    match moved.after.closing_reason {
        None => PaymentEvent::Authorized,
        Some(ClosingReason::Captured) => PaymentEvent::Captured,
        Some(ClosingReason::Voided) => PaymentEvent::Voided,
        Some(ClosingReason::Expired) => PaymentEvent::Expired,
        Some(ClosingReason::Reversed) => PaymentEvent::Reversed,
        Some(ClosingReason::Declined) => PaymentEvent::Declined,
    }
}

impl PaymentEvent {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingCustomer => "payment.awaiting_customer",
            Self::Authorized => "payment.authorized",
            Self::Captured => "payment.captured",
            Self::Refunded => "payment.refunded",
            Self::Reversed => "payment.reversed",
            Self::Voided => "payment.voided",
            Self::Declined => "payment.declined",
            Self::Expired => "payment.expired",
        }
    }
}

/// When a delivery is tried again after so many attempts; never, when it has failed by then. The pause
/// is longer by up to a fifth, by chance from 0 to 255: what failed at once is not tried again at once.
pub fn next_try(attempts: i64, now: Timestamp, chance: u8) -> Option<Timestamp> {
    let place = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause_us = *PAUSES_US.get(place)?;
    Some(now.plus_us(pause_us + pause_us / 5 * i64::from(chance) / 255))
}

/// A step's name for its receivers: the same at every endpoint, in every attempt and every replay.
pub fn event_name(payment_id: PaymentId, step: i64) -> String {
    format!("evt_{}_{step}", super::id::hex(&payment_id.0))
}

/// Back from [`event_name`].
pub fn event_of_name(name: &str) -> Option<(PaymentId, i64)> {
    let (digits, step) = name.strip_prefix("evt_")?.split_once('_')?;
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|place| digits.get(place..place + 2).and_then(|two| u8::from_str_radix(two, 16).ok()))
        .collect();
    let named = (PaymentId::from_slice(&bytes?)?, step.parse().ok()?);
    // One name each: no capital digits, signs or zeros in front.
    (event_name(named.0, named.1) == name).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn attempts_are_a_day_apart_in_all_and_then_it_has_failed() {
        let total_us: i64 = PAUSES_US.iter().sum();
        assert!((23 * HOUR_US..26 * HOUR_US).contains(&total_us), "{total_us}");
        assert_eq!(next_try(1, NOW, 0), Some(NOW.plus_us(5 * SECOND_US)));
        assert_eq!(next_try(1, NOW, 255), Some(NOW.plus_us(6 * SECOND_US)));
        assert_eq!(next_try(11, NOW, 0), Some(NOW.plus_us(6 * HOUR_US)));
        assert_eq!(next_try(12, NOW, 0), None);
        assert_eq!(next_try(0, NOW, 0), None);
    }

    #[test]
    fn an_events_name_is_one_name() {
        let id = PaymentId([0xab; 16]);
        let name = event_name(id, 12);
        assert_eq!(name, format!("evt_{}_12", "ab".repeat(16)));
        assert_eq!(event_of_name(&name), Some((id, 12)));
        for wrong in [
            String::new(),
            "evt_".into(),
            "evt_ab_1".into(),
            name.to_uppercase(),
            name.replace("_12", "_012"),
            name.replace("_12", "_+12"),
            format!("evt_{}_1", "AB".repeat(16)),
            format!("evt_{}_1", "é".repeat(16)),
        ] {
            assert_eq!(event_of_name(&wrong), None, "{wrong}");
        }
    }
}
