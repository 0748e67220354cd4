//! Rows that a candidate or a device signed.

use super::{AccountReplay, Checked, Entry, KeyReplay, OwnerReplay, Replay, nothing_moved, nothing_posted};
use crate::crypto::envelope::SignatureForm;
use crate::domain::id::{AccountId, DeviceId};
use crate::domain::journal::{Kind, Versions};
use crate::domain::outcome::{Outcome, RecoveryStep};
use crate::domain::rows::{AccountState, KeyForm, KeyState};
use crate::domain::time::Timestamp;
use crate::pb;
use crate::verify::evidence;

impl Replay {
    /// An enrolment's rows carry the candidate's own public key.
    pub(super) fn candidate(&mut self, entry: &Entry<'_>) -> Checked {
        let key = evidence::candidate_key(entry.row)?;
        evidence::signed_call(entry.row, &key, &self.audience)?;
        nothing_posted(entry)?;
        match (entry.kind, &entry.outcome) {
            (Kind::ActivateTerminal, Outcome::TerminalActivated { terminal_id, .. }) => {
                self.terminal_activated(entry, key, *terminal_id)
            }
            (Kind::StartEnrolment, Outcome::EnrolmentStarted { .. })
            | (Kind::ConfirmEnrolment | Kind::ActivateTerminal, Outcome::Refused { .. }) => {
                nothing_moved(entry)
            }
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
                    owner: OwnerReplay::Device { account_id: *account_id, device_id: *device_id },
                    state: KeyState::Active,
                    version: 1,
                };
                self.keys.insert(entry.row.key_id, key);
                self.customers.insert(*ledger_account_id);
                let account = AccountReplay::opened(*ledger_account_id, entry.row.at);
                if self.accounts.insert(*account_id, account).is_some() {
                    return Err("it opens an account that there is already");
                }
                self.joined(*account_id, *device_id, entry.row.key_id)
            }
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    /// The owner's own freeze does not end by itself, and kills his payment codes.
    fn owner_froze(
        &mut self,
        entry: &Entry<'_>,
        account_id: AccountId,
        frozen_at: Option<Timestamp>,
    ) -> Checked {
        let account = self.account_mut(account_id)?;
        account.frozen_at = frozen_at;
        account.frozen_until = None;
        if frozen_at.is_some() {
            account.live_codes.clear();
        }
        nothing_posted(entry)
    }

    /// A device's row: its key was active at this point, and signed this.
    pub(super) fn device(&mut self, entry: &Entry<'_>) -> Checked {
        let key = self.keys.get(&entry.row.key_id).ok_or("it was signed by a key that was never enrolled")?;
        if key.state != KeyState::Active {
            return Err("it was signed by a key that was revoked by then");
        }
        let OwnerReplay::Device { account_id, device_id } = key.owner else {
            return Err("it was signed by a key that is no device's");
        };
        let call = evidence::signed_call(entry.row, &key.key, &self.audience)?;
        self.step_account(entry, account_id)?;
        let epoch = self.account(account_id)?.epoch;
        if i64::try_from(call.epoch) != Ok(epoch) {
            return Err("it was signed for another epoch");
        }
        if entry.outcome.is_refused() {
            self.code_accepted(entry, account_id)?;
            return nothing_posted(entry);
        }
        self.standing(entry, account_id, device_id)?;
        self.second_factor(entry, &call, account_id, device_id)?;
        self.account_mut(account_id)?.counted.rewritten(entry.kind);
        match (entry.kind, &entry.outcome) {
            (Kind::Pay | Kind::ConfirmPayment | Kind::DeclinePayment, _) => {
                self.payment_by_device(entry, &call, account_id)
            }
            (Kind::RequestTopUp | Kind::LinkFunding | Kind::UnlinkFunding, _) => {
                self.funding_by_device(entry, &call, account_id)
            }
            (Kind::RevokeDevice, Outcome::DeviceRevoked { device_id, account_frozen }) => {
                self.device_revoked(entry, &call, account_id, (*device_id, *account_frozen))
            }
            (Kind::IssueCode, Outcome::CodeIssued { .. }) => {
                self.code_issued(entry, &call, account_id, device_id)?;
                nothing_posted(entry)
            }
            (Kind::Activate, Outcome::Activated) => {
                self.account_mut(account_id)?.state = AccountState::Active;
                nothing_posted(entry)
            }
            (Kind::Freeze, Outcome::Frozen { frozen_at }) => {
                self.owner_froze(entry, account_id, Some(*frozen_at))
            }
            (Kind::Unfreeze, Outcome::Unfrozen) => self.owner_froze(entry, account_id, None),
            (Kind::ReportLost, Outcome::DeviceLost { device_id: lost_id }) => {
                self.lost(entry, &call, (account_id, device_id), *lost_id)
            }
            (Kind::VerifySecondFactor, Outcome::CodeAccepted { .. })
            | (Kind::BeginTotp, Outcome::TotpBegun)
            | (
                Kind::ConfirmTotp | Kind::ReplaceSavedCode | Kind::ChangePassphrase | Kind::RemoveContact,
                Outcome::FactorChanged,
            )
            | (Kind::AddContact, Outcome::ContactBegun { .. })
            | (Kind::ConfirmContact, Outcome::ContactConfirmed { .. }) => nothing_posted(entry),
            (Kind::ApproveAddition, Outcome::DeviceAdded { device_id, key_id, point, form }) => {
                self.device_added(entry, &call, account_id, *device_id, (*key_id, point, *form))
            }
            (Kind::CancelRecovery, Outcome::RecoveryStepped(step)) => self.cancelled(entry, account_id, step),
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    /// A device cancels a recovery of its own account.
    fn cancelled(&mut self, entry: &Entry<'_>, account_id: AccountId, step: &RecoveryStep) -> Checked {
        if step.account.map(|account| account.account_id) != Some(account_id) {
            return Err("it cancels another account's recovery");
        }
        self.step_case(entry, step)?;
        nothing_posted(entry)
    }

    fn device_revoked(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
        (device_id, account_frozen): (DeviceId, bool),
    ) -> Checked {
        let body: pb::DeviceRevokeRequest = evidence::body(call)?;
        if body.device_id != device_id.0 {
            return Err("it revokes another device than was signed for");
        }
        let [(key_id, version)] = entry.versions.keys[..] else {
            return Err("a revocation names one key");
        };
        let target = OwnerReplay::Device { account_id, device_id };
        if self.keys.get(&key_id).map(|key| key.owner) != Some(target) {
            return Err("it revokes another device's key");
        }
        self.revoke(key_id, account_id, version)?;
        let account = self.account_mut(account_id)?;
        account.active_devices -= 1;
        account.live_codes.remove_device(device_id);
        if account.active_devices == 0 {
            account.live_codes.clear();
        }
        if account.active_devices == 0 {
            account.frozen_at = Some(account.frozen_at.unwrap_or(entry.row.at));
            account.frozen_until = None;
        }
        if account_frozen != (account.active_devices == 0) {
            return Err("the last device's revocation freezes the account");
        }
        nothing_posted(entry)
    }
}

pub(super) fn stored(form: SignatureForm) -> KeyForm {
    match form {
        SignatureForm::Der => KeyForm::Der,
        SignatureForm::Fixed => KeyForm::Fixed,
    }
}
