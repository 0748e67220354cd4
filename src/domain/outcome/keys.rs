//! What became of merchants' and operators' keys, and of bars; and how it is stored.

use super::Outcome;
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{KeyId, MerchantId, OperatorId, ProposalId, StoreId, TerminalId};
use crate::domain::record::Corrupt;
use crate::domain::standing::BarSubject;

/// What became of a merchant's or an operator's key, or of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOutcome {
    /// An owner gave its key up for another.
    Rotated {
        /// The new key.
        key_id: KeyId,
    },
    /// An operator left.
    OperatorRevoked {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Who.
        operator_id: OperatorId,
    },
    /// An operator has another key.
    OperatorKeySet {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Who.
        operator_id: OperatorId,
        /// The new key.
        key_id: KeyId,
    },
    /// A merchant has no key any more.
    MerchantKeyRevoked {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Whose.
        merchant_id: MerchantId,
    },
    /// A merchant has another key.
    MerchantKeySet {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Whose.
        merchant_id: MerchantId,
        /// The new key.
        key_id: KeyId,
    },
    /// Nothing at all is done for it.
    Barred {
        /// For whom.
        subject: BarSubject,
    },
    /// It is as it was before it was barred.
    BarLifted {
        /// By which proposal.
        proposal_id: ProposalId,
        /// Whose.
        subject: BarSubject,
    },
}

pub(super) fn write(outcome: KeyOutcome, encoder: Encoder) -> Encoder {
    match outcome {
        KeyOutcome::Rotated { key_id } => encoder.byte(130).fixed(&key_id.0),
        KeyOutcome::OperatorRevoked { proposal_id, operator_id } => {
            encoder.byte(131).fixed(&proposal_id.0).fixed(&operator_id.0)
        }
        KeyOutcome::OperatorKeySet { proposal_id, operator_id, key_id } => {
            encoder.byte(132).fixed(&proposal_id.0).fixed(&operator_id.0).fixed(&key_id.0)
        }
        KeyOutcome::MerchantKeyRevoked { proposal_id, merchant_id } => {
            encoder.byte(133).fixed(&proposal_id.0).fixed(&merchant_id.0)
        }
        KeyOutcome::MerchantKeySet { proposal_id, merchant_id, key_id } => {
            encoder.byte(134).fixed(&proposal_id.0).fixed(&merchant_id.0).fixed(&key_id.0)
        }
        KeyOutcome::Barred { subject } => write_subject(encoder.byte(135), subject),
        KeyOutcome::BarLifted { proposal_id, subject } => {
            write_subject(encoder.byte(136).fixed(&proposal_id.0), subject)
        }
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    Ok(Outcome::Keys(match tag {
        130 => KeyOutcome::Rotated { key_id: KeyId(decoder.fixed()?) },
        131 => KeyOutcome::OperatorRevoked {
            proposal_id: ProposalId(decoder.fixed()?),
            operator_id: OperatorId(decoder.fixed()?),
        },
        132 => KeyOutcome::OperatorKeySet {
            proposal_id: ProposalId(decoder.fixed()?),
            operator_id: OperatorId(decoder.fixed()?),
            key_id: KeyId(decoder.fixed()?),
        },
        133 => KeyOutcome::MerchantKeyRevoked {
            proposal_id: ProposalId(decoder.fixed()?),
            merchant_id: MerchantId(decoder.fixed()?),
        },
        134 => KeyOutcome::MerchantKeySet {
            proposal_id: ProposalId(decoder.fixed()?),
            merchant_id: MerchantId(decoder.fixed()?),
            key_id: KeyId(decoder.fixed()?),
        },
        135 => KeyOutcome::Barred { subject: read_subject(decoder)? },
        136 => KeyOutcome::BarLifted {
            proposal_id: ProposalId(decoder.fixed()?),
            subject: read_subject(decoder)?,
        },
        _ => return Err(Corrupt),
    }))
}

fn write_subject(encoder: Encoder, subject: BarSubject) -> Encoder {
    match subject {
        BarSubject::Merchant(id) => encoder.byte(1).fixed(&id.0),
        BarSubject::Store(id) => encoder.byte(2).fixed(&id.0),
        BarSubject::Terminal(id) => encoder.byte(3).fixed(&id.0),
    }
}

fn read_subject(decoder: &mut Decoder<'_>) -> Result<BarSubject, Corrupt> {
    Ok(match decoder.byte()? {
        1 => BarSubject::Merchant(MerchantId(decoder.fixed()?)),
        2 => BarSubject::Store(StoreId(decoder.fixed()?)),
        3 => BarSubject::Terminal(TerminalId(decoder.fixed()?)),
        _ => return Err(Corrupt),
    })
}
