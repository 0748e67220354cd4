//! Answers that leave no outcome.

use crate::domain::time::Timestamp;

/// An answer that leaves the request id open: the call may be sent again under the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenAnswer {
    /// A code must be in this very call.
    CodeNeeded,
    /// The code was wrong, or used before. To the caller: not authenticated.
    CodeWrong,
    /// Codes are not looked at until then.
    CodeBlocked {
        /// Until then.
        until: Timestamp,
    },
    /// Too many wrong codes in a row: recovery only.
    CodeExhausted,
}
