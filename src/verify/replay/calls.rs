//! Rows that a candidate or a device signed.

use super::{
    AccountReplay, Checked, Entry, KeyReplay, PaymentReplay, Replay, TopUpReplay, nothing_moved,
    nothing_posted,
};
use crate::crypto::envelope::SignatureForm;
use crate::domain::id::{AccountId, StoreId};
use crate::domain::journal::{Kind, Versions};
use crate::domain::ledger::Transfer;
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::Outcome;
use crate::domain::rows::{AccountState, KeyForm, KeyState, TopUpState};
use crate::pb;
use crate::verify::evidence;

impl Replay {
    /// An enrolment's rows carry the candidate's own public key.
    pub(super) fn candidate(&mut self, entry: &Entry<'_>) -> Checked {
        let key = evidence::candidate_key(entry.row)?;
        evidence::signed_call(entry.row, &key, &self.audience)?;
        nothing_posted(entry)?;
        match (entry.kind, &entry.outcome) {
            (Kind::StartEnrolment, Outcome::EnrolmentStarted { .. })
            | (Kind::ConfirmEnrolment, Outcome::Refused { .. }) => nothing_moved(entry),
            (
                Kind::ConfirmEnrolment,
                Outcome::Enrolled { account_id, device_id, ledger_account_id, point, form, .. },
            ) => {
                if key.point() != point || stored(key.form()) != *form {
                    return Err("the enrolled key is not the one that signed");
                }
                let versions =
                    Versions { accounts: vec![(*account_id, 1)], keys: vec![(entry.row.key_id, 1)] };
                if entry.versions != versions || self.keys.contains_key(&entry.row.key_id) {
                    return Err("it enrols a key or an account that there is already");
                }
                let key = KeyReplay {
                    key,
                    form: *form,
                    account_id: *account_id,
                    device_id: *device_id,
                    state: KeyState::Active,
                    version: 1,
                };
                self.keys.insert(entry.row.key_id, key);
                self.customers.insert(*ledger_account_id);
                let account = AccountReplay {
                    ledger_account_id: *ledger_account_id,
                    state: AccountState::Pending,
                    frozen: false,
                    version: 1,
                    epoch: 1,
                    spent_total_minor: 0,
                    payments_total: 0,
                    active_devices: 1,
                };
                if self.accounts.insert(*account_id, account).is_some() {
                    return Err("it opens an account that there is already");
                }
                Ok(())
            }
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    /// A device's row: its key was active at this point, and signed this.
    pub(super) fn device(&mut self, entry: &Entry<'_>) -> Checked {
        let key = self.keys.get(&entry.row.key_id).ok_or("it was signed by a key that was never enrolled")?;
        if key.state != KeyState::Active {
            return Err("it was signed by a key that was revoked by then");
        }
        let account_id = key.account_id;
        let call = evidence::signed_call(entry.row, &key.key, &self.audience)?;
        self.step_account(entry, account_id)?;
        let epoch = self.account(account_id)?.epoch;
        if i64::try_from(call.epoch) != Ok(epoch) {
            return Err("it was signed for another epoch");
        }
        if let Outcome::Refused { .. } = entry.outcome {
            return nothing_posted(entry);
        }
        match (entry.kind, &entry.outcome) {
            (Kind::Pay, Outcome::Paid { .. }) => self.paid(entry, &call, account_id),
            (Kind::RequestTopUp, Outcome::TopUpRequested { top_up_id }) => {
                let body: pb::TopUpRequest = evidence::body(&call)?;
                let top_up =
                    TopUpReplay { account_id, amount_minor: body.amount_minor, state: TopUpState::Requested };
                self.top_ups.insert(*top_up_id, top_up);
                nothing_posted(entry)
            }
            (Kind::RevokeDevice, Outcome::DeviceRevoked { device_id, account_frozen }) => {
                let body: pb::DeviceRevokeRequest = evidence::body(&call)?;
                if body.device_id != device_id.0 {
                    return Err("it revokes another device than was signed for");
                }
                let [(key_id, version)] = entry.versions.keys[..] else {
                    return Err("a revocation names one key");
                };
                if self.keys.get(&key_id).map(|key| key.device_id) != Some(*device_id) {
                    return Err("it revokes another device's key");
                }
                self.revoke(key_id, account_id, version)?;
                let account = self.account_mut(account_id)?;
                account.active_devices -= 1;
                account.frozen |= account.active_devices == 0;
                if *account_frozen != (account.active_devices == 0) {
                    return Err("the last device's revocation freezes the account");
                }
                nothing_posted(entry)
            }
            (Kind::Activate, Outcome::Activated) => {
                self.account_mut(account_id)?.state = AccountState::Active;
                nothing_posted(entry)
            }
            (Kind::Freeze, Outcome::Frozen { .. }) => {
                self.account_mut(account_id)?.frozen = true;
                nothing_posted(entry)
            }
            (Kind::Unfreeze, Outcome::Unfrozen) => {
                self.account_mut(account_id)?.frozen = false;
                nothing_posted(entry)
            }
            (Kind::VerifySecondFactor, Outcome::CodeAccepted { .. })
            | (Kind::LinkFunding, Outcome::FundingLinked { .. })
            | (Kind::UnlinkFunding, Outcome::FundingUnlinked { .. }) => nothing_posted(entry),
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    /// A payment's posting must be what its owner's device signed.
    fn paid(&mut self, entry: &Entry<'_>, call: &pb::Call, account_id: AccountId) -> Checked {
        let Outcome::Paid { payment_id, amount_minor, available_after_minor, .. } = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let body: pb::PayRequest = evidence::body(call)?;
        let store_id = StoreId::from_slice(&body.store_id).ok_or("the signed store is no store")?;
        let store = self.stores.get(&store_id).ok_or("the signed store was never registered")?;
        if store.name != body.payee_name {
            return Err("the signed name is not the store's");
        }
        let credit = *self.merchants.get(&store.merchant_id).ok_or("the store's merchant has no account")?;
        let debit = self.account(account_id)?.ledger_account_id;
        let amount = Amount::new(body.amount_minor).ok_or("the signed amount is no amount")?;
        let asset = Asset::of_code(&body.currency).ok_or("the signed currency is none of ours")?;
        let signed = Transfer { debit, credit, asset, amount };
        if entry.postings.0 != [signed] || amount_minor != amount.minor() {
            return Err("what was posted is not what was signed");
        }
        let account = self.account_mut(account_id)?;
        if account.frozen || account.state != AccountState::Active {
            return Err("money left an account that was frozen or not active");
        }
        account.spent_total_minor += amount_minor;
        account.payments_total += 1;
        self.post(&signed)?;
        Self::entry_of(entry, account_id)?;
        if self.balance(debit) != available_after_minor {
            return Err("the balance after it is another");
        }
        if self.paid.insert(payment_id, PaymentReplay { account_id, store_id, amount_minor }).is_some() {
            return Err("a payment's id is used a second time");
        }
        Ok(())
    }
}

fn stored(form: SignatureForm) -> KeyForm {
    match form {
        SignatureForm::Der => KeyForm::Der,
        SignatureForm::Fixed => KeyForm::Fixed,
    }
}
