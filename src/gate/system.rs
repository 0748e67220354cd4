//! What the server does on its own goes through the same gate, signed by the server's key.

use super::Gate;
use crate::crypto::envelope::pae;
use crate::crypto::hash::sha256;
use crate::domain::command::{Chore, Evidence, Order, Signed, SystemAction};
use crate::domain::id::KeyId;
use crate::store::{Answer, StoreError};

/// The name of the server's Ed25519 key in the journal.
pub fn system_key_id(public: &[u8; 32]) -> KeyId {
    KeyId(sha256(&[b"saifu system key v1", public]))
}

impl Gate {
    /// Does a system action, at most once.
    pub async fn system(&self, action: SystemAction) -> Result<Answer, StoreError> {
        let payload = action.encode();
        let method = action.method();
        let system_key = &self.tools().keys.system;
        let signed = Signed {
            key_id: system_key_id(&system_key.public()),
            request_id: action.request_id(),
            digest: self.tools().keys.request.tag(&[method.as_bytes(), &payload, b""]),
            payload_hash: sha256(&[&payload]),
            evidence: Evidence {
                method,
                signature: system_key.sign(&pae(method, &payload)).to_vec(),
                payload,
            },
        };
        self.execute(Order::System(signed, action)).await
    }

    /// Keeps house.
    pub async fn chore(&self, chore: Chore) -> Result<Answer, StoreError> {
        self.execute(Order::Chore(chore)).await
    }
}
