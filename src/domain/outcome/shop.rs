//! Why a shop's reversal comes too late, and how its orders, cash and closed days are stored.

use super::Outcome;
use super::payment::{read_sums, write_sums};
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{
    CashTopUpId, LedgerAccountId, PaymentCodeId, PaymentId, ProposalId, StoreId, TerminalId,
};
use crate::domain::record::Corrupt;
use crate::domain::time::Timestamp;

/// Why a reversal comes too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It was taken, or held, in a business day that is closed.
    DayClosed,
    /// It was captured too long ago.
    WindowOver,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
pub(super) fn write(outcome: &Outcome, encoder: Encoder) -> Encoder {
    match outcome {
        Outcome::ReversedTooLate { payment_id, sums, why } => {
            let tag = match why {
                Late::DayClosed => 80,
                Late::WindowOver => 140,
            };
            write_sums(encoder.byte(tag).fixed(&payment_id.0), sums)
        }
        Outcome::OrderCreated { terminal_id, asked_minor, payable_until } => {
            encoder.byte(81).fixed(&terminal_id.0).int(*asked_minor).int(payable_until.0)
        }
        Outcome::OrderCancelled => encoder.byte(82),
        Outcome::CashToppedUp { cash_top_up_id, code_id, at, amount_minor, available_after_minor } => {
            let encoder = encoder.byte(83).fixed(&cash_top_up_id.0).fixed(&code_id.0);
            encoder.int(at.0).int(*amount_minor).int(*available_after_minor)
        }
        Outcome::CashReversed { cash_top_up_id, at, amount_minor, available_after_minor } => {
            let encoder = encoder.byte(84).fixed(&cash_top_up_id.0);
            encoder.int(at.0).int(*amount_minor).int(*available_after_minor)
        }
        Outcome::DayClosed { business_day, closed_at } => {
            encoder.byte(85).int(*business_day).int(closed_at.0)
        }
        Outcome::DayWasClosed { business_day, closed_at } => {
            encoder.byte(141).int(*business_day).int(closed_at.0)
        }
        Outcome::CashAllowed { proposal_id, store_id, ledger_account_id } => {
            encoder.byte(86).fixed(&proposal_id.0).fixed(&store_id.0).fixed(&ledger_account_id.0)
        }
        _ => unreachable!("encode hands over other outcomes to nobody"),
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    Ok(match tag {
        80 | 140 => Outcome::ReversedTooLate {
            payment_id: PaymentId(decoder.fixed()?),
            sums: read_sums(decoder)?,
            why: if tag == 80 { Late::DayClosed } else { Late::WindowOver },
        },
        81 => Outcome::OrderCreated {
            terminal_id: TerminalId(decoder.fixed()?),
            asked_minor: decoder.int()?,
            payable_until: Timestamp(decoder.int()?),
        },
        82 => Outcome::OrderCancelled,
        83 => Outcome::CashToppedUp {
            cash_top_up_id: CashTopUpId(decoder.fixed()?),
            code_id: PaymentCodeId(decoder.fixed()?),
            at: Timestamp(decoder.int()?),
            amount_minor: decoder.int()?,
            available_after_minor: decoder.int()?,
        },
        84 => Outcome::CashReversed {
            cash_top_up_id: CashTopUpId(decoder.fixed()?),
            at: Timestamp(decoder.int()?),
            amount_minor: decoder.int()?,
            available_after_minor: decoder.int()?,
        },
        85 => Outcome::DayClosed { business_day: decoder.int()?, closed_at: Timestamp(decoder.int()?) },
        141 => Outcome::DayWasClosed { business_day: decoder.int()?, closed_at: Timestamp(decoder.int()?) },
        86 => Outcome::CashAllowed {
            proposal_id: ProposalId(decoder.fixed()?),
            store_id: StoreId(decoder.fixed()?),
            ledger_account_id: LedgerAccountId(decoder.fixed()?),
        },
        _ => return Err(Corrupt),
    })
}
