//! Secrets at rest: AES-256-GCM, bound to the row they are kept in.
//!
//! What is bound is what the ciphertext must not be moved between: the kind of secret, whose it is,
//! which key sealed it and which version it is. A row copied over another one doesn't open.

use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::env::Entropy;

const TAG_BYTES: usize = 16;

/// What a sealed value is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aad {
    bytes: Vec<u8>,
}

impl Aad {
    /// `kind` names the secret (`"totp"`), `id` its owner, `key_version` the sealing key, `version`
    /// the value. Kind and id go in behind their lengths, so no two bindings are ever the same bytes.
    pub fn new(kind: &'static str, id: &[u8], key_version: i64, version: i64) -> Self {
        let mut bytes = Vec::with_capacity(32 + kind.len() + id.len());
        for part in [kind.as_bytes(), id] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&key_version.to_be_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        Self { bytes }
    }
}

/// A key that seals secrets.
///
/// Nonces are random, so one key may seal 2³² values at most (NIST SP 800-38D, 8.3).
pub struct SealKey {
    key: LessSafeKey,
}

impl SealKey {
    /// Makes a key of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("AES-256 has keys of 32 bytes");
        Self { key: LessSafeKey::new(key) }
    }

    /// Seals: nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes).
    pub fn seal(&self, entropy: &dyn Entropy, aad: &Aad, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        // The room is there from the start: a vector that grows would leave plaintext behind.
        let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                ring::aead::Aad::from(&aad.bytes),
                &mut sealed[NONCE_LEN..],
            )
            .expect("a secret is far shorter than the 64 GiB of GCM");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`SealKey::seal`] made with this key and these bindings.
    pub fn open(&self, aad: &Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(OpenError)?;
        let mut opened = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                ring::aead::Aad::from(&aad.bytes),
                &mut opened,
            )
            .map_err(|ring::error::Unspecified| OpenError)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// The value was not sealed with this key for this place, or it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed value does not open: another key, another place, or it was changed")
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SeededEntropy;

    fn aad() -> Aad {
        Aad::new("totp", b"account-1", 1, 1)
    }

    #[test]
    fn what_was_sealed_opens_to_what_it_was() {
        let (key, entropy) = (SealKey::new([1; 32]), SeededEntropy::new(1));
        for plaintext in [&b""[..], b"x", &[7; 1000]] {
            let sealed = key.seal(&entropy, &aad(), plaintext);
            assert_eq!(sealed.len(), 12 + plaintext.len() + 16);
            assert_eq!(key.open(&aad(), &sealed).unwrap().as_slice(), plaintext);
        }
    }

    #[test]
    fn a_value_sealed_elsewhere_opens_here() {
        // Made with another implementation of AES-256-GCM: key 01…01, nonce 02…02, plaintext
        // "secret", bound to ("totp", "id", 3, 4).
        let sealed = SEALED_ELSEWHERE;
        let opened = SealKey::new([1; 32]).open(&Aad::new("totp", b"id", 3, 4), &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"secret");
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_only() {
        let (key, entropy) = (SealKey::new([1; 32]), SeededEntropy::new(1));
        let sealed = key.seal(&entropy, &aad(), b"secret");
        for elsewhere in [
            Aad::new("reply", b"account-1", 1, 1),
            Aad::new("totp", b"account-2", 1, 1),
            Aad::new("totp", b"account-1", 2, 1),
            Aad::new("totp", b"account-1", 1, 2),
            Aad::new("totpa", b"ccount-1", 1, 1),
        ] {
            assert_eq!(key.open(&elsewhere, &sealed), Err(OpenError), "{elsewhere:?}");
        }
        assert_eq!(SealKey::new([2; 32]).open(&aad(), &sealed), Err(OpenError));
    }

    #[test]
    fn a_changed_or_shortened_value_does_not_open() {
        let (key, entropy) = (SealKey::new([1; 32]), SeededEntropy::new(1));
        let sealed = key.seal(&entropy, &aad(), b"secret");
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(key.open(&aad(), &changed), Err(OpenError), "byte {i}");
            assert_eq!(key.open(&aad(), &sealed[..i]), Err(OpenError), "{i} bytes");
        }
    }

    #[test]
    fn no_nonce_comes_twice() {
        let (key, entropy) = (SealKey::new([1; 32]), SeededEntropy::new(1));
        let (one, two) = (key.seal(&entropy, &aad(), b"secret"), key.seal(&entropy, &aad(), b"secret"));
        assert_ne!(one[..12], two[..12]);
        assert_ne!(one[12..], two[12..]);
    }

    const SEALED_ELSEWHERE: [u8; 34] = [
        0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x74, 0xb3, 0xaa, 0x3b, 0x2f,
        0x23, 0x33, 0x7c, 0x2d, 0x69, 0x69, 0xfb, 0x37, 0xaf, 0x53, 0x13, 0x07, 0x33, 0xab, 0x11, 0x86, 0x48,
    ];
}
