//! Finding a contact without keeping it in the clear: a tag of its normal form under a server key.
//!
//! Equal contacts have equal indexes, which is what a unique index and a lookup need. A plain digest
//! would not do: all phone numbers can be tried in minutes.

use crate::contact::Contact;
use crate::crypto::hash::MacKey;

/// The key of the index. Contacts can be found by the server that has it and by nobody else.
pub struct BlindIndexKey {
    key: MacKey,
}

impl BlindIndexKey {
    /// Makes a key of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { key: MacKey::new(bytes) }
    }

    /// The index of a contact.
    pub fn index(&self, contact: &Contact) -> [u8; 32] {
        self.key.tag(&[b"contact", contact.kind().as_bytes(), contact.address().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_contact_has_one_index_however_it_is_written() {
        let key = BlindIndexKey::new([1; 32]);
        let index = |text| key.index(&Contact::phone(text).unwrap());
        assert_eq!(index("+819012345678"), index("+81 090-1234-5678"));
        assert_ne!(index("+819012345678"), index("+819012345679"));
    }

    #[test]
    fn the_index_depends_on_the_key() {
        let contact = Contact::email("a@example.jp").unwrap();
        assert_ne!(BlindIndexKey::new([1; 32]).index(&contact), BlindIndexKey::new([2; 32]).index(&contact));
    }
}
