//! How what the operators did about an account is stored.

use super::Outcome;
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{AccountId, ProposalId};
use crate::domain::record::Corrupt;
use crate::domain::rows::HaltReason;
use crate::domain::time::Timestamp;

#[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
pub(super) fn write(outcome: &Outcome, encoder: Encoder) -> Encoder {
    match outcome {
        Outcome::AccountHalted { account_id, halted_at, reason } => {
            encoder.byte(151).fixed(&account_id.0).int(halted_at.0).int(reason.number())
        }
        Outcome::AccountResumed { proposal_id, account_id } => {
            encoder.byte(152).fixed(&proposal_id.0).fixed(&account_id.0)
        }
        _ => unreachable!("encode hands over other outcomes to nobody"),
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    Ok(match tag {
        151 => Outcome::AccountHalted {
            account_id: AccountId(decoder.fixed()?),
            halted_at: Timestamp(decoder.int()?),
            reason: HaltReason::from_number(decoder.int()?)?,
        },
        152 => Outcome::AccountResumed {
            proposal_id: ProposalId(decoder.fixed()?),
            account_id: AccountId(decoder.fixed()?),
        },
        _ => return Err(Corrupt),
    })
}
