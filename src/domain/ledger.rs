//! Transfers between accounts of the ledger, and the accounts that are the system's own.

use super::codec::{Decoder, Encoder};
use super::id::LedgerAccountId;
use super::money::{Amount, Asset};
use super::record::Corrupt;
use super::rows::LedgerKind;

/// What the funding provider owes us.
pub const PROVIDER_CLEARING: LedgerAccountId = LedgerAccountId(*b"saifu-clearing-1");
/// Fees earned.
pub const FEES: LedgerAccountId = LedgerAccountId(*b"saifu-fees-acc-1");
/// Losses.
pub const LOSSES: LedgerAccountId = LedgerAccountId(*b"saifu-losses-a-1");
/// Money whose owner is gone.
pub const SUSPENSE: LedgerAccountId = LedgerAccountId(*b"saifu-suspense-1");

/// Ordered of the bank for merchants.
pub const PAYOUTS: LedgerAccountId = LedgerAccountId(*b"saifu-payouts-a1");
/// Paid out by the bank.
pub const BANK: LedgerAccountId = LedgerAccountId(*b"saifu-bank-acc-1");

/// The system's own accounts: name, kind, and whether the balance may be below zero.
pub const SYSTEM_ACCOUNTS: [(LedgerAccountId, LedgerKind, bool); 6] = [
    (PROVIDER_CLEARING, LedgerKind::ProviderClearing, true),
    (FEES, LedgerKind::Fees, false),
    (LOSSES, LedgerKind::Losses, true),
    (SUSPENSE, LedgerKind::Suspense, false),
    (PAYOUTS, LedgerKind::Payouts, false),
    (BANK, LedgerKind::Bank, false),
];

/// An amount that moves from one account to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Taken from here.
    pub debit: LedgerAccountId,
    /// Put there.
    pub credit: LedgerAccountId,
    /// What.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
}

/// A linked group of transfers, all or none, as the journal keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postings(pub Vec<Transfer>);

impl Postings {
    /// The journal's form.
    pub fn encode(&self) -> Vec<u8> {
        Encoder::new()
            .list(&self.0, |encoder, transfer| {
                encoder
                    .fixed(&transfer.debit.0)
                    .fixed(&transfer.credit.0)
                    .int(transfer.asset.number())
                    .int(transfer.amount.minor())
            })
            .finish()
    }

    /// What of it paid for a loss: only a customer's debt does.
    pub fn debt_paid_minor(&self) -> i64 {
        let paid = self.0.iter().filter(|transfer| transfer.credit == LOSSES);
        paid.map(|transfer| transfer.amount.minor()).sum()
    }

    /// Back from the journal's form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let transfers = decoder.list(|decoder| {
            Ok(Transfer {
                debit: LedgerAccountId(decoder.fixed()?),
                credit: LedgerAccountId(decoder.fixed()?),
                asset: Asset::from_number(decoder.int()?)?,
                amount: Amount::new(decoder.int()?).ok_or(Corrupt)?,
            })
        })?;
        decoder.finish()?;
        Ok(Self(transfers))
    }
}
