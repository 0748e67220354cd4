//! How what became of a top-up is stored.

use super::Outcome;
use super::codec::{moment, read_moment};
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::TopUpId;
use crate::domain::record::Corrupt;
use crate::domain::rows::TopUpState;
use crate::domain::time::Timestamp;

/// What taking a top-up back leaves its account with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// In rows from before debts were kept: what was lost was forgiven, and a charge-back froze as an owner
    /// does.
    Forgiven {
        /// Since when outflow was stopped, if it was by this.
        frozen_at: Option<Timestamp>,
    },
    /// What was lost is owed.
    Owed {
        /// All that is owed by now, in minor units.
        debt_minor: i64,
        /// Since when the operators stop outflow, if they do by this.
        halted_at: Option<Timestamp>,
    },
}

#[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
pub(super) fn write(outcome: &Outcome, encoder: Encoder) -> Encoder {
    match outcome {
        Outcome::FundingLinked { funding_id, card_tag: None } => encoder.byte(11).fixed(&funding_id.0),
        Outcome::FundingLinked { funding_id, card_tag: Some(card_tag) } => {
            encoder.byte(153).fixed(&funding_id.0).fixed(&card_tag.0)
        }
        Outcome::FundingUnlinked { funding_id } => encoder.byte(12).fixed(&funding_id.0),
        Outcome::TopUpRequested { top_up_id, wants_challenge } => {
            encoder.byte(if *wants_challenge { 154 } else { 13 }).fixed(&top_up_id.0)
        }
        Outcome::TopUpSettled { top_up_id, credited_minor, available_after_minor } => {
            encoder.byte(14).fixed(&top_up_id.0).int(*credited_minor).int(*available_after_minor)
        }
        Outcome::TopUpWaits { top_up_id, state } => encoder.byte(70).fixed(&top_up_id.0).int(state.number()),
        Outcome::TopUpTakenBack {
            top_up_id,
            state,
            taken_minor,
            lost_minor,
            available_after_minor,
            aftermath,
        } => {
            let tag = match aftermath {
                Aftermath::Forgiven { .. } => 71,
                Aftermath::Owed { .. } => 150,
            };
            let encoder = encoder
                .byte(tag)
                .fixed(&top_up_id.0)
                .int(state.number())
                .int(*taken_minor)
                .int(*lost_minor)
                .int(*available_after_minor);
            match aftermath {
                Aftermath::Forgiven { frozen_at } => encoder.int(moment(*frozen_at)),
                Aftermath::Owed { debt_minor, halted_at } => encoder.int(*debt_minor).int(moment(*halted_at)),
            }
        }
        _ => unreachable!("encode hands over other outcomes to nobody"),
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    let top_up_id = TopUpId(decoder.fixed()?);
    let state = TopUpState::from_number(decoder.int()?)?;
    Ok(match tag {
        70 => Outcome::TopUpWaits { top_up_id, state },
        71 | 150 => Outcome::TopUpTakenBack {
            top_up_id,
            state,
            taken_minor: decoder.int()?,
            lost_minor: decoder.int()?,
            available_after_minor: decoder.int()?,
            aftermath: if tag == 71 {
                Aftermath::Forgiven { frozen_at: read_moment(decoder)? }
            } else {
                Aftermath::Owed { debt_minor: decoder.int()?, halted_at: read_moment(decoder)? }
            },
        },
        _ => return Err(Corrupt),
    })
}
