//! The rows a decision may look at: those its command named, as they are after the commands before
//! it in the same batch.

use std::collections::HashMap;

use super::id::LedgerAccountId;
use super::record::Record;
use super::rows::{Row, RowKey};
use super::time::Timestamp;
use super::write::Write;

/// Loaded rows, and the time of the batch.
#[derive(Clone, Debug)]
pub struct View {
    now: Timestamp,
    rows: HashMap<RowKey, Option<Row>>,
}

impl View {
    /// Nothing loaded yet.
    pub fn new(now: Timestamp) -> Self {
        Self { now, rows: HashMap::new() }
    }

    /// The batch's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Another batch begins.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Whether it is known if this row exists.
    pub fn knows(&self, key: &RowKey) -> bool {
        self.rows.contains_key(key)
    }

    /// Takes a row in as the store has it; `None` when the store has none.
    pub fn insert(&mut self, key: RowKey, row: Option<Row>) {
        self.rows.insert(key, row);
    }

    /// Forgets a row.
    pub fn forget(&mut self, key: &RowKey) {
        self.rows.remove(key);
    }

    /// How many rows are known.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of this key, if there is one. A row that was never loaded is a defect in
    /// `Command::keys`; it reads as absent, which every decision refuses.
    pub fn get<R: Record>(&self, key: R::Key) -> Option<&R> {
        self.row(&R::row_key(key)).and_then(R::of)
    }

    /// The row of this key, of whatever type.
    pub fn row(&self, key: &RowKey) -> Option<&Row> {
        let known = self.rows.get(key);
        debug_assert!(known.is_some(), "Command::keys does not name {key:?}");
        known.and_then(Option::as_ref)
    }

    /// Adds to an account of the ledger, if it is known here.
    pub fn add(&mut self, ledger_account_id: LedgerAccountId, debits_minor: i64, credits_minor: i64) {
        let known = self.rows.get_mut(&RowKey::LedgerAccount(ledger_account_id));
        if let Some(Some(Row::LedgerAccount(account))) = known {
            account.debits_posted_minor = account.debits_posted_minor.saturating_add(debits_minor);
            account.credits_posted_minor = account.credits_posted_minor.saturating_add(credits_minor);
        }
    }

    /// Applies a write, so that the next command of the batch sees it.
    pub fn fold(&mut self, write: &Write) {
        match write {
            Write::Insert(row) | Write::Update(row) => {
                self.rows.insert(row.key(), Some(row.clone()));
            }
            Write::Delete(key) => {
                self.rows.insert(key.clone(), None);
            }
            // Accounts that are only added to are neither loaded nor locked, unless somebody looks at one.
            Write::Credit { ledger_account_id, debits_minor, credits_minor } => {
                self.add(*ledger_account_id, *debits_minor, *credits_minor);
            }
        }
    }
}
