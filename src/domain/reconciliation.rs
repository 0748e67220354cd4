//! What a funding provider says of its charges, against what we say of our top-ups: in which the two
//! differ, and which part of the provider's list is compared next. No money moves by any of it.

use super::codec::Encoder;
use super::id::{FIRST_TENANT, ReconciliationItemId};
use super::policy::{Policy, ReconciliationRules};
use super::record::stored_enum;
use super::rows::{Reconciliation, TopUp, TopUpState};
use super::time::{DAY_US, SECOND_US, Timestamp};

stored_enum! {
    /// Where a difference is.
    ItemState {
        /// Nobody looks after it.
        Open = 1,
        /// An operator does.
        Taken = 2,
        /// Its operator has said what became of it.
        Resolved = 3,
        /// It is gone by itself.
        Cleared = 4,
    }
}

stored_enum! {
    /// How a charge stands at its provider.
    ChargeState {
        /// Nothing is charged, as far as it can be told.
        NotCharged = 1,
        /// The money is ours.
        Charged = 2,
        /// It was ours, and all of it was given back.
        Refunded = 3,
        /// It was ours, and the payer's bank took it back.
        ChargedBack = 4,
    }
}

stored_enum! {
    /// In which a charge there and a top-up here differ.
    Difference {
        /// Charged there, and no top-up here has this name.
        UnknownHere = 1,
        /// Credited here; there it is not charged, or not known.
        NotChargedThere = 2,
        /// Charged there; its top-up is not credited.
        NotCreditedHere = 3,
        /// Another amount.
        Amount = 4,
        /// Another currency.
        Currency = 5,
        /// Given back there, and not taken back here.
        RefundedThere = 6,
        /// Taken back by the payer's bank there, and not here.
        ChargedBackThere = 7,
        /// Taken back here, and still charged there.
        NotTakenBackThere = 8,
    }
}

/// What a provider says of one charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// How much, less what was given back of it in part.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// How it stands.
    pub state: ChargeState,
}

use ChargeState::{Charged, ChargedBack, NotCharged, Refunded};

/// In which the two differ: the top-up, if there is one, and what the provider says of the charge that it
/// calls so, if it knows one. Only the first that counts is told: what is not ours has no right amount.
pub fn difference(ours: Option<&TopUp>, reference: &str, theirs: Option<&Theirs>) -> Option<Difference> {
    let there = theirs.map_or(NotCharged, |theirs| theirs.state);
    // A top-up that the charge names, and that does not know the charge, was not credited by it.
    let Some(row) = ours.filter(|row| row.provider_reference.as_deref() == Some(reference)) else {
        return (there == Charged).then_some(Difference::UnknownHere);
    };
    match (row.state, there) {
        (TopUpState::Succeeded, NotCharged) => Some(Difference::NotChargedThere),
        (TopUpState::Succeeded, Refunded) => Some(Difference::RefundedThere),
        (TopUpState::Succeeded, ChargedBack) => Some(Difference::ChargedBackThere),
        (TopUpState::Succeeded, Charged) => theirs.and_then(|theirs| figures(row, theirs)),
        (TopUpState::Refunded | TopUpState::ChargedBack, Charged) => Some(Difference::NotTakenBackThere),
        (
            TopUpState::Requested | TopUpState::RequiresAction | TopUpState::Unknown | TopUpState::Failed,
            Charged,
        ) => Some(Difference::NotCreditedHere),
        // Nothing is charged and nothing credited, whichever way that came.
        (
            TopUpState::Requested
            | TopUpState::RequiresAction
            | TopUpState::Unknown
            | TopUpState::Failed
            | TopUpState::Refunded
            | TopUpState::ChargedBack,
            NotCharged | Refunded | ChargedBack,
        ) => None,
    }
}

fn figures(row: &TopUp, theirs: &Theirs) -> Option<Difference> {
    if theirs.currency != row.asset.code() {
        Some(Difference::Currency)
    } else if theirs.amount_minor != row.amount_minor {
        Some(Difference::Amount)
    } else {
        None
    }
}

impl Difference {
    /// Whether asking the provider about this top-up again can mend it. A charge that names one is its own
    /// only as long as the top-up looks for one: asked about otherwise, nothing of it would be another.
    pub fn is_mendable(self, row: &TopUp) -> bool {
        match self {
            Self::UnknownHere => row.provider_reference.is_none() && row.state.is_open(),
            Self::NotCreditedHere | Self::RefundedThere | Self::ChargedBackThere => true,
            Self::NotChargedThere | Self::Amount | Self::Currency | Self::NotTakenBackThere => false,
        }
    }
}

impl ItemState {
    /// Whether somebody has yet to say what becomes of it.
    pub fn is_open(self) -> bool {
        match self {
            Self::Open | Self::Taken => true,
            Self::Resolved | Self::Cleared => false,
        }
    }
}

impl ReconciliationItemId {
    /// Of the charge that a provider calls so: whoever finds a difference of it names the same item. `hash`
    /// is SHA-256: the domain has no cryptography of its own.
    pub fn of(provider: i64, reference: &str, hash: impl Fn(&[u8]) -> [u8; 32]) -> Self {
        let named = Encoder::new().int(provider).bytes(reference.as_bytes()).finish();
        let mut id = [0; 16];
        id.copy_from_slice(&hash(&named)[..16]);
        Self(id)
    }
}

/// A part of a provider's list that is to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Charges created from then on, a whole second.
    pub from: Timestamp,
    /// And before then, a whole second.
    pub until: Timestamp,
    is_new: bool,
    began_at: Timestamp,
}

/// A part is at most so long: where a process ends in the middle of one, no more is done again.
const SLICE_US: i64 = DAY_US;

/// The next part: what is new first, and then what was compared before, from the window's beginning.
pub fn next(row: Option<&Reconciliation>, now: Timestamp, policy: &Policy) -> Option<Slice> {
    let ReconciliationRules { after_us, back_us, again_us, .. } = policy.reconciliation;
    // As long as a top-up may still be under way, a difference is none.
    let end = second(now.plus_us(-policy.top_ups.deadline_us).plus_us(-after_us));
    let begin = second(now.plus_us(-back_us));
    let compared_until = row.map_or(begin, |row| row.compared_until.max(begin));
    let slice = |from: Timestamp, end: Timestamp, is_new, began_at| {
        let until = end.min(from.plus_us(SLICE_US));
        (from < until).then_some(Slice { from, until, is_new, began_at })
    };
    if let Some(new) = slice(compared_until, end, true, now) {
        return Some(new);
    }
    let row = row?;
    let under_way = slice(row.swept_until.max(begin), row.compared_until, false, row.swept_at);
    let is_due = now.since_us(row.swept_at) >= again_us;
    let anew = if is_due { slice(begin, row.compared_until, false, now) } else { None };
    under_way.or(anew)
}

impl Slice {
    /// How far a provider is compared, once this part was as far as `until`.
    pub fn done(&self, provider: i64, row: Option<&Reconciliation>, until: Timestamp) -> Reconciliation {
        let first = Reconciliation {
            provider,
            tenant_id: FIRST_TENANT,
            compared_until: until,
            swept_until: until,
            swept_at: self.began_at,
        };
        let Some(row) = row else { return first };
        if !self.is_new {
            return Reconciliation { swept_until: until, swept_at: self.began_at, ..row.clone() };
        }
        // What is new was looked at just now: it waits for the next time round with the rest.
        let is_all_swept = row.swept_until >= row.compared_until;
        let swept_until = if is_all_swept { until } else { row.swept_until };
        Reconciliation { compared_until: until, swept_until, ..row.clone() }
    }
}

/// Providers tell whole seconds.
pub fn second(at: Timestamp) -> Timestamp {
    Timestamp(at.0.saturating_sub(at.0.rem_euclid(SECOND_US)))
}
