//! The gate says no, or passes on that the domain did. `rpc::status` makes a status of it.

use crate::crypto::passphrase::{NotAccepted, Unsuitable};
use crate::domain::outcome::{OpenAnswer, Refusal};
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Why a call was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Signature, key or replay; which, is not said.
    Unauthenticated,
    /// Signed too long ago, or in the future.
    ClockSkew {
        /// The server's clock.
        now: Timestamp,
    },
    /// A good key with an old epoch.
    EpochChanged {
        /// The present one.
        epoch: i64,
    },
    /// Another kind of principal.
    PermissionDenied,
    /// Not canonical, out of range, or a field that is not what it must be.
    Malformed {
        /// The field, as the proto file calls it.
        field: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// It does not exist, or is somebody else's.
    NotFound,
    /// The request id was used with another body.
    RequestIdReused,
    /// The passphrase may not become one.
    PassphraseUnsuitable(Unsuitable),
    /// The scanned text is not a payable code.
    NotAPaymentCode,
    /// Too many calls.
    Throttled {
        /// Come back after.
        retry_after_us: i64,
    },
    /// Too many anonymous calls altogether: this one shows no work, or too little.
    StampNeeded {
        /// As many zero bits are wanted.
        bits: u32,
    },
    /// The store or a control is away; send again.
    Unavailable,
    /// A database that was put back: nothing is changed for a while.
    Unsettled {
        /// Come back after.
        retry_after_us: i64,
    },
    /// A defect.
    Internal,
    /// Open: the second factor.
    Open {
        /// What about it.
        answer: OpenAnswer,
        /// The server's clock.
        now: Timestamp,
    },
    /// Final: the domain says no.
    Refused {
        /// Why.
        refusal: Refusal,
        /// When it may be tried anew; the epoch's beginning when time alone does not help.
        retry_at: Timestamp,
        /// The server's clock.
        now: Timestamp,
    },
}

impl Rejection {
    /// A field that is not what it must be.
    pub fn malformed(field: &'static str, must: &'static str) -> Self {
        Self::Malformed { field, must }
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Unavailable => Self::Unavailable,
            StoreError::Defect => Self::Internal,
        }
    }
}

impl From<NotAccepted> for Rejection {
    fn from(not: NotAccepted) -> Self {
        match not {
            NotAccepted::Busy => Self::Unavailable,
            NotAccepted::Unsuitable(why) => Self::PassphraseUnsuitable(why),
        }
    }
}
