//! What settling a merchant came to, and how it is stored.

use super::Outcome;
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{MerchantId, ProposalId};
use crate::domain::record::Corrupt;

/// What settling a merchant came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementOutcome {
    /// A day is settled.
    Settled {
        /// Whose.
        merchant_id: MerchantId,
        /// Which day, counted from the epoch.
        day: i64,
        /// Ordered of the bank.
        payout_minor: i64,
        /// Still owed to the merchant, or by it when less than nothing.
        carried_minor: i64,
    },
    /// Payments cost another share from now on.
    FeeSet {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Whose.
        merchant_id: MerchantId,
        /// The version of the rule.
        version: i64,
    },
    /// The bank said what became of payouts.
    PayoutsClosed {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Of which day, counted from the epoch.
        day: i64,
        /// Paid, in all.
        paid_minor: i64,
        /// Returned, and owed again, in all.
        returned_minor: i64,
    },
}

pub(super) fn write(outcome: &SettlementOutcome, encoder: Encoder) -> Encoder {
    match outcome {
        SettlementOutcome::Settled { merchant_id, day, payout_minor, carried_minor } => {
            encoder.byte(110).fixed(&merchant_id.0).int(*day).int(*payout_minor).int(*carried_minor)
        }
        SettlementOutcome::FeeSet { proposal_id, merchant_id, version } => {
            encoder.byte(111).fixed(&proposal_id.0).fixed(&merchant_id.0).int(*version)
        }
        SettlementOutcome::PayoutsClosed { proposal_id, day, paid_minor, returned_minor } => {
            encoder.byte(112).fixed(&proposal_id.0).int(*day).int(*paid_minor).int(*returned_minor)
        }
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    Ok(Outcome::Settlement(match tag {
        110 => SettlementOutcome::Settled {
            merchant_id: MerchantId(decoder.fixed()?),
            day: decoder.int()?,
            payout_minor: decoder.int()?,
            carried_minor: decoder.int()?,
        },
        111 => SettlementOutcome::FeeSet {
            proposal_id: ProposalId(decoder.fixed()?),
            merchant_id: MerchantId(decoder.fixed()?),
            version: decoder.int()?,
        },
        112 => SettlementOutcome::PayoutsClosed {
            proposal_id: ProposalId(decoder.fixed()?),
            day: decoder.int()?,
            paid_minor: decoder.int()?,
            returned_minor: decoder.int()?,
        },
        _ => return Err(Corrupt),
    }))
}
