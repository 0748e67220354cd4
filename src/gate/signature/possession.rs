//! What a new key signs before it becomes a merchant's or an operator's. Without it two operators could give
//! an owner a key that nobody has, or that belongs to somebody else who signs elsewhere.

use prost::Message as _;

use super::candidate_key;
use crate::crypto::envelope::PublicKey;
use crate::domain::command::NewKey;
use crate::domain::id::{KeyId, MerchantId, OperatorId};
use crate::gate::admitted::stored_form;
use crate::gate::rejection::Rejection;
use crate::pb;

/// Whose the key becomes. There is no id yet for who is only being let in.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    /// A merchant's server.
    Merchant(Option<MerchantId>),
    /// An operator.
    Operator(Option<OperatorId>),
}

impl Owner {
    /// What stands where an envelope has its method, so that the one is never taken for the other.
    fn type_name(self) -> &'static str {
        match self {
            Self::Merchant(_) => "saifu.v1.KeyPossession/Merchant",
            Self::Operator(_) => "saifu.v1.KeyPossession/Operator",
        }
    }

    fn owner_id(self) -> Vec<u8> {
        let id = match self {
            Self::Merchant(id) => id.map(|id| id.0),
            Self::Operator(id) => id.map(|id| id.0),
        };
        id.map_or(Vec::new(), |id| id.to_vec())
    }
}

/// Whether this key signed that it is this owner's, in this deployment.
pub fn is_proved(key: &PublicKey, proof: &[u8], owner: Owner, audience: &str) -> bool {
    let possession = pb::KeyPossession {
        audience: audience.to_owned(),
        owner_id: owner.owner_id(),
        spki: key.spki().to_vec(),
    };
    key.verify(owner.type_name(), &possession.encode_to_vec(), proof).is_ok()
}

/// A key that proved itself: nothing else becomes a merchant's or an operator's.
pub fn proved(
    key: Option<&pb::Candidate>,
    proof: &[u8],
    owner: Owner,
    audience: &str,
) -> Result<NewKey, Rejection> {
    let key = candidate_key(key.ok_or(Rejection::malformed("key", "a public key"))?)?;
    if !is_proved(&key, proof, owner, audience) {
        let must = "the new key's signature over the KeyPossession of this audience, owner and key";
        return Err(Rejection::malformed("key_proof", must));
    }
    Ok(NewKey { key_id: KeyId(key.key_id()), point: *key.point(), form: stored_form(key.form()) })
}
