//! What makes the server's own rows tell-tale: keys that are not in the database, so that whoever can write
//! to it can still not write what the server would have written.
//!
//! After each batch the head of its lane is signed. A head stands for every journal row before it, because
//! each row's hash covers the one before. So a row that is put in, changed or taken out without the key
//! shows at the head, also in the minute that no checkpoint covers yet. Rows of other tables carry a tag.

use std::sync::{Arc, OnceLock};

use super::hash::{MacKey, equal, hmac_sha256};
use super::system_key::{SystemKey, verify_system};

/// The end of a lane of the journal, as it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Which lane.
    pub lane: i64,
    /// Its last row's number.
    pub sequence: i64,
    /// Its last row's hash.
    pub hash: [u8; 32],
    /// No decision of the lane is older, in microseconds since the epoch.
    pub at_us: i64,
}

impl Head {
    fn statement(&self) -> Vec<u8> {
        let Self { lane, sequence, hash, at_us } = self;
        let numbers = [lane.to_be_bytes(), sequence.to_be_bytes(), at_us.to_be_bytes()].concat();
        [b"saifu head v1".as_slice(), &numbers, hash].concat()
    }

    /// Whether the server with this public key signed it.
    pub fn is_signed_by(&self, public: &[u8; 32], signature: &[u8; 64]) -> bool {
        verify_system(public, &self.statement(), signature)
    }
}

/// A row's tag: HMAC-SHA-256, cut to 128 bits (NIST SP 800-107, 5.3.3).
pub type RowTag = [u8; TAG_BYTES];

/// Its length.
pub const TAG_BYTES: usize = 16;

/// The keys behind it.
pub struct Integrity {
    system: SystemKey,
    rows: MacKey,
}

impl Integrity {
    /// From the seed of the server's signing key.
    pub fn of(system_seed: &[u8; 32]) -> Self {
        // A key of its own: what is signed and what is tagged share none.
        let rows = hmac_sha256(system_seed, b"saifu row tags v1");
        Self { system: SystemKey::from_seed(system_seed), rows: MacKey::new(rows) }
    }

    /// The public half of the key that signs heads.
    pub fn public(&self) -> [u8; 32] {
        self.system.public()
    }

    /// The tag of a row's content.
    pub fn tag(&self, content: &[u8]) -> RowTag {
        let tag = self.rows.tag(&[content]);
        tag[..TAG_BYTES].try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }

    /// Whether it is the tag of this content; in constant time.
    pub fn is_tag(&self, content: &[u8], tag: &RowTag) -> bool {
        equal(&self.tag(content), tag)
    }

    /// Signs a head.
    pub fn sign(&self, head: &Head) -> [u8; 64] {
        self.system.sign(&head.statement())
    }
}

/// Where a store finds the keys. A store is opened before they are known: only an open one can tell whether
/// this is a first start, and only on a first start may keys be made.
#[derive(Clone, Default)]
pub struct IntegritySlot(Arc<OnceLock<Arc<Integrity>>>);

impl IntegritySlot {
    /// With its keys.
    pub fn filled(integrity: Arc<Integrity>) -> Self {
        let slot = Self::default();
        slot.fill(integrity);
        slot
    }

    /// Gives the store its keys, once; those that it has stay.
    pub fn fill(&self, integrity: Arc<Integrity>) {
        drop(self.0.set(integrity));
    }

    /// The keys, when they are known.
    pub fn get(&self) -> Option<&Integrity> {
        self.0.get().map(Arc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_signed_in_all_its_parts() {
        let integrity = Integrity::of(&[7; 32]);
        let head = Head { lane: 1, sequence: 2, hash: [3; 32], at_us: 4 };
        let signature = integrity.sign(&head);
        assert!(head.is_signed_by(&integrity.public(), &signature));
        for other in [
            Head { lane: 2, ..head },
            Head { sequence: 3, ..head },
            Head { hash: [4; 32], ..head },
            Head { at_us: 5, ..head },
        ] {
            assert!(!other.is_signed_by(&integrity.public(), &signature), "{other:?}");
        }
        assert!(!head.is_signed_by(&Integrity::of(&[8; 32]).public(), &signature));
    }
}
