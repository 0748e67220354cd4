//! How outcomes and open answers are stored: one way to write each, and only that way is read back.

use super::{
    AccountStanding, OperatorKey, Outcome, RecoveryStep, Refusal, halt, keys, payment, reconciliation,
    settlement, shop, top_up, webhook,
};
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::{
    AccountId, AdditionId, CardTag, CaseId, ContactIndex, DeviceId, EnrolmentId, FundingId, KeyId,
    LedgerAccountId, MerchantId, OperatorId, PaymentCodeId, PaymentId, PendingContactId, ProposalId, StoreId,
    TerminalId, TopUpId,
};
use crate::domain::record::Corrupt;
use crate::domain::recovery::CaseState;
use crate::domain::recovery::factor::Kind;
use crate::domain::rows::{CodePurpose, KeyForm, Standing};
use crate::domain::time::Timestamp;

impl Outcome {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let encoder = Encoder::new();
        match self {
            Self::Genesis { .. }
            | Self::Restored { .. }
            | Self::StoreRegistered { .. }
            | Self::DeviceRevoked { .. }
            | Self::EnrolmentStarted { .. }
            | Self::Enrolled { .. } => self.encode_of_the_beginning(encoder),
            Self::Activated => encoder.byte(5),
            Self::Unactivated { account_id } => encoder.byte(6).fixed(&account_id.0),
            Self::CodeAccepted { fresh_until } => encoder.byte(7).int(fresh_until.0),
            Self::Frozen { frozen_at } => encoder.byte(8).int(frozen_at.0),
            Self::Unfrozen => encoder.byte(9),
            Self::FundingLinked { .. }
            | Self::FundingUnlinked { .. }
            | Self::TopUpRequested { .. }
            | Self::TopUpSettled { .. }
            | Self::TopUpWaits { .. }
            | Self::TopUpTakenBack { .. } => top_up::write(self, encoder),
            Self::Halt(outcome) => halt::write(*outcome, encoder),
            Self::ReversedTooLate { .. }
            | Self::OrderCreated { .. }
            | Self::OrderCancelled
            | Self::CashToppedUp { .. }
            | Self::CashReversed { .. }
            | Self::DayClosed { .. }
            | Self::DayWasClosed { .. }
            | Self::CashAllowed { .. } => shop::write(self, encoder),
            Self::Paid { payment_id, at, amount_minor, available_after_minor } => {
                encoder.byte(15).fixed(&payment_id.0).int(at.0).int(*amount_minor).int(*available_after_minor)
            }
            Self::Refused { refusal, retry_at } => encoder.byte(16).int(refusal.number()).int(retry_at.0),
            Self::CodeIssued { .. }
            | Self::Charged { .. }
            | Self::NothingFound
            | Self::Reversed { .. }
            | Self::AlreadyReversed
            | Self::TerminalRegistered { .. }
            | Self::TerminalActivated { .. }
            | Self::TerminalStanding { .. } => self.encode_of_a_shop(encoder),
            Self::PaymentAsked { .. } | Self::Authorized { .. } | Self::PaymentStepped { .. } => {
                payment::write(self, encoder)
            }
            Self::Webhook(outcome) => webhook::write(*outcome, encoder),
            Self::Settlement(outcome) => settlement::write(outcome, encoder),
            Self::Reconciliation(outcome) => reconciliation::write(*outcome, encoder),
            Self::Keys(outcome) => keys::write(*outcome, encoder),
            Self::OperatorsEnrolled { .. }
            | Self::Proposed { .. }
            | Self::MerchantApproved { .. }
            | Self::StoreApproved { .. }
            | Self::OperatorApproved { .. }
            | Self::MerchantResumed { .. }
            | Self::MerchantSuspended { .. } => self.encode_of_an_operator(encoder),
            Self::RecoveryStarted { .. }
            | Self::RecoveryStepped(_)
            | Self::CancellationHeard(_)
            | Self::Recovered { .. }
            | Self::DeviceLost { .. }
            | Self::AdditionAsked { .. }
            | Self::DeviceAdded { .. }
            | Self::TotpBegun
            | Self::FactorChanged
            | Self::ContactBegun { .. }
            | Self::ContactConfirmed { .. } => self.encode_of_a_factor(encoder),
        }
        .finish()
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
    fn encode_of_the_beginning(&self, encoder: Encoder) -> Encoder {
        match self {
            Self::Genesis { system_key, audience } => {
                encoder.byte(1).fixed(system_key).bytes(audience.as_bytes())
            }
            Self::Restored { at } => encoder.byte(160).int(at.0),
            Self::DeviceRevoked { device_id, account_frozen } => {
                encoder.byte(10).fixed(&device_id.0).byte(u8::from(*account_frozen))
            }
            Self::StoreRegistered { merchant_id, store_id, ledger_account_id } => {
                encoder.byte(2).fixed(&merchant_id.0).fixed(&store_id.0).fixed(&ledger_account_id.0)
            }
            Self::EnrolmentStarted { enrolment_id, expires_at } => {
                encoder.byte(3).fixed(&enrolment_id.0).int(expires_at.0)
            }
            Self::Enrolled { account_id, device_id, ledger_account_id, point, form, activate_by } => encoder
                .byte(4)
                .fixed(&account_id.0)
                .fixed(&device_id.0)
                .fixed(&ledger_account_id.0)
                .fixed(point)
                .int(form.number())
                .int(activate_by.0),
            _ => unreachable!("encode hands over other outcomes to nobody"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
    fn encode_of_a_shop(&self, encoder: Encoder) -> Encoder {
        match self {
            Self::CodeIssued { code_id, purpose, cap_minor, expires_at } => {
                encoder.byte(17).fixed(&code_id.0).int(purpose.number()).int(*cap_minor).int(expires_at.0)
            }
            Self::Charged { payment_id, code_id, at, amount_minor, available_after_minor } => encoder
                .byte(18)
                .fixed(&payment_id.0)
                .fixed(&code_id.0)
                .int(at.0)
                .int(*amount_minor)
                .int(*available_after_minor),
            Self::NothingFound => encoder.byte(19),
            Self::Reversed { payment_id, at, refunded_minor, released_minor, available_after_minor } => {
                encoder
                    .byte(20)
                    .fixed(&payment_id.0)
                    .int(at.0)
                    .int(*refunded_minor)
                    .int(*released_minor)
                    .int(*available_after_minor)
            }
            Self::AlreadyReversed => encoder.byte(21),
            Self::TerminalRegistered { terminal_id, store_id, expires_at } => {
                encoder.byte(22).fixed(&terminal_id.0).fixed(&store_id.0).int(expires_at.0)
            }
            Self::TerminalActivated { terminal_id, merchant_id, store_id } => {
                encoder.byte(23).fixed(&terminal_id.0).fixed(&merchant_id.0).fixed(&store_id.0)
            }
            Self::TerminalStanding { terminal_id, standing } => {
                encoder.byte(24).fixed(&terminal_id.0).int(standing.number())
            }
            _ => unreachable!("encode hands over other outcomes to nobody"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
    fn encode_of_an_operator(&self, encoder: Encoder) -> Encoder {
        match self {
            Self::OperatorsEnrolled { operators } => encoder.byte(25).list(operators, write_operator),
            Self::Proposed { proposal_id, expires_at } => {
                encoder.byte(26).fixed(&proposal_id.0).int(expires_at.0)
            }
            Self::MerchantApproved { proposal_id, merchant_id, ledger_account_id, store_id } => encoder
                .byte(27)
                .fixed(&proposal_id.0)
                .fixed(&merchant_id.0)
                .fixed(&ledger_account_id.0)
                .fixed(&store_id.0),
            Self::StoreApproved { proposal_id, merchant_id, store_id } => {
                encoder.byte(28).fixed(&proposal_id.0).fixed(&merchant_id.0).fixed(&store_id.0)
            }
            Self::OperatorApproved { proposal_id, operator_id } => {
                encoder.byte(29).fixed(&proposal_id.0).fixed(&operator_id.0)
            }
            Self::MerchantResumed { proposal_id, merchant_id } => {
                encoder.byte(30).fixed(&proposal_id.0).fixed(&merchant_id.0)
            }
            Self::MerchantSuspended { merchant_id } => encoder.byte(31).fixed(&merchant_id.0),
            _ => unreachable!("encode hands over other outcomes to nobody"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "encode hands over these alone")]
    fn encode_of_a_factor(&self, encoder: Encoder) -> Encoder {
        match self {
            Self::RecoveryStarted { case_id, account_id, expires_at } => {
                let account = account_id.map_or(Vec::new(), |id| id.0.to_vec());
                encoder.byte(32).fixed(&case_id.0).bytes(&account).int(expires_at.0)
            }
            Self::RecoveryStepped(step) => write_step(encoder.byte(33), step),
            Self::CancellationHeard(None) => encoder.byte(34),
            Self::CancellationHeard(Some(step)) => write_step(encoder.byte(35), step),
            Self::Recovered { step, device_id, epoch, point, form } => write_step(encoder.byte(36), step)
                .fixed(&device_id.0)
                .int(*epoch)
                .fixed(point)
                .int(form.number()),
            Self::DeviceLost { device_id } => encoder.byte(37).fixed(&device_id.0),
            Self::AdditionAsked { addition_id, number, expires_at } => {
                encoder.byte(38).fixed(&addition_id.0).int(*number).int(expires_at.0)
            }
            Self::DeviceAdded { device_id, key_id, point, form } => {
                encoder.byte(39).fixed(&device_id.0).fixed(&key_id.0).fixed(point).int(form.number())
            }
            Self::TotpBegun => encoder.byte(40),
            Self::FactorChanged => encoder.byte(41),
            Self::ContactBegun { pending_contact_id, expires_at } => {
                encoder.byte(42).fixed(&pending_contact_id.0).int(expires_at.0)
            }
            Self::ContactConfirmed { contact_index } => encoder.byte(43).fixed(&contact_index.0),
            _ => unreachable!("encode hands over other outcomes to nobody"),
        }
    }

    /// Back from the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let tag = decoder.byte()?;
        let outcome = match tag {
            1 => Self::Genesis { system_key: decoder.fixed()?, audience: decoder.text()? },
            160 => Self::Restored { at: Timestamp(decoder.int()?) },
            2 => Self::StoreRegistered {
                merchant_id: MerchantId(decoder.fixed()?),
                store_id: StoreId(decoder.fixed()?),
                ledger_account_id: LedgerAccountId(decoder.fixed()?),
            },
            3 => Self::EnrolmentStarted {
                enrolment_id: EnrolmentId(decoder.fixed()?),
                expires_at: Timestamp(decoder.int()?),
            },
            4 => Self::Enrolled {
                account_id: AccountId(decoder.fixed()?),
                device_id: DeviceId(decoder.fixed()?),
                ledger_account_id: LedgerAccountId(decoder.fixed()?),
                point: decoder.fixed()?,
                form: KeyForm::from_number(decoder.int()?)?,
                activate_by: Timestamp(decoder.int()?),
            },
            5 => Self::Activated,
            6 => Self::Unactivated { account_id: AccountId(decoder.fixed()?) },
            7 => Self::CodeAccepted { fresh_until: Timestamp(decoder.int()?) },
            8 => Self::Frozen { frozen_at: Timestamp(decoder.int()?) },
            9 => Self::Unfrozen,
            10 => {
                Self::DeviceRevoked { device_id: DeviceId(decoder.fixed()?), account_frozen: decoder.flag()? }
            }
            11 => Self::FundingLinked { funding_id: FundingId(decoder.fixed()?), card_tag: None },
            12 => Self::FundingUnlinked { funding_id: FundingId(decoder.fixed()?) },
            13 => Self::TopUpRequested { top_up_id: TopUpId(decoder.fixed()?), wants_challenge: false },
            14 => Self::TopUpSettled {
                top_up_id: TopUpId(decoder.fixed()?),
                credited_minor: decoder.int()?,
                available_after_minor: decoder.int()?,
            },
            15 => Self::Paid {
                payment_id: PaymentId(decoder.fixed()?),
                at: Timestamp(decoder.int()?),
                amount_minor: decoder.int()?,
                available_after_minor: decoder.int()?,
            },
            16 => Self::Refused {
                refusal: Refusal::from_number(decoder.int()?)?,
                retry_at: Timestamp(decoder.int()?),
            },
            17..=24 => Self::decode_of_a_shop(tag, &mut decoder)?,
            25..=31 => Self::decode_of_an_operator(tag, &mut decoder)?,
            32..=43 => Self::decode_of_a_factor(tag, &mut decoder)?,
            44..=46 => payment::read(tag, &mut decoder)?,
            70..=71 | 150 => top_up::read(tag, &mut decoder)?,
            151..=152 => halt::read(tag, &mut decoder)?,
            153 => Self::FundingLinked {
                funding_id: FundingId(decoder.fixed()?),
                card_tag: Some(CardTag(decoder.fixed()?)),
            },
            154 => Self::TopUpRequested { top_up_id: TopUpId(decoder.fixed()?), wants_challenge: true },
            80..=86 | 140..=141 => shop::read(tag, &mut decoder)?,
            90..=94 => webhook::read(tag, &mut decoder)?,
            110..=112 => settlement::read(tag, &mut decoder)?,
            120..=121 => reconciliation::read(tag, &mut decoder)?,
            130..=136 => keys::read(tag, &mut decoder)?,
            _ => return Err(Corrupt),
        };
        decoder.finish()?;
        Ok(outcome)
    }

    fn decode_of_a_shop(tag: u8, decoder: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(match tag {
            17 => Self::CodeIssued {
                code_id: PaymentCodeId(decoder.fixed()?),
                purpose: CodePurpose::from_number(decoder.int()?)?,
                cap_minor: decoder.int()?,
                expires_at: Timestamp(decoder.int()?),
            },
            18 => Self::Charged {
                payment_id: PaymentId(decoder.fixed()?),
                code_id: PaymentCodeId(decoder.fixed()?),
                at: Timestamp(decoder.int()?),
                amount_minor: decoder.int()?,
                available_after_minor: decoder.int()?,
            },
            19 => Self::NothingFound,
            20 => Self::Reversed {
                payment_id: PaymentId(decoder.fixed()?),
                at: Timestamp(decoder.int()?),
                refunded_minor: decoder.int()?,
                released_minor: decoder.int()?,
                available_after_minor: decoder.int()?,
            },
            21 => Self::AlreadyReversed,
            22 => Self::TerminalRegistered {
                terminal_id: TerminalId(decoder.fixed()?),
                store_id: StoreId(decoder.fixed()?),
                expires_at: Timestamp(decoder.int()?),
            },
            23 => Self::TerminalActivated {
                terminal_id: TerminalId(decoder.fixed()?),
                merchant_id: MerchantId(decoder.fixed()?),
                store_id: StoreId(decoder.fixed()?),
            },
            24 => Self::TerminalStanding {
                terminal_id: TerminalId(decoder.fixed()?),
                standing: Standing::from_number(decoder.int()?)?,
            },
            _ => return Err(Corrupt),
        })
    }

    fn decode_of_an_operator(tag: u8, decoder: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(match tag {
            25 => Self::OperatorsEnrolled { operators: decoder.list(read_operator)? },
            26 => Self::Proposed {
                proposal_id: ProposalId(decoder.fixed()?),
                expires_at: Timestamp(decoder.int()?),
            },
            27 => Self::MerchantApproved {
                proposal_id: ProposalId(decoder.fixed()?),
                merchant_id: MerchantId(decoder.fixed()?),
                ledger_account_id: LedgerAccountId(decoder.fixed()?),
                store_id: StoreId(decoder.fixed()?),
            },
            28 => Self::StoreApproved {
                proposal_id: ProposalId(decoder.fixed()?),
                merchant_id: MerchantId(decoder.fixed()?),
                store_id: StoreId(decoder.fixed()?),
            },
            29 => Self::OperatorApproved {
                proposal_id: ProposalId(decoder.fixed()?),
                operator_id: OperatorId(decoder.fixed()?),
            },
            30 => Self::MerchantResumed {
                proposal_id: ProposalId(decoder.fixed()?),
                merchant_id: MerchantId(decoder.fixed()?),
            },
            31 => Self::MerchantSuspended { merchant_id: MerchantId(decoder.fixed()?) },
            _ => return Err(Corrupt),
        })
    }

    fn decode_of_a_factor(tag: u8, decoder: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(match tag {
            32 => Self::RecoveryStarted {
                case_id: CaseId(decoder.fixed()?),
                account_id: match decoder.bytes()? {
                    [] => None,
                    bytes => Some(AccountId::from_slice(bytes).ok_or(Corrupt)?),
                },
                expires_at: Timestamp(decoder.int()?),
            },
            33 => Self::RecoveryStepped(read_step(decoder)?),
            34 => Self::CancellationHeard(None),
            35 => Self::CancellationHeard(Some(read_step(decoder)?)),
            36 => Self::Recovered {
                step: read_step(decoder)?,
                device_id: DeviceId(decoder.fixed()?),
                epoch: decoder.int()?,
                point: decoder.fixed()?,
                form: KeyForm::from_number(decoder.int()?)?,
            },
            37 => Self::DeviceLost { device_id: DeviceId(decoder.fixed()?) },
            38 => Self::AdditionAsked {
                addition_id: AdditionId(decoder.fixed()?),
                number: decoder.int()?,
                expires_at: Timestamp(decoder.int()?),
            },
            39 => Self::DeviceAdded {
                device_id: DeviceId(decoder.fixed()?),
                key_id: KeyId(decoder.fixed()?),
                point: decoder.fixed()?,
                form: KeyForm::from_number(decoder.int()?)?,
            },
            40 => Self::TotpBegun,
            41 => Self::FactorChanged,
            42 => Self::ContactBegun {
                pending_contact_id: PendingContactId(decoder.fixed()?),
                expires_at: Timestamp(decoder.int()?),
            },
            43 => Self::ContactConfirmed { contact_index: ContactIndex(decoder.fixed()?) },
            _ => return Err(Corrupt),
        })
    }
}

fn write_step(encoder: Encoder, step: &RecoveryStep) -> Encoder {
    let encoder = encoder
        .fixed(&step.case_id.0)
        .int(step.state.number())
        .byte(u8::from(step.contested))
        .int(step.proved.map_or(0, Kind::number))
        .int(moment(step.ready_at));
    match &step.account {
        None => encoder.byte(0),
        Some(account) => encoder
            .byte(1)
            .fixed(&account.account_id.0)
            .int(moment(account.frozen_at))
            .int(moment(account.frozen_until))
            .int(moment(account.restricted_at))
            .int(moment(account.contested_at)),
    }
}

fn read_step(decoder: &mut Decoder<'_>) -> Result<Box<RecoveryStep>, Corrupt> {
    Ok(Box::new(RecoveryStep {
        case_id: CaseId(decoder.fixed()?),
        state: CaseState::from_number(decoder.int()?)?,
        contested: decoder.flag()?,
        proved: match decoder.int()? {
            0 => None,
            number => Some(Kind::from_number(number)?),
        },
        ready_at: read_moment(decoder)?,
        account: if decoder.flag()? {
            Some(AccountStanding {
                account_id: AccountId(decoder.fixed()?),
                frozen_at: read_moment(decoder)?,
                frozen_until: read_moment(decoder)?,
                restricted_at: read_moment(decoder)?,
                contested_at: read_moment(decoder)?,
            })
        } else {
            None
        },
    }))
}

/// The epoch's beginning stands for none: nothing happened then.
pub(super) fn moment(at: Option<Timestamp>) -> i64 {
    at.map_or(0, |at| at.0)
}

pub(super) fn read_moment(decoder: &mut Decoder<'_>) -> Result<Option<Timestamp>, Corrupt> {
    Ok(Some(Timestamp(decoder.int()?)).filter(|at| at.0 != 0))
}

/// An operator in a canonical list.
pub(in crate::domain) fn write_operator(encoder: Encoder, operator: &OperatorKey) -> Encoder {
    encoder
        .fixed(&operator.operator_id.0)
        .fixed(&operator.key_id.0)
        .fixed(&operator.point)
        .int(operator.form.number())
}

/// Back from [`write_operator`].
pub(in crate::domain) fn read_operator(decoder: &mut Decoder<'_>) -> Result<OperatorKey, Corrupt> {
    Ok(OperatorKey {
        operator_id: OperatorId(decoder.fixed()?),
        key_id: KeyId(decoder.fixed()?),
        point: decoder.fixed()?,
        form: KeyForm::from_number(decoder.int()?)?,
    })
}
