//! What an operator's wish about a difference came to, and how it is stored.

use super::Outcome;
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::ReconciliationItemId;
use crate::domain::record::Corrupt;

/// What an operator's wish about a difference came to. His note is in what he signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconciliationOutcome {
    /// He looks after it.
    Taken {
        /// Which.
        item_id: ReconciliationItemId,
        /// As he saw it.
        version: i64,
    },
    /// It is dealt with.
    Resolved {
        /// Which.
        item_id: ReconciliationItemId,
        /// As he saw it.
        version: i64,
    },
}

pub(super) fn write(outcome: ReconciliationOutcome, encoder: Encoder) -> Encoder {
    match outcome {
        ReconciliationOutcome::Taken { item_id, version } => encoder.byte(120).fixed(&item_id.0).int(version),
        ReconciliationOutcome::Resolved { item_id, version } => {
            encoder.byte(121).fixed(&item_id.0).int(version)
        }
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    let (item_id, version) = (ReconciliationItemId(decoder.fixed()?), decoder.int()?);
    Ok(Outcome::Reconciliation(match tag {
        120 => ReconciliationOutcome::Taken { item_id, version },
        121 => ReconciliationOutcome::Resolved { item_id, version },
        _ => return Err(Corrupt),
    }))
}
