//! How the rows of a recovery begin.

use super::CaseState;
use super::addition::Additions;
use super::factor::Channels;
use super::figures::Figures;
use super::locator::Locators;
use crate::domain::id::{AccountId, CaseId, CodeTag, ContactIndex, FIRST_TENANT, KeyId, TargetId};
use crate::domain::rows::{RecoveryCase, RecoveryTarget};
use crate::domain::time::{DAY_US, Timestamp};

/// A shadow is forgotten after so long: its counters are a day's.
const SHADOW_KEPT_US: i64 = 2 * DAY_US;

/// What a case begins with.
#[derive(Clone, Debug)]
pub struct Begin {
    /// Its id.
    pub case_id: CaseId,
    /// The candidate's key.
    pub key_id: KeyId,
    /// Of what.
    pub target_id: TargetId,
    /// By which contact it was named.
    pub contact_index: ContactIndex,
    /// Of which account, and its epoch; none behind a shadow.
    pub account: Option<(AccountId, i64)>,
    /// It waits for proofing in person.
    pub with_proofing: bool,
    /// Keyed hash of the secret with which a notice's reader cancels.
    pub cancel_tag: CodeTag,
    /// The secret and the phone's model, sealed.
    pub sealed: Vec<u8>,
}

impl RecoveryCase {
    /// A case in which nothing was proved yet.
    pub fn begun(begin: Begin, figures: &Figures, now: Timestamp) -> Self {
        let Begin { case_id, key_id, target_id, contact_index, account, with_proofing, cancel_tag, sealed } =
            begin;
        let mut case = Self {
            case_id,
            tenant_id: FIRST_TENANT,
            key_id,
            target_id,
            account_id: account.map(|(account_id, _)| account_id),
            state: CaseState::Requested,
            with_proofing,
            started_at: now,
            epoch: account.map_or(0, |(_, epoch)| epoch),
            factors_version: 0,
            attempts: 0,
            totp_at: None,
            saved_code_at: None,
            passphrase_at: None,
            email_code_at: None,
            phone_code_at: None,
            proofed_at: None,
            proved_last_at: None,
            proved_again_at: None,
            issued_tag: None,
            issued_channel: None,
            issued_until: Timestamp(0),
            wanted: Channels::default(),
            accepted: Channels::default(),
            refused: Channels::default(),
            proven_at: None,
            cooling_at: None,
            ready_at: None,
            reminders: 0,
            cancel_tag,
            sealed,
            devices_lost: false,
            cancel_asked_at: None,
            cancel_asked_by: None,
            due_at: None,
            ended_at: None,
            expires_at: Timestamp(i64::MAX),
            contact_index,
        };
        case.due_at = super::due_at(figures, &case);
        case
    }
}

impl RecoveryTarget {
    /// One that nothing was asked of yet.
    pub fn begun(target_id: TargetId, account_id: Option<AccountId>, now: Timestamp) -> Self {
        let mut target = Self {
            target_id,
            tenant_id: FIRST_TENANT,
            account_id,
            day: now.day(),
            attempts_today: 0,
            messages_today: 0,
            reserve_attempts_today: 0,
            reserve_messages_today: 0,
            claim: None,
            contested_at: None,
            last_cancelled_at: None,
            issued_freeze_at: None,
            additions: Additions::default(),
            expires_at: Timestamp(i64::MAX),
            locators: Locators::default(),
            totp_guesses: 0,
            totp_guesses_proved: 0,
        };
        target.touch(now);
        target
    }

    /// Something was asked of it: a shadow is kept for a while from now, an account's for good.
    pub fn touch(&mut self, now: Timestamp) {
        if self.account_id.is_none() {
            self.expires_at = now.plus_us(SHADOW_KEPT_US);
        }
    }
}
