//! What a decision wants changed: rows. There is no other way to write.

use super::id::LedgerAccountId;
use super::rows::{Row, RowKey};

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A row that must not exist yet.
    Insert(Row),
    /// A row that must exist.
    Update(Row),
    /// A row that must exist, and is gone afterwards.
    Delete(RowKey),
    /// Adds to an account of the ledger that has no floor of its own. Commutative: a batch adds all
    /// of them up, and writes one row.
    Credit {
        /// The account.
        ledger_account_id: LedgerAccountId,
        /// Taken out, in minor units.
        debits_minor: i64,
        /// Put in, in minor units.
        credits_minor: i64,
    },
}
