//! What the operators did about an account's outflow, and how it is stored.

use super::Outcome;
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{AccountId, ProposalId};
use crate::domain::record::Corrupt;
use crate::domain::rows::HaltReason;
use crate::domain::time::Timestamp;

/// What the operators did about an account's outflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltOutcome {
    /// One of them stopped it.
    Halted {
        /// Whose.
        account_id: AccountId,
        /// Since then: of before, where it was stopped before.
        halted_at: Timestamp,
        /// Why.
        reason: HaltReason,
    },
    /// Two of them let it go on.
    Resumed {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Whose.
        account_id: AccountId,
    },
}

pub(super) fn write(outcome: HaltOutcome, encoder: Encoder) -> Encoder {
    match outcome {
        HaltOutcome::Halted { account_id, halted_at, reason } => {
            encoder.byte(151).fixed(&account_id.0).int(halted_at.0).int(reason.number())
        }
        HaltOutcome::Resumed { proposal_id, account_id } => {
            encoder.byte(152).fixed(&proposal_id.0).fixed(&account_id.0)
        }
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    Ok(Outcome::Halt(match tag {
        151 => HaltOutcome::Halted {
            account_id: AccountId(decoder.fixed()?),
            halted_at: Timestamp(decoder.int()?),
            reason: HaltReason::from_number(decoder.int()?)?,
        },
        152 => HaltOutcome::Resumed {
            proposal_id: ProposalId(decoder.fixed()?),
            account_id: AccountId(decoder.fixed()?),
        },
        _ => return Err(Corrupt),
    }))
}
