//! The server's own signing key: Ed25519, which needs no randomness and has one signature a message.
//!
//! With it the server signs what others are to check without asking it, such as a checkpoint of the
//! journal.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The server's private key.
pub struct SystemKey {
    pair: Ed25519KeyPair,
}

impl SystemKey {
    /// Makes the key that belongs to a seed (RFC 8032, 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { pair: Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are a seed") }
    }

    /// Signs a message. Say in its first bytes what it is: the key signs more than one kind.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }
}

/// Whether the server with this public key signed the message.
pub fn verify_system(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn keys_and_signatures_match_rfc_8032() {
        // 7.1, TEST 1 (the empty message) and TEST 2 (one byte).
        for (seed, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c\
                 f9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0\
                 f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let key = SystemKey::from_seed(&unhex(seed).try_into().unwrap());
            assert_eq!(key.public().as_slice(), unhex(public));
            assert_eq!(key.sign(&unhex(message)).as_slice(), unhex(signature));
            assert!(verify_system(&key.public(), &unhex(message), &unhex(signature)));
        }
    }

    #[test]
    fn another_message_key_or_signature_does_not_verify() {
        let key = SystemKey::from_seed(&[1; 32]);
        let signature = key.sign(b"message");
        assert!(verify_system(&key.public(), b"message", &signature));
        assert!(!verify_system(&key.public(), b"massage", &signature));
        assert!(!verify_system(&SystemKey::from_seed(&[2; 32]).public(), b"message", &signature));
        assert!(!verify_system(&key.public(), b"message", &signature[..63]));
        assert!(!verify_system(&key.public(), b"message", &[0; 64]));
    }
}
