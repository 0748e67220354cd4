//! A call that passed the envelope. Only the gate makes one, so whoever holds one need not ask
//! again whether it was signed.

use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::domain::command::Signed;
use crate::domain::id::{AccountId, DeviceId, MerchantId, OperatorId, StoreId, TerminalId};
use crate::domain::rows::KeyForm;
use crate::domain::time::Timestamp;
use crate::store::query;
use zeroize::Zeroizing;

use super::operation::{CallerKind, Operation};
use super::rejection::Rejection;

/// Who called.
pub enum Caller {
    /// An enrolled device.
    Device {
        /// The account behind the key.
        account_id: AccountId,
        /// The device behind the key.
        device_id: DeviceId,
        /// The epoch in the signed call, equal to the account's as far as the gate knows.
        epoch: i64,
    },
    /// A till.
    Terminal {
        /// The till behind the key.
        terminal_id: TerminalId,
        /// Its merchant.
        merchant_id: MerchantId,
        /// Its store.
        store_id: StoreId,
    },
    /// A merchant's server.
    Merchant {
        /// The merchant behind the key.
        merchant_id: MerchantId,
    },
    /// An operator.
    Operator {
        /// The operator behind the key.
        operator_id: OperatorId,
    },
    /// A key that is not enrolled.
    Candidate(PublicKey),
}

impl Caller {
    /// Which kind of principal it is.
    pub fn kind(&self) -> CallerKind {
        match self {
            Self::Device { .. } => CallerKind::Device,
            Self::Terminal { .. } => CallerKind::Terminal,
            Self::Merchant { .. } => CallerKind::Merchant,
            Self::Operator { .. } => CallerKind::Operator,
            Self::Candidate(_) => CallerKind::Candidate,
        }
    }
}

/// A call whose envelope holds.
pub struct Admitted<O: Operation> {
    /// What was signed.
    pub signed: Signed,
    /// Who called.
    pub caller: Caller,
    /// When it was signed, by the caller's clock.
    pub issued_at: Timestamp,
    /// The signed request.
    pub body: O::Body,
    /// The secret and personal fields.
    pub private: O::Private,
    /// The code in the call.
    pub code: Option<Zeroizing<String>>,
    /// How many bits of work the call shows.
    pub stamp_bits: u32,
    pub(super) _only_the_gate: Seal,
}

pub(super) struct Seal;

impl<O: Operation> Admitted<O> {
    pub(super) fn new(
        signed: Signed,
        caller: Caller,
        issued_at: Timestamp,
        body: O::Body,
        private: O::Private,
        code: Option<Zeroizing<String>>,
    ) -> Self {
        Self { signed, caller, issued_at, body, private, code, stamp_bits: 0, _only_the_gate: Seal }
    }

    /// The device that called.
    pub fn device(&self) -> Result<(AccountId, DeviceId, i64), Rejection> {
        match &self.caller {
            Caller::Device { account_id, device_id, epoch } => Ok((*account_id, *device_id, *epoch)),
            Caller::Terminal { .. }
            | Caller::Merchant { .. }
            | Caller::Operator { .. }
            | Caller::Candidate(_) => Err(Rejection::PermissionDenied),
        }
    }

    /// The merchant that called, or whose till did.
    pub fn merchant(&self) -> Result<MerchantId, Rejection> {
        match &self.caller {
            Caller::Terminal { merchant_id, .. } | Caller::Merchant { merchant_id } => Ok(*merchant_id),
            Caller::Device { .. } | Caller::Operator { .. } | Caller::Candidate(_) => {
                Err(Rejection::PermissionDenied)
            }
        }
    }

    /// The operator that called.
    pub fn operator(&self) -> Result<OperatorId, Rejection> {
        match &self.caller {
            Caller::Operator { operator_id } => Ok(*operator_id),
            Caller::Device { .. }
            | Caller::Terminal { .. }
            | Caller::Merchant { .. }
            | Caller::Candidate(_) => Err(Rejection::PermissionDenied),
        }
    }

    /// The candidate's point, and how it signs.
    pub fn candidate_key(&self) -> Result<([u8; 65], KeyForm), Rejection> {
        match &self.caller {
            Caller::Candidate(key) => Ok((*key.point(), stored_form(key.form()))),
            Caller::Device { .. }
            | Caller::Terminal { .. }
            | Caller::Merchant { .. }
            | Caller::Operator { .. } => Err(Rejection::PermissionDenied),
        }
    }

    /// Who reads, for the store to check in the same snapshot.
    pub(super) fn reader(&self) -> Result<query::Caller, Rejection> {
        let principal = match self.caller {
            Caller::Device { account_id, device_id, epoch } => {
                query::Principal::Device { account_id, device_id, epoch }
            }
            Caller::Terminal { terminal_id, merchant_id, store_id } => {
                query::Principal::Terminal { terminal_id, merchant_id, store_id }
            }
            Caller::Merchant { merchant_id } => query::Principal::Merchant { merchant_id },
            Caller::Operator { operator_id } => query::Principal::Operator { operator_id },
            Caller::Candidate(_) => return Err(Rejection::PermissionDenied),
        };
        Ok(query::Caller { key_id: self.signed.key_id, principal })
    }
}

/// A key's form, as it is stored.
pub fn stored_form(form: SignatureForm) -> KeyForm {
    match form {
        SignatureForm::Der => KeyForm::Der,
        SignatureForm::Fixed => KeyForm::Fixed,
    }
}
