//! Known keys, read ahead. What is cached only saves work: every decision and every read looks at
//! the stored key again, so a stale entry lets nobody in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::rejection::Rejection;
use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::domain::id::{AccountId, DeviceId, KeyId};
use crate::domain::rows::{Account, KeyForm, KeyState, Principal, RowKey, SigningKey};
use crate::store::Store;
use crate::store::query::Query;

const SHARDS: usize = 16;
const KEYS_PER_SHARD: usize = 16_384;

/// What the gate needs of a device's key.
#[derive(Clone)]
pub struct KeyFacts {
    /// To verify with.
    pub key: Arc<PublicKey>,
    /// The account behind it.
    pub account_id: AccountId,
    /// The device behind it.
    pub device_id: DeviceId,
    /// Whether it might sign, when it was read.
    pub state: KeyState,
    /// The account's epoch, when it was read.
    pub epoch: i64,
}

/// Keys by their id.
pub struct KeyCache {
    store: Arc<Store>,
    shards: [Mutex<HashMap<KeyId, KeyFacts>>; SHARDS],
}

impl KeyCache {
    /// Empty, over a store.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, shards: std::array::from_fn(|_| Mutex::new(HashMap::new())) }
    }

    /// The facts about a key, from the store where they are not known; nothing when there is no
    /// such key of a device.
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
        let fetched = self.store.fetch(Query::row(RowKey::SigningKey(key_id))).await?;
        let Some(row) = fetched.get::<SigningKey>().cloned() else { return Ok(None) };
        let (Principal::Device, Some(account_id)) = (row.principal, row.account_id) else { return Ok(None) };
        let fetched = self.store.fetch(Query::row(RowKey::Account(account_id))).await?;
        let Some(account) = fetched.get::<Account>() else { return Ok(None) };
        let form = match row.form {
            KeyForm::Der => SignatureForm::Der,
            KeyForm::Fixed => SignatureForm::Fixed,
        };
        let point = row.point.as_slice().try_into().map_err(|_| Rejection::Internal)?;
        Ok(Some(KeyFacts {
            key: Arc::new(PublicKey::from_point(point, form)),
            account_id,
            device_id: row.owner_id,
            state: row.state,
            epoch: account.epoch,
        }))
    }
}
