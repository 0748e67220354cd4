//! The second factor, from the journal: a row says which step's code was accepted with it, and from
//! that, and the spending before it, follows whether one had to be.

use super::{Checked, Entry, Replay};
use crate::domain::id::{AccountId, DeviceId};
use crate::domain::journal::Kind;
use crate::domain::live_codes::{LiveCode, Outstanding};
use crate::domain::money::Amount;
use crate::domain::outcome::Outcome;
use crate::domain::rows::CodePurpose;
use crate::domain::step_up::{self, Demand, SinceCode};
use crate::domain::time::SECOND_US;
use crate::pb;
use crate::verify::evidence;

/// RFC 6238.
const STEP_US: i64 = 30 * SECOND_US;
/// The present or the previous step at receipt, and a while in the queue.
const ACCEPTED_LATE_US: i64 = 2 * STEP_US + 30 * SECOND_US;

impl Replay {
    /// An accepted code's step only rises, and was a present one.
    pub(super) fn code_accepted(&mut self, entry: &Entry<'_>, account_id: AccountId) -> Checked {
        let Some(step) = entry.row.accepted_step else { return Ok(()) };
        let account = self.account_mut(account_id)?;
        if step <= account.totp_last_step {
            return Err("a code was accepted a second time");
        }
        account.totp_last_step = step;
        let age_us = entry.row.at.0.saturating_sub(step.saturating_mul(STEP_US));
        if (0..=ACCEPTED_LATE_US).contains(&age_us) {
            Ok(())
        } else {
            Err("a code was accepted that was not a present one")
        }
    }

    /// What was done had the factor that its amount, and the spending before it, asked for.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome spends nothing")]
    pub(super) fn second_factor(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Checked {
        self.code_accepted(entry, account_id)?;
        let demand = self.demand(entry, call, account_id, device_id)?;
        let account = self.account(account_id)?;
        let (spent_minor, payments) = (account.spent_total_minor, account.payments_total);
        let factor = self.factors.entry(entry.row.key_id).or_default();
        if entry.row.accepted_step.is_some() {
            factor.last_code_at = Some(entry.row.at);
            factor.spent_at_code_minor = spent_minor;
            factor.payments_at_code = payments;
            let spent_minor = match entry.outcome {
                Outcome::Paid { amount_minor, .. } => amount_minor,
                Outcome::PaymentStepped { moved, .. } => moved.authorised_minor,
                _ => 0,
            };
            if spent_minor > 0 {
                factor.spent_at_code_minor += spent_minor;
                factor.payments_at_code += 1;
            }
            return Ok(());
        }
        let rules = &self.policy.as_ref().ok_or("there are no rules")?.step_up;
        // Rows from before steps were recorded say nothing about theirs.
        if !self.factors_are_recorded || demand.is_met_without_code(rules, factor.last_code_at, entry.row.at)
        {
            Ok(())
        } else {
            Err("it was done without the second factor that it needed")
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is no device's")]
    fn demand(
        &self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Result<Demand, &'static str> {
        let rules = &self.policy.as_ref().ok_or("there are no rules")?.step_up;
        Ok(match entry.kind {
            Kind::Pay => {
                let body: pb::PayRequest = evidence::body(call)?;
                step_up::for_payment(
                    rules,
                    self.since_code(entry, account_id, None)?,
                    amount(body.amount_minor)?,
                )
            }
            Kind::ConfirmPayment => {
                let body: pb::ConfirmPaymentRequest = evidence::body(call)?;
                let since = self.since_code(entry, account_id, None)?;
                step_up::for_payment(rules, since, amount(body.amount_minor)?)
            }
            Kind::IssueCode => self.code_demand(entry, call, account_id, device_id)?,
            Kind::RequestTopUp => {
                let body: pb::TopUpRequest = evidence::body(call)?;
                step_up::for_top_up(rules, amount(body.amount_minor)?)
            }
            Kind::LinkFunding | Kind::UnlinkFunding => Demand::Fresh,
            Kind::Activate
            | Kind::VerifySecondFactor
            | Kind::Unfreeze
            | Kind::ReportLost
            | Kind::ApproveAddition
            | Kind::BeginTotp
            | Kind::ConfirmTotp
            | Kind::ReplaceSavedCode
            | Kind::ChangePassphrase
            | Kind::AddContact
            | Kind::ConfirmContact
            | Kind::RemoveContact => Demand::Code,
            Kind::RevokeDevice => {
                let body: pb::DeviceRevokeRequest = evidence::body(call)?;
                // Another device goes without a code while codes are blocked; whether they were, no row says.
                if body.device_id == device_id.0 { Demand::Code } else { Demand::Nothing }
            }
            Kind::Freeze | Kind::CancelRecovery | Kind::DeclinePayment => Demand::Nothing,
            _ => return Err("it is no device's"),
        })
    }

    /// A code wants the factor of a payment of its cap, or of a top-up.
    fn code_demand(
        &self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Result<Demand, &'static str> {
        let rules = &self.policy.as_ref().ok_or("there are no rules")?.step_up;
        let body: pb::IssueCodeRequest = evidence::body(call)?;
        let cap = amount(body.cap_minor)?;
        Ok(match body.purpose() {
            pb::CodePurpose::TopUp => step_up::for_top_up(rules, cap),
            pb::CodePurpose::Pay | pb::CodePurpose::Unspecified => {
                step_up::for_payment(rules, self.since_code(entry, account_id, Some(device_id))?, cap)
            }
        })
    }

    fn since_code(
        &self,
        entry: &Entry<'_>,
        account_id: AccountId,
        replaced_by: Option<DeviceId>,
    ) -> Result<SinceCode, &'static str> {
        let account = self.account(account_id)?;
        let Outstanding { caps_minor, count } = account.live_codes.outstanding(entry.row.at, replaced_by);
        let factor = self.factors.get(&entry.row.key_id).copied().unwrap_or_default();
        Ok(SinceCode {
            spent_minor: account.spent_total_minor - factor.spent_at_code_minor + caps_minor,
            payments: account.payments_total - factor.payments_at_code + count,
        })
    }

    /// A payment code is what its owner's device signed for.
    pub(super) fn code_issued(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Checked {
        let Outcome::CodeIssued { code_id, purpose, cap_minor, expires_at } = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let body: pb::IssueCodeRequest = evidence::body(call)?;
        let signed = match body.purpose() {
            pb::CodePurpose::Pay => Some(CodePurpose::Pay),
            pb::CodePurpose::TopUp => Some(CodePurpose::TopUp),
            pb::CodePurpose::Unspecified => None,
        };
        if signed != Some(purpose) || body.cap_minor != cap_minor {
            return Err("the payment code is not the one that was signed for");
        }
        let longest_us = self.policy.as_ref().ok_or("there are no rules")?.payment_codes.live_us;
        let account = self.account_mut(account_id)?;
        if expires_at.since_us(entry.row.at) > longest_us + SECOND_US {
            return Err("the payment code lives longer than a code may");
        }
        let live = LiveCode { code_id, device_id, purpose, cap_minor, expires_at };
        account.live_codes.issue(live, entry.row.at);
        Ok(())
    }
}

fn amount(minor: i64) -> Result<Amount, &'static str> {
    Amount::new(minor).ok_or("the signed amount is no amount")
}
