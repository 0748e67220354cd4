//! What is still done for a merchant that is suspended, and for a merchant, a store or a till that is barred:
//! one table, which `docs/operations.md` shows.
//!
//! *Suspended* stops what takes money or prepares it, and leaves what gives it back. *Barred* is for a key
//! in the wrong hands: nothing at all, whoever calls. A barred store or till binds its own tills and whoever
//! would pay it; the merchant's server is not in the wrong hands, and goes on giving back. Neither locks
//! customers' money: they decline, holds end by time, and what is owed is still counted.

use super::id::{MerchantId, StoreId, TerminalId};
use super::outcome::Refusal;
use super::rows::{Merchant, Standing, Store, Terminal};

/// What is done for a shop, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A till's Charge or Authorize.
    Charge,
    /// A till's CashTopUp.
    CashTopUp,
    /// A till's Capture.
    TillCapture,
    /// A till's Void, Refund or Reverse.
    TillGivesBack,
    /// A till's CreateOrder.
    TillCreatesOrder,
    /// A till's CancelOrder or CloseDay.
    TillCloses,
    /// A till's reads.
    TillReads,
    /// A customer's Pay or Confirm.
    Pay,
    /// A customer's Decline.
    Decline,
    /// The merchant's server's Capture.
    Capture,
    /// The merchant's server's Void, Refund or Reverse.
    GiveBack,
    /// The merchant's server's CreateOrder.
    CreateOrder,
    /// The merchant's server's CancelOrder.
    CancelOrder,
    /// RegisterTerminal, or ResumeTerminal.
    OpenTerminal,
    /// SuspendTerminal.
    SuspendTerminal,
    /// Every change of webhooks.
    ChangeWebhooks,
    /// MerchantService/RotateKey.
    RotateKey,
    /// The merchant's server's reads.
    Read,
    /// Holds and questions end by time.
    Expire,
    /// A day's fees and sums.
    Settle,
    /// Money is ordered of the bank.
    PayOut,
}

/// What stands against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The merchant is suspended.
    MerchantSuspended,
    /// The merchant is barred.
    MerchantBarred,
    /// The store is barred.
    StoreBarred,
    /// The till is barred.
    TillBarred,
}

/// All deeds with what the page calls them.
pub const DEEDS: [(Deed, &str); 21] = [
    (Deed::Charge, "a till: Charge, Authorize"),
    (Deed::CashTopUp, "a till: CashTopUp"),
    (Deed::TillCapture, "a till: Capture"),
    (Deed::TillGivesBack, "a till: Void, Refund, Reverse"),
    (Deed::TillCreatesOrder, "a till: CreateOrder"),
    (Deed::TillCloses, "a till: CancelOrder, CloseDay"),
    (Deed::TillReads, "a till: reads"),
    (Deed::Pay, "a customer: Pay, Confirm"),
    (Deed::Decline, "a customer: Decline"),
    (Deed::Capture, "the merchant's server: Capture"),
    (Deed::GiveBack, "the merchant's server: Void, Refund, Reverse"),
    (Deed::CreateOrder, "the merchant's server: CreateOrder"),
    (Deed::CancelOrder, "the merchant's server: CancelOrder"),
    (Deed::OpenTerminal, "the merchant's server: RegisterTerminal, ResumeTerminal"),
    (Deed::SuspendTerminal, "the merchant's server: SuspendTerminal"),
    (Deed::ChangeWebhooks, "the merchant's server: every change of webhooks"),
    (Deed::RotateKey, "the merchant's server: RotateKey"),
    (Deed::Read, "the merchant's server: reads"),
    (Deed::Expire, "the system: holds and questions end"),
    (Deed::Settle, "the system: a day is settled"),
    (Deed::PayOut, "the system: a payout is ordered"),
];

/// All hindrances.
pub const HINDRANCES: [Hindrance; 4] =
    [Hindrance::MerchantSuspended, Hindrance::MerchantBarred, Hindrance::StoreBarred, Hindrance::TillBarred];

impl Deed {
    /// Whether it is done all the same: merchant suspended, merchant barred, store barred, till barred.
    const fn row(self) -> [bool; 4] {
        match self {
            Self::Charge
            | Self::CashTopUp
            | Self::TillCapture
            | Self::TillCreatesOrder
            | Self::Pay
            | Self::CreateOrder
            | Self::OpenTerminal => [false, false, false, false],
            Self::TillGivesBack | Self::TillCloses | Self::TillReads => [true, false, false, false],
            Self::Decline | Self::Expire | Self::Settle => [true, true, true, true],
            Self::Capture | Self::ChangeWebhooks | Self::RotateKey | Self::PayOut => {
                [false, false, true, true]
            }
            Self::GiveBack | Self::CancelOrder | Self::SuspendTerminal | Self::Read => {
                [true, false, true, true]
            }
        }
    }

    /// Whether it is done all the same.
    pub const fn is_done(self, hindrance: Hindrance) -> bool {
        let [suspended, merchant, store, till] = self.row();
        match hindrance {
            Hindrance::MerchantSuspended => suspended,
            Hindrance::MerchantBarred => merchant,
            Hindrance::StoreBarred => store,
            Hindrance::TillBarred => till,
        }
    }
}

/// For whom something is done, as far as it is known.
#[derive(Clone, Copy)]
pub struct Shop<'a> {
    /// The merchant.
    pub merchant: &'a Merchant,
    /// The store, where it is about one.
    pub store: Option<&'a Store>,
    /// The till, where it is about one.
    pub terminal: Option<&'a Terminal>,
}

impl Shop<'_> {
    /// A merchant, whichever store or till it is about.
    pub fn of(merchant: &Merchant) -> Shop<'_> {
        Shop { merchant, store: None, terminal: None }
    }

    /// Whether a bar stands against it.
    pub fn is_barred_for(&self, deed: Deed) -> bool {
        let barred = [
            (self.merchant.barred_at.is_some(), Hindrance::MerchantBarred),
            (self.store.is_some_and(|store| store.barred_at.is_some()), Hindrance::StoreBarred),
            (self.terminal.is_some_and(|terminal| terminal.barred_at.is_some()), Hindrance::TillBarred),
        ];
        barred.into_iter().any(|(is_barred, hindrance)| is_barred && !deed.is_done(hindrance))
    }

    /// Refused when a bar stands against it.
    pub fn no_bar(&self, deed: Deed) -> Result<(), Refusal> {
        if self.is_barred_for(deed) { Err(Refusal::Barred) } else { Ok(()) }
    }

    /// Refused when a bar, or the merchant's suspension, stands against it.
    pub fn allows(&self, deed: Deed) -> Result<(), Refusal> {
        self.no_bar(deed)?;
        match self.merchant.standing {
            Standing::Active => Ok(()),
            Standing::Suspended if deed.is_done(Hindrance::MerchantSuspended) => Ok(()),
            Standing::Suspended => Err(Refusal::MerchantSuspended),
        }
    }
}

impl Merchant {
    /// Neither suspended nor barred.
    pub fn takes_part(&self) -> bool {
        self.standing == Standing::Active && self.barred_at.is_none()
    }
}

impl Store {
    /// Neither suspended nor barred.
    pub fn takes_part(&self) -> bool {
        self.standing == Standing::Active && self.barred_at.is_none()
    }
}

/// Who or what is barred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarSubject {
    /// A merchant.
    Merchant(MerchantId),
    /// A store.
    Store(StoreId),
    /// A till.
    Terminal(TerminalId),
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_page_shows_the_table() {
        let mut table = String::from(
            "| | merchant suspended | merchant barred | store barred | till barred |\n\
             |---|---|---|---|---|\n",
        );
        for (deed, name) in DEEDS {
            write!(table, "| {name} |").expect("a string takes any text");
            for hindrance in HINDRANCES {
                table.push_str(if deed.is_done(hindrance) { " yes |" } else { " no |" });
            }
            table.push('\n');
        }
        let page = include_str!("../../docs/operations.md");
        assert!(page.contains(&table), "docs/operations.md must contain:\n{table}");
    }

    #[test]
    fn a_bar_allows_nothing_that_a_suspension_does_not() {
        for (deed, name) in DEEDS {
            assert!(
                deed.is_done(Hindrance::MerchantSuspended) || !deed.is_done(Hindrance::MerchantBarred),
                "{name}"
            );
        }
    }
}
