//! Who reads, and what the snapshot says of them.

use crate::domain::id::{AccountId, DeviceId, KeyId, MerchantId, OperatorId, StoreId, TerminalId};
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Account, Device, KeyState, Merchant, Operator, Row, RowKey, SigningKey, Store, Terminal,
};
use crate::domain::standing::{Deed, Shop};

/// Who reads.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key that signed.
    pub key_id: KeyId,
    /// Whose it is.
    pub principal: Principal,
}

/// Whose key it is.
#[derive(Clone, Copy, Debug)]
pub enum Principal {
    /// A customer's device.
    Device {
        /// The account behind the key.
        account_id: AccountId,
        /// The device behind the key.
        device_id: DeviceId,
        /// The epoch in the signed call.
        epoch: i64,
    },
    /// A till.
    Terminal {
        /// The till behind the key.
        terminal_id: TerminalId,
        /// Its merchant.
        merchant_id: MerchantId,
        /// Its store.
        store_id: StoreId,
    },
    /// A merchant's server.
    Merchant {
        /// The merchant behind the key.
        merchant_id: MerchantId,
    },
    /// An operator.
    Operator {
        /// The operator behind the key.
        operator_id: OperatorId,
    },
}

/// What a caller is by the rows of the snapshot. Nothing else was read for any but a good one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Key, device or epoch are not what the caller claims.
    #[default]
    Unknown,
    /// Nothing at all is done for it.
    Barred,
    /// What it claims; or the system itself.
    Good,
}

impl Caller {
    /// The rows that say whether this caller is who he says.
    pub fn keys(&self) -> Vec<RowKey> {
        let mut keys = vec![RowKey::SigningKey(self.key_id)];
        match self.principal {
            Principal::Device { account_id, device_id, .. } => {
                keys.extend([RowKey::Device(device_id), RowKey::Account(account_id)]);
            }
            Principal::Terminal { terminal_id, merchant_id, store_id } => keys.extend([
                RowKey::Terminal(terminal_id),
                RowKey::Merchant(merchant_id),
                RowKey::Store(store_id),
            ]),
            Principal::Merchant { merchant_id } => keys.push(RowKey::Merchant(merchant_id)),
            Principal::Operator { operator_id } => keys.push(RowKey::Operator(operator_id)),
        }
        keys
    }

    /// What those rows say.
    pub fn standing(&self, rows: &[Row]) -> Standing {
        if !self.is_good(rows) {
            Standing::Unknown
        } else if self.is_barred(rows) {
            Standing::Barred
        } else {
            Standing::Good
        }
    }

    fn is_barred(&self, rows: &[Row]) -> bool {
        let deed = match self.principal {
            Principal::Device { .. } | Principal::Operator { .. } => return false,
            Principal::Terminal { .. } => Deed::TillReads,
            Principal::Merchant { .. } => Deed::Read,
        };
        let store = rows.iter().find_map(Store::of);
        let terminal = rows.iter().find_map(Terminal::of);
        let merchant = rows.iter().find_map(Merchant::of);
        merchant.is_none_or(|merchant| Shop { merchant, store, terminal }.is_barred_for(deed))
    }

    fn is_good(&self, rows: &[Row]) -> bool {
        let key = rows.iter().find_map(SigningKey::of).filter(|key| key.state == KeyState::Active);
        let owner = |id: [u8; 16]| key.is_some_and(|key| key.owner_id.0 == id);
        match self.principal {
            Principal::Device { account_id, device_id, epoch } => {
                let device = rows.iter().find_map(Device::of);
                let account = rows.iter().find_map(Account::of);
                owner(device_id.0)
                    && key.is_some_and(|key| key.account_id == Some(account_id))
                    && device.is_some_and(|device| {
                        device.state == KeyState::Active && device.key_id == self.key_id
                    })
                    && account.is_some_and(|account| account.epoch == epoch)
            }
            // A suspended till may still ask what became of its orders.
            Principal::Terminal { terminal_id, .. } => {
                let terminal = rows.iter().find_map(Terminal::of);
                owner(terminal_id.0) && terminal.is_some_and(|row| row.key_id == Some(self.key_id))
            }
            Principal::Merchant { merchant_id } => {
                let merchant = rows.iter().find_map(Merchant::of);
                owner(merchant_id.0) && merchant.is_some_and(|row| row.key_id == Some(self.key_id))
            }
            Principal::Operator { operator_id } => {
                let operator = rows.iter().find_map(Operator::of);
                owner(operator_id.0)
                    && operator.is_some_and(|row| row.state == KeyState::Active && row.key_id == self.key_id)
            }
        }
    }
}
