//! In which state of its account, and by which device, something may be done: what `decide` asks first, as
//! far as the journal says it.

use super::counted::{CLOCKS_APART_US, DeviceReplay};
use super::{AccountReplay, Checked, Entry, Replay};
use crate::domain::id::{AccountId, DeviceId};
use crate::domain::journal::Kind;
use crate::domain::live_codes::LiveCode;
use crate::domain::outcome::Outcome;
use crate::domain::rows::{AccountState, CodePurpose, KeyState};

impl Replay {
    /// A device's call, by its account as it was before.
    pub(super) fn standing(&self, entry: &Entry<'_>, account_id: AccountId, device_id: DeviceId) -> Checked {
        let account = self.account(account_id)?;
        let renewal_due = account.counted.renewal_due();
        match (account.state, entry.kind) {
            (AccountState::Closed, _) => Err("its account was closed"),
            (AccountState::Pending, kind) if kind != Kind::Activate => Err("its account was not active"),
            (AccountState::Active, Kind::Activate) if !renewal_due => {
                Err("it activates an account that was active")
            }
            (_, Kind::Activate | Kind::Freeze | Kind::CancelRecovery) => Ok(()),
            (_, _) if renewal_due => Err("its account's factors were not renewed"),
            (_, _) => self.standing_of_active(entry, account, device_id),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind only takes away, or is no device's")]
    fn standing_of_active(&self, entry: &Entry<'_>, account: &AccountReplay, device_id: DeviceId) -> Checked {
        let brings_in = match entry.kind {
            Kind::RequestTopUp | Kind::LinkFunding => true,
            Kind::IssueCode => {
                matches!(entry.outcome, Outcome::CodeIssued { purpose: CodePurpose::TopUp, .. })
            }
            _ => false,
        };
        if brings_in && account.restricted {
            return Err("something was brought into an account that was restricted");
        }
        match entry.kind {
            Kind::Pay | Kind::ConfirmPayment | Kind::IssueCode | Kind::RequestTopUp | Kind::LinkFunding => {
                account.is_open()?;
                self.is_not_lost(device_id)
            }
            Kind::Unfreeze => {
                self.may_unfreeze(account)?;
                self.is_not_lost(device_id)
            }
            Kind::ApproveAddition
            | Kind::BeginTotp
            | Kind::ConfirmTotp
            | Kind::ReplaceSavedCode
            | Kind::ChangePassphrase
            | Kind::AddContact
            | Kind::ConfirmContact
            | Kind::RemoveContact => self.is_not_lost(device_id),
            _ => Ok(()),
        }
    }

    /// A freeze survives a recovery, and its end is told by its owner or by time.
    fn may_unfreeze(&self, account: &AccountReplay) -> Checked {
        let figures = &self.policy.as_ref().ok_or("there are no rules")?.recovery;
        if account.halted.is_some() {
            return Err("its owner lifted what the operators stopped");
        }
        let frozen_at = account.frozen_at.filter(|_| account.is_frozen());
        let frozen_at = frozen_at.ok_or("it lifts a freeze that there was not")?;
        let now = account.counted.last_at();
        let is_early = account
            .counted
            .recovered_at()
            .is_some_and(|at| frozen_at <= at && now.since_us(at) + CLOCKS_APART_US < figures.unfreeze_us);
        if is_early { Err("a freeze was lifted right after a recovery") } else { Ok(()) }
    }

    /// A till sells to, or takes cash for, the account behind a payment code, which dies of it.
    pub(super) fn code_used(&mut self, account_id: AccountId, live: LiveCode) -> Checked {
        self.account_mut(account_id)?.live_codes.remove(live.code_id);
        let account = self.account(account_id)?;
        if account.counted.renewal_due() {
            return Err("its account's factors were not renewed");
        }
        account.is_open()?;
        self.is_not_lost(live.device_id)?;
        let key = self.devices.get(&live.device_id).and_then(|device| self.keys.get(&device.key_id()));
        if key.is_some_and(|key| key.state == KeyState::Active) {
            Ok(())
        } else {
            Err("its payment code's device was revoked by then")
        }
    }

    fn is_not_lost(&self, device_id: DeviceId) -> Checked {
        let is_lost = self.devices.get(&device_id).is_some_and(DeviceReplay::is_lost);
        if is_lost { Err("its device was lost") } else { Ok(()) }
    }
}

impl AccountReplay {
    /// Something may leave it, or come into it.
    fn is_open(&self) -> Checked {
        if self.state != AccountState::Active || self.contested || self.halted.is_some() || self.is_frozen() {
            return Err("money was moved in an account that was stopped, frozen or not active");
        }
        Ok(())
    }

    fn is_frozen(&self) -> bool {
        let now = self.counted.last_at();
        self.frozen_at.is_some() && self.frozen_until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests;
