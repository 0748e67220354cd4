//! Whom a mailbox or a telephone finds, against what the accounts' factors say.

use std::collections::{HashMap, HashSet};

use super::{Replay, Report};
use crate::domain::id::{AccountId, ContactIndex, hex};
use crate::domain::rows::{AccountState, Row};

/// The contacts as the tables have them: those of accounts' factors, and those by which accounts are found.
#[derive(Default)]
pub(super) struct Contacts {
    owners: HashMap<ContactIndex, AccountId>,
    current: HashSet<(AccountId, ContactIndex)>,
}

impl Contacts {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other row names a contact that is confirmed")]
    pub(super) fn tell(&mut self, row: &Row) {
        match row {
            Row::Contact(row) => {
                self.owners.insert(row.contact_index, row.account_id);
            }
            Row::Factors(row) => {
                self.current
                    .extend(row.contacts.current().map(|contact| (row.account_id, contact.contact_index)));
            }
            _ => {}
        }
    }

    /// An account that was never activated may have lost its contact to another one.
    pub(super) fn compare(&self, replay: &Replay, report: &mut Report) {
        let mut problem = |contact_index: &ContactIndex, what| {
            report.problem(format!("table contact key {}", hex(&contact_index.0)), what);
        };
        for (contact_index, account_id) in &self.owners {
            if !self.current.contains(&(*account_id, *contact_index)) {
                problem(contact_index, "it is no contact of its account's");
            }
        }
        for (account_id, contact_index) in &self.current {
            let is_active =
                replay.accounts.get(account_id).is_some_and(|account| account.state == AccountState::Active);
            if is_active && self.owners.get(contact_index) != Some(account_id) {
                problem(contact_index, "its account is not found by it");
            }
        }
    }
}
