//! A customer's account: how it and its devices begin, and what of it can be spent.

use super::id::{AccountId, DeviceId, FIRST_TENANT, KeyId, LedgerAccountId, OwnerId};
use super::live_codes::LiveCodes;
use super::lots::Lots;
use super::money::Asset;
use super::outcome::Refusal;
use super::periods::Periods;
use super::rows::{Account, AccountState, Device, HaltReason, KeyForm, KeyState, Principal, SigningKey};
use super::time::Timestamp;

impl Account {
    /// As an enrolment makes it: one device, no money, not usable before its first code.
    pub fn enrolled(account_id: AccountId, ledger_account_id: LedgerAccountId, now: Timestamp) -> Self {
        Self {
            account_id,
            tenant_id: FIRST_TENANT,
            state: AccountState::Pending,
            frozen_at: None,
            assurance_level: 0,
            limits_row: 0,
            epoch: 1,
            version: 1,
            document_version: 1,
            created_at: now,
            activated_at: None,
            last_at: now,
            active_devices: 1,
            totp_last_step: 0,
            code_failures: 0,
            code_failures_day: 0,
            code_failures_today: 0,
            code_blocked_until: Timestamp(0),
            ledger_account_id,
            asset: Asset::PrepaidJpy,
            debits_posted_minor: 0,
            credits_posted_minor: 0,
            debits_pending_minor: 0,
            credits_pending_minor: 0,
            lots: Lots::default(),
            spending: Periods::default(),
            top_ups: Periods::default(),
            incoming_minor: 0,
            last_top_up_at: None,
            spent_total_minor: 0,
            payments_total: 0,
            live_codes: LiveCodes::default(),
            active_at: now,
            frozen_until: None,
            restricted_at: None,
            contested_at: None,
            recovered_at: None,
            renewal_due: false,
            debt_minor: 0,
            halted_at: None,
            halt_reason: None,
            code_failures_ever: 0,
        }
    }

    /// Why nothing leaves it now; nothing when it may. What only its owner's word is needed for comes last.
    pub fn stopped(&self, now: Timestamp) -> Option<Refusal> {
        if self.contested_at.is_some() {
            Some(Refusal::AccountContested)
        } else if self.halted_at.is_some() {
            Some(Refusal::AccountHalted)
        } else if self.is_frozen(now) {
            Some(Refusal::AccountFrozen)
        } else {
            None
        }
    }

    /// The operators stop all outflow. What stands already stays: since when, and why.
    pub fn halt(&mut self, now: Timestamp, reason: HaltReason) {
        if self.halted_at.is_none() {
            self.halted_at = Some(now);
            self.halt_reason = Some(reason);
        }
        self.live_codes.clear();
    }

    /// Whether its owner, or a recovery of his, stopped outflow.
    pub fn is_frozen(&self, now: Timestamp) -> bool {
        self.frozen_at.is_some() && self.frozen_until.is_none_or(|until| now < until)
    }

    /// What is its owner's, held or not, in minor units.
    pub fn balance_minor(&self) -> i64 {
        self.credits_posted_minor - self.debits_posted_minor
    }

    /// What can be spent now, in minor units.
    pub fn available_minor(&self) -> i64 {
        self.balance_minor() - self.debits_pending_minor
    }
}

impl Device {
    /// As it joins an account: what was spent before counts against no code of its own.
    pub fn joined(device_id: DeviceId, account: &Account, key_id: KeyId, now: Timestamp) -> Self {
        Self {
            device_id,
            tenant_id: account.tenant_id,
            account_id: account.account_id,
            key_id,
            state: KeyState::Active,
            enrolled_at: now,
            revoked_at: None,
            last_code_at: None,
            spent_at_code_minor: account.spent_total_minor,
            payments_at_code: account.payments_total,
            lost_at: None,
            code_failures: 0,
            code_failures_day: 0,
            code_failures_today: 0,
            code_blocked_until: Timestamp(0),
            code_failures_ever: 0,
        }
    }
}

impl SigningKey {
    /// A device's, for good.
    pub fn of_device(device: &Device, point: &[u8], form: KeyForm) -> Self {
        Self {
            key_id: device.key_id,
            tenant_id: device.tenant_id,
            principal: Principal::Device,
            owner_id: OwnerId(device.device_id.0),
            account_id: Some(device.account_id),
            point: point.to_vec(),
            form,
            state: KeyState::Active,
            version: 1,
        }
    }
}
