//! A call that passed the envelope. Only the gate makes one, so whoever holds one need not ask
//! again whether it was signed.

use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::domain::command::Signed;
use crate::domain::id::{AccountId, DeviceId};
use crate::domain::rows::KeyForm;
use crate::domain::time::Timestamp;
use crate::store::query;
use zeroize::Zeroizing;

use super::operation::Operation;
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
    /// A key that is not enrolled.
    Candidate(PublicKey),
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
    _only_the_gate: Seal,
}

struct Seal;

impl<O: Operation> Admitted<O> {
    pub(super) fn new(
        signed: Signed,
        caller: Caller,
        issued_at: Timestamp,
        body: O::Body,
        private: O::Private,
        code: Option<Zeroizing<String>>,
    ) -> Self {
        Self { signed, caller, issued_at, body, private, code, _only_the_gate: Seal }
    }

    /// The device that called.
    pub fn device(&self) -> Result<(AccountId, DeviceId, i64), Rejection> {
        match &self.caller {
            Caller::Device { account_id, device_id, epoch } => Ok((*account_id, *device_id, *epoch)),
            Caller::Candidate(_) => Err(Rejection::PermissionDenied),
        }
    }

    /// The candidate's point, and how it signs.
    pub fn candidate_key(&self) -> Result<([u8; 65], KeyForm), Rejection> {
        match &self.caller {
            Caller::Candidate(key) => Ok((*key.point(), stored_form(key.form()))),
            Caller::Device { .. } => Err(Rejection::PermissionDenied),
        }
    }

    pub(super) fn reader(&self) -> Result<query::Caller, Rejection> {
        let (account_id, device_id, epoch) = self.device()?;
        Ok(query::Caller { key_id: self.signed.key_id, account_id, device_id, epoch })
    }
}

fn stored_form(form: SignatureForm) -> KeyForm {
    match form {
        SignatureForm::Der => KeyForm::Der,
        SignatureForm::Fixed => KeyForm::Fixed,
    }
}
