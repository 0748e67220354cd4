//! What a decision wants changed: rows. There is no other way to write.

use super::id::{LedgerAccountId, MerchantId};
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

impl Write {
    /// The order that it is about: its own row, or its payment's.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other row names an order")]
    pub fn order(&self) -> Option<(MerchantId, String)> {
        let (Self::Insert(row) | Self::Update(row)) = self else { return None };
        match row {
            Row::OrderSlot(slot) => Some((slot.merchant_id, slot.order_id.clone())),
            Row::Payment(payment) => Some((payment.merchant_id, payment.order_id.clone()?)),
            _ => None,
        }
    }
}
