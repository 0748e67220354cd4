//! The answers that leave the request id open, and how they are stored.

use crate::domain::codec::{Decoder, Encoder};
use crate::domain::record::Corrupt;
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

impl OpenAnswer {
    /// The stored form.
    pub fn encode(self) -> Vec<u8> {
        let encoder = Encoder::new();
        match self {
            Self::CodeNeeded => encoder.byte(1),
            Self::CodeWrong => encoder.byte(2),
            Self::CodeBlocked { until } => encoder.byte(3).int(until.0),
            Self::CodeExhausted => encoder.byte(4),
        }
        .finish()
    }

    /// Back from the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let answer = match decoder.byte()? {
            1 => Self::CodeNeeded,
            2 => Self::CodeWrong,
            3 => Self::CodeBlocked { until: Timestamp(decoder.int()?) },
            4 => Self::CodeExhausted,
            _ => return Err(Corrupt),
        };
        decoder.finish()?;
        Ok(answer)
    }
}
