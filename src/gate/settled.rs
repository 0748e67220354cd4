//! After an operator took a database that is older than the server's checkpoints, nothing is changed for a
//! while but what stops something. What was used once and is forgotten (an authenticator's code, a payment
//! code, a code sent to a contact, a signed call) is too old by then to be used again, and every device's
//! last code is too old to pay by: so the first payment of each wants a new one.

use std::collections::HashSet;

use super::operation::{Cost, Effect, Operation};
use super::rejection::Rejection;
use super::signature::{MAX_AGE_US, MAX_AHEAD_US};
use crate::domain::id::KeyId;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// What is known from outside the database about one that was put back.
#[derive(Debug, Default)]
pub struct Restoration {
    /// When it was taken as it is; nothing where it never was.
    pub at: Option<Timestamp>,
    /// Keys that were revoked, whatever the database says of them.
    pub revoked: HashSet<KeyId>,
}

/// How long everything that is used once within minutes can be used at all.
pub fn settles_us(policy: &Policy) -> i64 {
    let figures = &policy.recovery;
    [
        MAX_AGE_US + MAX_AHEAD_US,
        policy.step_up.fresh_us,
        policy.payment_codes.live_us,
        policy.enrolment.code_us,
        figures.again_us,
        figures.issued_us,
        figures.cancel_us,
        figures.addition_us,
        figures.contact_us,
    ]
    .into_iter()
    .fold(0, i64::max)
}

/// Until when nothing is changed.
#[derive(Debug)]
pub(super) struct Settled {
    restored_at: Option<Timestamp>,
    settles_us: i64,
}

impl Settled {
    pub(super) fn after(restored_at: Option<Timestamp>, policy: &Policy) -> Self {
        Self { restored_at, settles_us: settles_us(policy) }
    }

    pub(super) fn restored_at(&self) -> Option<Timestamp> {
        self.restored_at
    }

    /// Whether this may be done by now.
    pub(super) fn lets<O: Operation>(&self, now: Timestamp) -> Result<(), Rejection> {
        debug_assert!(O::EFFECT == Effect::Changes);
        match self.restored_at.map(|at| at.plus_us(self.settles_us)) {
            Some(until) if now < until && O::COST != Cost::Stop => {
                Err(Rejection::Unsettled { retry_after_us: until.since_us(now) })
            }
            Some(_) | None => Ok(()),
        }
    }
}
