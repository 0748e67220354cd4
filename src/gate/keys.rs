//! Known keys, read ahead. What is cached only saves work: every decision and every read looks at
//! the stored key again, so a stale entry lets nobody in. A key that was revoked, as the file beside the
//! checkpoints says, is unknown whatever the store says.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::rejection::Rejection;
use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::domain::id::{AccountId, DeviceId, KeyId, MerchantId, OperatorId, StoreId, TerminalId};
use crate::domain::rows::{Account, KeyForm, KeyState, Principal, RowKey, SigningKey, Terminal};
use crate::store::Store;
use crate::store::query::Query;

const SHARDS: usize = 16;
const KEYS_PER_SHARD: usize = 16_384;

/// The epoch of whoever has no account: it steps on a restore alone.
pub const FIRST_EPOCH: i64 = 1;

/// What the gate needs of an enrolled key.
#[derive(Clone)]
pub struct KeyFacts {
    /// To verify with.
    pub key: Arc<PublicKey>,
    /// Whose it is.
    pub owner: Owner,
    /// Whether it might sign, when it was read.
    pub state: KeyState,
    /// Its owner's epoch, when it was read.
    pub epoch: i64,
}

/// Whose a key is.
#[derive(Clone, Copy)]
pub enum Owner {
    /// A customer's device.
    Device {
        /// The account behind the key.
        account_id: AccountId,
        /// The device behind the key.
        device_id: DeviceId,
    },
    /// A till.
    Terminal {
        /// The till.
        terminal_id: TerminalId,
        /// Its merchant.
        merchant_id: MerchantId,
        /// Its store.
        store_id: StoreId,
    },
    /// A merchant's server.
    Merchant {
        /// The merchant.
        merchant_id: MerchantId,
    },
    /// An operator.
    Operator {
        /// The operator.
        operator_id: OperatorId,
    },
}

/// Keys by their id.
pub struct KeyCache {
    store: Arc<Store>,
    revoked: HashSet<KeyId>,
    shards: [Mutex<HashMap<KeyId, KeyFacts>>; SHARDS],
}

impl KeyCache {
    /// Empty, over a store; these keys are nobody's.
    pub fn new(store: Arc<Store>, revoked: HashSet<KeyId>) -> Self {
        Self { store, revoked, shards: std::array::from_fn(|_| Mutex::new(HashMap::new())) }
    }

    /// The facts about a key, from the store where they are not known; nothing when there is no
    /// such key.
    pub async fn get(&self, key_id: KeyId) -> Result<Option<KeyFacts>, Rejection> {
        if let Some(facts) = self.shard(key_id).get(&key_id) {
            return Ok(Some(facts.clone()));
        }
        let Some(facts) = self.read(key_id).await? else { return Ok(None) };
        let mut shard = self.shard(key_id);
        if shard.len() >= KEYS_PER_SHARD {
            shard.clear();
        }
        shard.insert(key_id, facts.clone());
        Ok(Some(facts))
    }

    /// Reads it anew next time.
    pub fn forget(&self, key_id: KeyId) {
        self.shard(key_id).remove(&key_id);
    }

    fn shard(&self, key_id: KeyId) -> std::sync::MutexGuard<'_, HashMap<KeyId, KeyFacts>> {
        // A key id is a hash: its bytes are spread already.
        let shard = usize::from(key_id.0[0]) % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, key_id: KeyId) -> Result<Option<KeyFacts>, Rejection> {
        if self.revoked.contains(&key_id) {
            return Ok(None);
        }
        let fetched = self.store.fetch(Query::row(RowKey::SigningKey(key_id))).await?;
        let Some(row) = fetched.get::<SigningKey>().cloned() else { return Ok(None) };
        let Some((owner, epoch)) = self.owner(&row).await? else { return Ok(None) };
        let form = match row.form {
            KeyForm::Der => SignatureForm::Der,
            KeyForm::Fixed => SignatureForm::Fixed,
        };
        let point = row.point.as_slice().try_into().map_err(|_| Rejection::Internal)?;
        let key = Arc::new(PublicKey::from_point(point, form));
        Ok(Some(KeyFacts { key, owner, state: row.state, epoch }))
    }

    async fn owner(&self, row: &SigningKey) -> Result<Option<(Owner, i64)>, Rejection> {
        let owner = match row.principal {
            Principal::Device => {
                let Some(account_id) = row.account_id else { return Ok(None) };
                let fetched = self.store.fetch(Query::row(RowKey::Account(account_id))).await?;
                let Some(account) = fetched.get::<Account>() else { return Ok(None) };
                let owner = Owner::Device { account_id, device_id: DeviceId(row.owner_id.0) };
                return Ok(Some((owner, account.epoch)));
            }
            Principal::Terminal => {
                let terminal_id = TerminalId(row.owner_id.0);
                let fetched = self.store.fetch(Query::row(RowKey::Terminal(terminal_id))).await?;
                let Some(terminal) = fetched.get::<Terminal>() else { return Ok(None) };
                let (merchant_id, store_id) = (terminal.merchant_id, terminal.store_id);
                Owner::Terminal { terminal_id, merchant_id, store_id }
            }
            Principal::Merchant => Owner::Merchant { merchant_id: MerchantId(row.owner_id.0) },
            Principal::Operator => Owner::Operator { operator_id: OperatorId(row.owner_id.0) },
        };
        Ok(Some((owner, FIRST_EPOCH)))
    }
}
