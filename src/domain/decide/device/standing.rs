//! In which state of the account, and with which device, an action may be done.

use super::Turn;
use crate::domain::command::DeviceAction;
use crate::domain::id::TargetId;
use crate::domain::outcome::Refusal;
use crate::domain::rows::{AccountState, CodePurpose, RecoveryTarget};

impl Turn<'_> {
    /// In which state of the account an action may be done: one row an action, no default.
    pub(super) fn standing(&self, action: &DeviceAction) -> Result<(), Refusal> {
        let unactivated = self.now >= self.account.created_at.plus_us(self.policy.enrolment.activate_us);
        let renewal_due = self.account.renewal_due;
        match (self.account.state, action) {
            (AccountState::Closed, _) => Err(Refusal::AccountClosed),
            (AccountState::Pending, _) if unactivated => Err(Refusal::AccountClosed),
            (AccountState::Pending, DeviceAction::Activate { .. }) => Ok(()),
            (AccountState::Pending, _) => Err(Refusal::AccountNotActive),
            (AccountState::Active, DeviceAction::Activate { .. }) if renewal_due => Ok(()),
            (AccountState::Active, DeviceAction::Activate { .. }) => Err(Refusal::AccountAlreadyActive),
            (AccountState::Active, action) => self.standing_of_active(action),
        }
    }

    fn standing_of_active(&self, action: &DeviceAction) -> Result<(), Refusal> {
        let stops = matches!(action, DeviceAction::Freeze | DeviceAction::CancelRecovery { .. });
        if self.account.renewal_due && !stops {
            return Err(Refusal::RenewalDue);
        }
        match action {
            DeviceAction::Pay { .. }
            | DeviceAction::ConfirmPayment { .. }
            | DeviceAction::IssueCode { purpose: CodePurpose::Pay, .. } => self.may_move_money(),
            DeviceAction::RequestTopUp { .. }
            | DeviceAction::IssueCode { purpose: CodePurpose::TopUp, .. }
            | DeviceAction::LinkFunding { .. } => {
                self.may_move_money()?;
                if self.account.restricted_at.is_some() {
                    return Err(Refusal::AccountRestricted);
                }
                Ok(())
            }
            DeviceAction::Unfreeze => self.may_unfreeze(),
            DeviceAction::ApproveAddition { .. }
            | DeviceAction::BeginTotp { .. }
            | DeviceAction::ConfirmTotp { document: Some(_), .. }
            | DeviceAction::ReplaceSavedCode { .. }
            | DeviceAction::ChangePassphrase { .. }
            | DeviceAction::AddContact { .. }
            | DeviceAction::ConfirmContact { .. }
            | DeviceAction::RemoveContact { .. } => self.may_change_factors(),
            DeviceAction::ConfirmTotp { document: None, .. } => Err(Refusal::TotpNotBegun),
            DeviceAction::Activate { .. }
            | DeviceAction::Freeze
            | DeviceAction::CancelRecovery { .. }
            | DeviceAction::DeclinePayment { .. }
            | DeviceAction::VerifySecondFactor
            | DeviceAction::RevokeDevice { .. }
            | DeviceAction::ReportLost { .. }
            | DeviceAction::UnlinkFunding { .. } => Ok(()),
        }
    }

    fn may_move_money(&self) -> Result<(), Refusal> {
        if let Some(refusal) = self.account.stopped(self.now) {
            Err(refusal)
        } else if self.device.lost_at.is_some() {
            Err(Refusal::DeviceLost)
        } else {
            Ok(())
        }
    }

    /// A freeze survives a recovery: whoever recovered lifts it a day later at the earliest. What the
    /// operators stopped is not his to lift.
    fn may_unfreeze(&self) -> Result<(), Refusal> {
        if self.account.halted_at.is_some() {
            return Err(Refusal::AccountHalted);
        }
        let Some(frozen_at) = self.account.frozen_at.filter(|_| self.account.is_frozen(self.now)) else {
            return Err(Refusal::AccountNotFrozen);
        };
        let early = self
            .account
            .recovered_at
            .is_some_and(|at| frozen_at <= at && self.now.since_us(at) < self.policy.recovery.unfreeze_us);
        if self.device.lost_at.is_some() {
            Err(Refusal::DeviceLost)
        } else if early {
            Err(Refusal::RecoveredLately)
        } else {
            Ok(())
        }
    }

    /// From the moment that enough is proved in a recovery, everything stays as it is.
    fn may_change_factors(&self) -> Result<(), Refusal> {
        let target_id = TargetId::of_account(self.account.account_id);
        let target = self.view.get::<RecoveryTarget>((target_id,));
        let stands = target.is_some_and(|row| row.claim.is_some() || row.contested_at.is_some());
        if self.device.lost_at.is_some() {
            Err(Refusal::DeviceLost)
        } else if stands {
            Err(Refusal::RecoveryUnderWay)
        } else {
            Ok(())
        }
    }
}
