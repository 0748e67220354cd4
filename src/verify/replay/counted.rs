//! What limits and recoveries count with, derived anew: spending and top-ups by hour and day, when an account
//! and its devices joined, were recovered or lost, and which version its document and factors are at.
//!
//! Times are those of decisions: the row's, or the account's last one where that is later. Between lanes
//! the clocks of servers may be a little apart, and so may these.

use super::{AccountReplay, Checked, Entry, Replay, nothing_posted};
use crate::domain::id::{AccountId, DeviceId, KeyId};
use crate::domain::journal::Kind;
use crate::domain::payment::{Moved, State};
use crate::domain::periods::Periods;
use crate::domain::rows::{Account, Device, Document, Factors, KeyState};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::pb;
use crate::verify::evidence;

/// Servers' clocks agree within less.
pub(super) const CLOCKS_APART_US: i64 = 60 * SECOND_US;

/// What an account's rows must count.
#[derive(Clone)]
pub struct Counted {
    last_at: Timestamp,
    spending: Periods,
    top_ups: Periods,
    document_version: i64,
    factors_version: i64,
    recovered_at: Option<Timestamp>,
    renewal_due: bool,
}

/// What a device's row must say.
pub struct DeviceReplay {
    pub(super) account_id: AccountId,
    key_id: KeyId,
    enrolled_at: Timestamp,
    pub(super) lost_at: Option<Timestamp>,
}

impl Counted {
    /// As an account is enrolled.
    pub(super) fn enrolled(at: Timestamp) -> Self {
        Self {
            last_at: at,
            spending: Periods::default(),
            top_ups: Periods::default(),
            document_version: 1,
            factors_version: 1,
            recovered_at: None,
            renewal_due: false,
        }
    }

    /// A decision about the account at this moment; never before its last one.
    pub(super) fn decided(&mut self, at: Timestamp) {
        self.last_at = self.last_at.max(at);
    }

    /// When the last decision was.
    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// When it was recovered last.
    pub(super) fn recovered_at(&self) -> Option<Timestamp> {
        self.recovered_at
    }

    /// Whether its owner has yet to renew their factors after a recovery.
    pub(super) fn renewal_due(&self) -> bool {
        self.renewal_due
    }

    /// What came in, over all sources and counters.
    pub(super) fn top_ups(&self) -> &Periods {
        &self.top_ups
    }

    /// A payment's step: what is held is spent, and what is released or undone is spent no more.
    pub(super) fn paid(&mut self, moved: &Moved, authorised_at: Option<Timestamp>) {
        if moved.authorised_minor > 0 {
            self.spending.add(self.last_at, moved.authorised_minor);
        }
        let undone_minor = if moved.after.state() == State::Reversed { moved.refunded_minor } else { 0 };
        let back_minor = moved.released_minor + undone_minor;
        if let Some(then) = authorised_at.filter(|_| back_minor > 0) {
            self.spending.give_back(then, back_minor);
        }
    }

    /// A top-up was asked for, or cash was taken. When it counts.
    pub(super) fn topped_up(&mut self, amount_minor: i64) -> Timestamp {
        self.top_ups.add(self.last_at, amount_minor);
        self.last_at
    }

    /// It came to nothing, or went back.
    pub(super) fn not_topped_up(&mut self, then: Timestamp, amount_minor: i64) {
        self.top_ups.give_back(then, amount_minor);
    }

    /// What a device's call of this kind makes a new version of.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind leaves document and factors alone")]
    pub(super) fn rewritten(&mut self, kind: Kind) {
        match kind {
            Kind::LinkFunding | Kind::UnlinkFunding | Kind::ApproveAddition | Kind::BeginTotp => {
                self.document_version += 1;
            }
            Kind::Activate
            | Kind::ConfirmTotp
            | Kind::ReplaceSavedCode
            | Kind::ChangePassphrase
            | Kind::ConfirmContact
            | Kind::RemoveContact => {
                self.document_version += 1;
                self.factors_version += 1;
            }
            _ => {}
        }
        if kind == Kind::Activate {
            self.renewal_due = false;
        }
    }

    /// The account has another owner's device, a new document, and factors to renew.
    pub(super) fn recovered(&mut self) {
        self.document_version += 1;
        self.factors_version += 1;
        self.recovered_at = Some(self.last_at);
        self.renewal_due = true;
    }
}

impl DeviceReplay {
    pub(super) fn key_id(&self) -> KeyId {
        self.key_id
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost_at.is_some()
    }
}

impl AccountReplay {
    /// Whether a row counts the same.
    pub(in crate::verify) fn counts(&self, row: &Account) -> Checked {
        let expected = &self.counted;
        if !row.spending.is_like(&expected.spending) || !row.top_ups.is_like(&expected.top_ups) {
            return Err("what it spent or topped up of its limits is not the journal's");
        }
        if !is_near(row.recovered_at, expected.recovered_at) || row.renewal_due != expected.renewal_due {
            return Err("when it was recovered, or that its factors are due, is not the journal's");
        }
        if row.document_version != expected.document_version {
            return Err("its document's version is not the journal's");
        }
        // A call that moved nothing uses a code up as well, and leaves no row: it may be later.
        if row.totp_last_step < self.totp_last_step {
            return Err("a code that was used counts as a new one");
        }
        Ok(())
    }
}

impl Replay {
    /// A device joins an account.
    pub(super) fn joined(&mut self, account_id: AccountId, device_id: DeviceId, key_id: KeyId) -> Checked {
        let enrolled_at = self.account(account_id)?.counted.last_at;
        let device = DeviceReplay { account_id, key_id, enrolled_at, lost_at: None };
        if self.devices.insert(device_id, device).is_some() {
            return Err("a device's id is used a second time");
        }
        Ok(())
    }

    /// Another device of its account reports it lost, and its payment code is dead.
    pub(super) fn lost(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        (account_id, caller_id): (AccountId, DeviceId),
        device_id: DeviceId,
    ) -> Checked {
        let body: pb::DeviceReportLostRequest = evidence::body(call)?;
        if body.device_id != device_id.0 {
            return Err("it reports another device than was signed for");
        }
        if device_id == caller_id {
            return Err("a device reports itself");
        }
        let at = self.account(account_id)?.counted.last_at;
        let device = self.devices.get_mut(&device_id).filter(|device| device.account_id == account_id);
        let device = device.ok_or("it reports a device that is not the account's")?;
        if self.keys.get(&device.key_id).is_none_or(|key| key.state != KeyState::Active) {
            return Err("it reports a device that was revoked by then");
        }
        device.lost_at = device.lost_at.or(Some(at));
        self.account_mut(account_id)?.live_codes.remove_device(device_id);
        nothing_posted(entry)
    }

    /// Whether a device's row says the same.
    pub(in crate::verify) fn knows_device(&self, row: &Device) -> Checked {
        let expected = self.devices.get(&row.device_id).ok_or("no row in the journal made this device")?;
        let same = is_near(Some(row.enrolled_at), Some(expected.enrolled_at))
            && is_near(row.lost_at, expected.lost_at);
        if same { Ok(()) } else { Err("when it joined, or was lost, is not the journal's") }
    }

    /// Whether a document is the newest one.
    pub(in crate::verify) fn knows_document(&self, row: &Document) -> Checked {
        let expected = self.accounts.get(&row.account_id).ok_or("it is no account's")?;
        if row.version == expected.counted.document_version {
            Ok(())
        } else {
            Err("it is not the version that the journal made last")
        }
    }

    /// Whether factors are the newest ones.
    pub(in crate::verify) fn knows_factors(&self, row: &Factors) -> Checked {
        let expected = self.accounts.get(&row.account_id).ok_or("they are no account's")?;
        if row.version == expected.counted.factors_version {
            Ok(())
        } else {
            Err("they are not the version that the journal made last")
        }
    }
}

fn is_near(one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.since_us(other).abs() <= CLOCKS_APART_US,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
