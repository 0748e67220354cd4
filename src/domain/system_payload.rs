//! What the server signs when it acts on its own: a canonical encoding of the action, so that the
//! journal holds evidence for its movements as it does for a customer's.

use super::codec::{Decoder, Encoder};
use super::command::{CaseRef, Notices, SettlementDraft, SystemAction};
use super::id::{
    AccountId, CaseId, ContactIndex, DeviceId, LedgerAccountId, MerchantId, MessageId, PaymentId, RequestId,
    StoreId, TargetId, TerminalId, TopUpId,
};
use super::journal::{Kind, system_request};
use super::outcome::{read_operator, write_operator};
use super::record::Corrupt;
use super::recovery::factor::Channel;
use super::settlement::{Span, Sums};
use super::time::Timestamp;

impl SystemAction {
    /// The method that is signed.
    pub fn method(&self) -> &'static str {
        self.kind().method()
    }

    /// The request id under which it is done at most once.
    pub fn request_id(&self) -> RequestId {
        let subject = match self {
            Self::Genesis { .. } => *b"saifu-genesis-00",
            Self::Restore { number, .. } => {
                let mut subject = *b"saifu-restore000";
                subject[8..].iter_mut().zip(number.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
                subject
            }
            Self::RegisterStore { store_id, .. } => store_id.0,
            Self::SettleTopUp { top_up_id, .. } | Self::TakeBackTopUp { top_up_id, .. } => top_up_id.0,
            // Once for each turn: no other request id of a top-up differs from it in these bytes.
            Self::AwaitTopUp { top_up_id, turn, .. } => {
                let mut subject = top_up_id.0;
                subject.iter_mut().zip(turn.to_be_bytes()).for_each(|(byte, turn)| *byte ^= turn);
                subject
            }
            Self::CloseUnactivated { account_id, .. } => account_id.0,
            Self::EnrolOperators { .. } => *b"saifu-operators0",
            Self::AnswerNotice { message_id, .. } => message_id.0,
            Self::AdvanceRecovery { case, due_at, .. } => moment(case.case_id.0, *due_at),
            Self::ExpirePayment { payment_id, due_at } => moment(payment_id.0, *due_at),
            // Once for each day of a till's, whichever calendar day it began in.
            Self::CloseDay { terminal_id, business_day, .. } => {
                moment(terminal_id.0, Timestamp(*business_day))
            }
            Self::SettleMerchant(draft) => moment(draft.merchant_id.0, draft.span.lines_until),
        };
        system_request(subject, self.kind())
    }

    /// The bytes that are signed.
    pub fn encode(&self) -> Vec<u8> {
        let encoder = Encoder::new().int(self.kind().number());
        match self {
            Self::Genesis { system_key, audience } => encoder.fixed(system_key).bytes(audience.as_bytes()),
            Self::Restore { number, given_up_at, given_up_root } => {
                encoder.int(*number).int(given_up_at.0).fixed(given_up_root)
            }
            Self::RegisterStore { merchant_id, ledger_account_id, store_id, name, city, time_zone } => {
                encoder
                    .fixed(&merchant_id.0)
                    .fixed(&ledger_account_id.0)
                    .fixed(&store_id.0)
                    .bytes(name.as_bytes())
                    .bytes(city.as_bytes())
                    .bytes(time_zone.as_bytes())
            }
            Self::SettleTopUp { top_up_id, succeeded, challenged, provider_reference } => {
                let said = u8::from(*succeeded) + u8::from(*succeeded && *challenged);
                encoder.fixed(&top_up_id.0).byte(said).bytes(provider_reference.as_bytes())
            }
            Self::AwaitTopUp { top_up_id, turn, requires_action, provider_reference, sealed_action: _ } => {
                // What its owner has to do is sealed, and is no evidence.
                encoder
                    .fixed(&top_up_id.0)
                    .int(*turn)
                    .byte(u8::from(*requires_action))
                    .bytes(provider_reference.as_deref().unwrap_or("").as_bytes())
            }
            Self::TakeBackTopUp { top_up_id, charged_back } => {
                encoder.fixed(&top_up_id.0).byte(u8::from(*charged_back))
            }
            Self::CloseUnactivated { account_id, device_id, contact_index } => {
                encoder.fixed(&account_id.0).fixed(&device_id.0).fixed(&contact_index.0)
            }
            Self::EnrolOperators { operators } => encoder.list(operators, write_operator),
            Self::AnswerNotice { case, message_id, channel, accepted } => {
                write_case(encoder, case).fixed(&message_id.0).int(channel.number()).byte(u8::from(*accepted))
            }
            // What is told is sealed, and is no evidence.
            Self::AdvanceRecovery { case, due_at, notices: _ } => write_case(encoder, case).int(due_at.0),
            Self::ExpirePayment { payment_id, due_at } => encoder.fixed(&payment_id.0).int(due_at.0),
            Self::CloseDay { terminal_id, business_day, ended_at } => {
                encoder.fixed(&terminal_id.0).int(*business_day).int(ended_at.0)
            }
            Self::SettleMerchant(draft) => write_settlement(encoder, draft),
        }
        .finish()
    }

    /// Back from the signed bytes.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is signed by somebody else")]
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let action = match Kind::from_number(decoder.int()?)? {
            Kind::Genesis => Self::Genesis { system_key: decoder.fixed()?, audience: decoder.text()? },
            Kind::Restore => Self::Restore {
                number: decoder.int()?,
                given_up_at: Timestamp(decoder.int()?),
                given_up_root: decoder.fixed()?,
            },
            Kind::RegisterStore => Self::RegisterStore {
                merchant_id: MerchantId(decoder.fixed()?),
                ledger_account_id: LedgerAccountId(decoder.fixed()?),
                store_id: StoreId(decoder.fixed()?),
                name: decoder.text()?,
                city: decoder.text()?,
                time_zone: decoder.text()?,
            },
            kind @ (Kind::SettleTopUp | Kind::AwaitTopUp | Kind::TakeBackTopUp) => {
                read_top_up(kind, &mut decoder)?
            }
            Kind::CloseUnactivated => Self::CloseUnactivated {
                account_id: AccountId(decoder.fixed()?),
                device_id: DeviceId(decoder.fixed()?),
                contact_index: ContactIndex(decoder.fixed()?),
            },
            Kind::EnrolOperators => Self::EnrolOperators { operators: decoder.list(read_operator)? },
            Kind::AnswerNotice => read_answer(&mut decoder)?,
            Kind::AdvanceRecovery => read_advance(&mut decoder)?,
            Kind::ExpirePayment => Self::ExpirePayment {
                payment_id: PaymentId(decoder.fixed()?),
                due_at: Timestamp(decoder.int()?),
            },
            Kind::CloseDayForTerminal => Self::CloseDay {
                terminal_id: TerminalId(decoder.fixed()?),
                business_day: decoder.int()?,
                ended_at: Timestamp(decoder.int()?),
            },
            Kind::SettleMerchant => Self::SettleMerchant(Box::new(read_settlement(&mut decoder)?)),
            _ => return Err(Corrupt),
        };
        decoder.finish()?;
        Ok(action)
    }
}

/// Once for each moment at which something is due.
fn moment(mut subject: [u8; 16], due_at: Timestamp) -> [u8; 16] {
    subject.iter_mut().rev().zip(due_at.0.to_le_bytes()).for_each(|(byte, due)| *byte ^= due);
    subject
}

#[expect(clippy::wildcard_enum_match_arm, reason = "decode hands over these alone")]
fn read_top_up(kind: Kind, decoder: &mut Decoder<'_>) -> Result<SystemAction, Corrupt> {
    let top_up_id = TopUpId(decoder.fixed()?);
    Ok(match kind {
        Kind::SettleTopUp => {
            let (succeeded, challenged) = match decoder.byte()? {
                0 => (false, false),
                1 => (true, false),
                2 => (true, true),
                _ => return Err(Corrupt),
            };
            let provider_reference = decoder.text()?;
            SystemAction::SettleTopUp { top_up_id, succeeded, challenged, provider_reference }
        }
        Kind::AwaitTopUp => SystemAction::AwaitTopUp {
            top_up_id,
            turn: decoder.int()?,
            requires_action: decoder.flag()?,
            provider_reference: Some(decoder.text()?).filter(|reference| !reference.is_empty()),
            sealed_action: None,
        },
        Kind::TakeBackTopUp => SystemAction::TakeBackTopUp { top_up_id, charged_back: decoder.flag()? },
        _ => return Err(Corrupt),
    })
}

fn read_answer(decoder: &mut Decoder<'_>) -> Result<SystemAction, Corrupt> {
    Ok(SystemAction::AnswerNotice {
        case: read_case(decoder)?,
        message_id: MessageId(decoder.fixed()?),
        channel: Channel::from_number(decoder.int()?)?,
        accepted: decoder.flag()?,
    })
}

fn read_advance(decoder: &mut Decoder<'_>) -> Result<SystemAction, Corrupt> {
    Ok(SystemAction::AdvanceRecovery {
        case: read_case(decoder)?,
        due_at: Timestamp(decoder.int()?),
        notices: Notices { document_version: 0, drafts: Vec::new() },
    })
}

fn write_settlement(encoder: Encoder, draft: &SettlementDraft) -> Encoder {
    let SettlementDraft { merchant_id, day, span, sums } = draft;
    let cash: Vec<_> = sums.cash.iter().collect();
    encoder
        .fixed(&merchant_id.0)
        .int(*day)
        .int(span.lines_from.0)
        .int(span.lines_until.0)
        .int(span.cash_from.0)
        .int(span.cash_until.0)
        .int(sums.captures)
        .int(sums.captured_minor)
        .int(sums.refunds)
        .int(sums.refunded_minor)
        .int(sums.fee_minor)
        .list(&cash, |encoder, (store_id, minor)| encoder.fixed(&store_id.0).int(**minor))
}

fn read_settlement(decoder: &mut Decoder<'_>) -> Result<SettlementDraft, Corrupt> {
    Ok(SettlementDraft {
        merchant_id: MerchantId(decoder.fixed()?),
        day: decoder.int()?,
        span: Span {
            lines_from: Timestamp(decoder.int()?),
            lines_until: Timestamp(decoder.int()?),
            cash_from: Timestamp(decoder.int()?),
            cash_until: Timestamp(decoder.int()?),
        },
        sums: Sums {
            captures: decoder.int()?,
            captured_minor: decoder.int()?,
            refunds: decoder.int()?,
            refunded_minor: decoder.int()?,
            fee_minor: decoder.int()?,
            cash: decoder
                .list(|decoder| Ok((StoreId(decoder.fixed()?), decoder.int()?)))?
                .into_iter()
                .collect(),
        },
    })
}

fn write_case(encoder: Encoder, case: &CaseRef) -> Encoder {
    let account = case.account_id.map_or(Vec::new(), |id| id.0.to_vec());
    encoder.fixed(&case.case_id.0).fixed(&case.target_id.0).bytes(&account)
}

fn read_case(decoder: &mut Decoder<'_>) -> Result<CaseRef, Corrupt> {
    Ok(CaseRef {
        case_id: CaseId(decoder.fixed()?),
        target_id: TargetId(decoder.fixed()?),
        account_id: match decoder.bytes()? {
            [] => None,
            bytes => Some(AccountId::from_slice(bytes).ok_or(Corrupt)?),
        },
    })
}
