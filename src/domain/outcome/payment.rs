//! How a payment's steps are stored.

use super::Outcome;
use super::codec::{moment, read_moment};
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{PaymentCodeId, PaymentId};
use crate::domain::payment::{Moved, Sums};
use crate::domain::record::Corrupt;
use crate::domain::rows::ClosingReason;
use crate::domain::time::Timestamp;

#[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
pub(super) fn write(outcome: &Outcome, encoder: Encoder) -> Encoder {
    match outcome {
        Outcome::PaymentAsked { payment_id, code_id, amount_minor, awaiting_until, hold_until } => {
            let encoder = encoder.byte(44).fixed(&payment_id.0).fixed(&code_id.0).int(*amount_minor);
            encoder.int(awaiting_until.0).int(moment(*hold_until))
        }
        Outcome::Authorized { payment_id, code_id, at, amount_minor, hold_until, available_after_minor } => {
            encoder
                .byte(45)
                .fixed(&payment_id.0)
                .fixed(&code_id.0)
                .int(at.0)
                .int(*amount_minor)
                .int(hold_until.0)
                .int(*available_after_minor)
        }
        Outcome::PaymentStepped { payment_id, at, moved, available_after_minor } => {
            write_moved(encoder.byte(46).fixed(&payment_id.0).int(at.0), moved).int(*available_after_minor)
        }
        _ => unreachable!("encode hands over other outcomes to nobody"),
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    Ok(match tag {
        44 => Outcome::PaymentAsked {
            payment_id: PaymentId(decoder.fixed()?),
            code_id: PaymentCodeId(decoder.fixed()?),
            amount_minor: decoder.int()?,
            awaiting_until: Timestamp(decoder.int()?),
            hold_until: read_moment(decoder)?,
        },
        45 => Outcome::Authorized {
            payment_id: PaymentId(decoder.fixed()?),
            code_id: PaymentCodeId(decoder.fixed()?),
            at: Timestamp(decoder.int()?),
            amount_minor: decoder.int()?,
            hold_until: Timestamp(decoder.int()?),
            available_after_minor: decoder.int()?,
        },
        46 => Outcome::PaymentStepped {
            payment_id: PaymentId(decoder.fixed()?),
            at: Timestamp(decoder.int()?),
            moved: read_moved(decoder)?,
            available_after_minor: decoder.int()?,
        },
        _ => return Err(Corrupt),
    })
}

fn write_moved(encoder: Encoder, moved: &Moved) -> Encoder {
    let encoder = encoder
        .int(moved.authorised_minor)
        .int(moved.captured_minor)
        .int(moved.released_minor)
        .int(moved.refunded_minor);
    write_sums(encoder, &moved.after)
}

pub(super) fn write_sums(encoder: Encoder, sums: &Sums) -> Encoder {
    let encoder = encoder
        .int(sums.amount_minor)
        .int(sums.captured_minor)
        .int(sums.refunded_minor)
        .int(sums.released_minor)
        .int(sums.closing_reason.map_or(0, ClosingReason::number));
    encoder.int(moment(sums.authorised_at)).int(moment(sums.awaiting_until)).int(moment(sums.hold_until))
}

fn read_moved(decoder: &mut Decoder<'_>) -> Result<Moved, Corrupt> {
    let [authorised_minor, captured_minor, released_minor, refunded_minor] =
        [decoder.int()?, decoder.int()?, decoder.int()?, decoder.int()?];
    let after = read_sums(decoder)?;
    Ok(Moved { authorised_minor, captured_minor, released_minor, refunded_minor, after })
}

pub(super) fn read_sums(decoder: &mut Decoder<'_>) -> Result<Sums, Corrupt> {
    Ok(Sums {
        amount_minor: decoder.int()?,
        captured_minor: decoder.int()?,
        refunded_minor: decoder.int()?,
        released_minor: decoder.int()?,
        closing_reason: match decoder.int()? {
            0 => None,
            number => Some(ClosingReason::from_number(number)?),
        },
        authorised_at: read_moment(decoder)?,
        awaiting_until: read_moment(decoder)?,
        hold_until: read_moment(decoder)?,
    })
}
