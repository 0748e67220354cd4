//! What a command came to: the stored, final outcome, and the answers that leave the request id
//! open.
//!
//! Stored is the outcome (ids, amounts, a reason), never a reply: a secret or a person's name can
//! not get into the journal, since no variant has a place for one.

use super::codec::{Decoder, Encoder};
use super::id::{
    AccountId, DeviceId, EnrolmentId, FundingId, LedgerAccountId, MerchantId, PaymentId, StoreId, TopUpId,
};
use super::record::{Corrupt, stored_enum};
use super::rows::KeyForm;
use super::time::Timestamp;

stored_enum! {
    /// The domain says no, for good: money, limit or state.
    Refusal {
        /// It does not exist, or is somebody else's.
        NotFound = 1,
        /// Activate comes first.
        AccountNotActive = 2,
        /// It is active already.
        AccountAlreadyActive = 3,
        /// Nothing leaves it.
        AccountFrozen = 4,
        /// It is gone.
        AccountClosed = 5,
        /// It is not frozen.
        AccountNotFrozen = 6,
        /// Expired, confirmed, or tried too often.
        EnrolmentOver = 7,
        /// Not enough money.
        InsufficientBalance = 8,
        /// More than one payment may amount to.
        LimitPerPayment = 9,
        /// More than 24 hours allow.
        LimitPerDay = 10,
        /// More than 30 days allow.
        LimitPerMonth = 11,
        /// More than an account may hold.
        LimitBalance = 12,
        /// Too many top-ups in 24 hours.
        LimitTopUps = 13,
        /// Too soon after the last top-up.
        TopUpTooSoon = 14,
        /// The shop's registered name is not the signed one.
        PayeeChanged = 15,
        /// The shop takes no payments at present.
        PayeeSuspended = 16,
        /// Not the account's currency.
        WrongCurrency = 17,
        /// Not linked, or no longer.
        FundingNotLinked = 18,
        /// As many as there may be.
        TooManyFundingSources = 19,
        /// Revoked before.
        DeviceAlreadyRevoked = 20,
        /// A top-up has no answer yet: its source must stay.
        TopUpUnderWay = 21,
    }
}

/// A final outcome, stored for good under its request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The first row of a journal: who signs the system's own movements, and for which deployment.
    Genesis {
        /// Ed25519.
        system_key: [u8; 32],
        /// The deployment's name.
        audience: String,
    },
    /// A store can be paid.
    StoreRegistered {
        /// Its merchant.
        merchant_id: MerchantId,
        /// The store.
        store_id: StoreId,
        /// The merchant's account in the ledger.
        ledger_account_id: LedgerAccountId,
    },
    /// A code was sent, or a note that there is a wallet already; the same to the caller.
    EnrolmentStarted {
        /// Names it.
        enrolment_id: EnrolmentId,
        /// Until then.
        expires_at: Timestamp,
    },
    /// An account and its first device. Holds the public key, so that the journal alone verifies.
    Enrolled {
        /// The account.
        account_id: AccountId,
        /// The device.
        device_id: DeviceId,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// The device's uncompressed point.
        point: [u8; 65],
        /// How it signs.
        form: KeyForm,
        /// Gone, then, unless activated.
        activate_by: Timestamp,
    },
    /// The account is active.
    Activated,
    /// An enrolment that was never activated is gone.
    Unactivated {
        /// The account.
        account_id: AccountId,
    },
    /// A code was accepted on its own.
    CodeAccepted {
        /// This device is fresh until then.
        fresh_until: Timestamp,
    },
    /// Outflow stopped.
    Frozen {
        /// Since then.
        frozen_at: Timestamp,
    },
    /// Outflow goes on.
    Unfrozen,
    /// A device signs no more.
    DeviceRevoked {
        /// Which.
        device_id: DeviceId,
        /// It was the last one.
        account_frozen: bool,
    },
    /// A funding source was linked.
    FundingLinked {
        /// Which.
        funding_id: FundingId,
    },
    /// A funding source was unlinked.
    FundingUnlinked {
        /// Which.
        funding_id: FundingId,
    },
    /// A top-up is recorded and reserved.
    TopUpRequested {
        /// Which.
        top_up_id: TopUpId,
    },
    /// The provider's answer was booked.
    TopUpSettled {
        /// Which.
        top_up_id: TopUpId,
        /// Credited, in minor units; 0 when the provider declined.
        credited_minor: i64,
        /// What could be spent after it.
        available_after_minor: i64,
    },
    /// A payment.
    Paid {
        /// Which.
        payment_id: PaymentId,
        /// When.
        at: Timestamp,
        /// How much.
        amount_minor: i64,
        /// What could be spent after it.
        available_after_minor: i64,
    },
    /// Not done.
    Refused {
        /// Why.
        refusal: Refusal,
        /// When it may be tried anew; the epoch's beginning when time alone does not help.
        retry_at: Timestamp,
    },
}

impl Outcome {
    /// Not done, and time alone does not help.
    pub fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, retry_at: Timestamp(0) }
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let encoder = Encoder::new();
        match self {
            Self::Genesis { system_key, audience } => {
                encoder.byte(1).fixed(system_key).bytes(audience.as_bytes())
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
            Self::Activated => encoder.byte(5),
            Self::Unactivated { account_id } => encoder.byte(6).fixed(&account_id.0),
            Self::CodeAccepted { fresh_until } => encoder.byte(7).int(fresh_until.0),
            Self::Frozen { frozen_at } => encoder.byte(8).int(frozen_at.0),
            Self::Unfrozen => encoder.byte(9),
            Self::DeviceRevoked { device_id, account_frozen } => {
                encoder.byte(10).fixed(&device_id.0).byte(u8::from(*account_frozen))
            }
            Self::FundingLinked { funding_id } => encoder.byte(11).fixed(&funding_id.0),
            Self::FundingUnlinked { funding_id } => encoder.byte(12).fixed(&funding_id.0),
            Self::TopUpRequested { top_up_id } => encoder.byte(13).fixed(&top_up_id.0),
            Self::TopUpSettled { top_up_id, credited_minor, available_after_minor } => {
                encoder.byte(14).fixed(&top_up_id.0).int(*credited_minor).int(*available_after_minor)
            }
            Self::Paid { payment_id, at, amount_minor, available_after_minor } => {
                encoder.byte(15).fixed(&payment_id.0).int(at.0).int(*amount_minor).int(*available_after_minor)
            }
            Self::Refused { refusal, retry_at } => encoder.byte(16).int(refusal.number()).int(retry_at.0),
        }
        .finish()
    }

    /// Back from the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let outcome = match decoder.byte()? {
            1 => Self::Genesis { system_key: decoder.fixed()?, audience: decoder.text()? },
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
            10 => Self::DeviceRevoked {
                device_id: DeviceId(decoder.fixed()?),
                account_frozen: match decoder.byte()? {
                    0 => false,
                    1 => true,
                    _ => return Err(Corrupt),
                },
            },
            11 => Self::FundingLinked { funding_id: FundingId(decoder.fixed()?) },
            12 => Self::FundingUnlinked { funding_id: FundingId(decoder.fixed()?) },
            13 => Self::TopUpRequested { top_up_id: TopUpId(decoder.fixed()?) },
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
            _ => return Err(Corrupt),
        };
        decoder.finish()?;
        Ok(outcome)
    }
}

/// An answer that leaves the request id open: its counters are committed, the call may be sent
/// again under the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenAnswer {
    /// A code must be in this very call.
    CodeNeeded,
    /// The code was wrong, or used before. To the caller: not authenticated.
    CodeWrong,
    /// Codes are not looked at until then.
    CodeBlocked {
        /// Until then.
        until: Timestamp,
    },
    /// Too many wrong codes in a row: recovery only.
    CodeExhausted,
}

impl OpenAnswer {
    /// The stored form.
    pub fn encode(self) -> Vec<u8> {
        let encoder = Encoder::new();
        match self {
            Self::CodeNeeded => encoder.byte(1),
            Self::CodeWrong => encoder.byte(2),
            Self::CodeBlocked { until } => encoder.byte(3).int(until.0),
            Self::CodeExhausted => encoder.byte(4),
        }
        .finish()
    }

    /// Back from the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let answer = match decoder.byte()? {
            1 => Self::CodeNeeded,
            2 => Self::CodeWrong,
            3 => Self::CodeBlocked { until: Timestamp(decoder.int()?) },
            4 => Self::CodeExhausted,
            _ => return Err(Corrupt),
        };
        decoder.finish()?;
        Ok(answer)
    }
}
