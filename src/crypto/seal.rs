//! Secrets at rest: AES-256-GCM, bound to the row they are kept in.
//!
//! What is bound is what the ciphertext must not be moved between: the kind of secret, whose it is,
//! which key sealed it and which version it is. A row copied over another one doesn't open.
//!
//! Nonces are random, so one AES key may seal 2³² values (NIST SP 800-38D, 8.3), which at a thousand a
//! second is seven weeks. So the key-encryption key seals nothing by itself: each place has a key of its own,
//! derived from it, and a place is sealed once, or once a version of what is in it.

use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::crypto::hash::MacKey;
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

/// The first byte of a value that was sealed under its place's own key.
const OF_ITS_PLACE: u8 = 2;

/// The key-encryption key: it derives a key for each place, and opens what it sealed itself before it did.
pub struct RootKey {
    root: MacKey,
    before: SealKey,
}

impl RootKey {
    /// Makes a key of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { root: MacKey::new(bytes), before: SealKey::new(bytes) }
    }

    /// HMAC-SHA-256 of label and place.
    fn of(&self, aad: &Aad) -> SealKey {
        SealKey::new(self.root.tag(&[b"saifu row key v1", &aad.bytes]))
    }

    /// Seals: 2 ‖ nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes), under the place's own key.
    pub fn seal(&self, entropy: &dyn Entropy, aad: &Aad, plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = self.of(aad).seal(entropy, aad, plaintext);
        sealed.insert(0, OF_ITS_PLACE);
        sealed
    }

    /// Opens what [`RootKey::seal`] made for this place, or what the key itself did before it derived any.
    pub fn open(&self, aad: &Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if let Some((&OF_ITS_PLACE, rest)) = sealed.split_first()
            && let Ok(opened) = self.of(aad).open(aad, rest)
        {
            return Ok(opened);
        }
        // An older value begins with its nonce, whose first byte may be any.
        self.before.open(aad, sealed)
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

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn root() -> RootKey {
        RootKey::new(std::array::from_fn(|at| u8::try_from(at).unwrap()))
    }

    /// Computed with Python's hmac and cryptography: key 00…1f, place ("message", 16 times 11, 1, 1),
    /// nonce 12 times a5, plaintext "eight digits: 12345678".
    const DERIVED: &str = "decd52b7b2107dc3bd87c0f93d543693ee9b482d124a9395260ce1df3ccf1069";
    const SEALED: &str = "02a5a5a5a5a5a5a5a5a5a5a5a550e5954d6ac325211acc602945f0a2166743af7c65fabfe29edb15eb\
                          24cff63a851529608f5d";
    const SEALED_BEFORE: &str = "a5a5a5a5a5a5a5a5a5a5a5a5442efbc846bc4ce04fc5d79192034617be2e8261d469f8ab0b95\
                                 ecf7848c740c3286ffc8175a";

    #[test]
    fn a_place_s_key_and_its_values_are_those_of_another_implementation() {
        let place = Aad::new("message", &[0x11; 16], 1, 1);
        let derived = SealKey::new(hex(DERIVED).try_into().unwrap());
        let (sealed, plaintext) = (hex(SEALED), b"eight digits: 12345678");
        assert_eq!(derived.open(&place, &sealed[1..]).unwrap().as_slice(), plaintext);
        assert_eq!(root().open(&place, &sealed).unwrap().as_slice(), plaintext);
        assert_eq!(root().open(&place, &hex(SEALED_BEFORE)).unwrap().as_slice(), plaintext);
    }

    #[test]
    fn each_place_has_a_key_of_its_own_and_none_is_the_root() {
        let entropy = SeededEntropy::new(7);
        let sealed = root().seal(&entropy, &aad(), b"x");
        assert_eq!((sealed[0], sealed.len()), (2, 1 + 12 + 1 + 16));
        assert!(root().before.open(&aad(), &sealed[1..]).is_err(), "the root sealed it itself");
        for other in [Aad::new("totq", b"account-1", 1, 1), Aad::new("totp", b"account-2", 1, 1)] {
            assert!(root().of(&other).open(&aad(), &sealed[1..]).is_err());
            assert!(root().open(&other, &sealed).is_err());
        }
        assert_eq!(root().open(&aad(), &sealed).unwrap().as_slice(), b"x");
    }

    #[test]
    fn an_older_value_opens_whatever_its_nonce_begins_with() {
        let (entropy, root) = (SeededEntropy::new(8), root());
        let old = (0..10_000)
            .map(|_| root.before.seal(&entropy, &aad(), b"old"))
            .find(|sealed| sealed[0] == OF_ITS_PLACE)
            .unwrap();
        assert_eq!(root.open(&aad(), &old).unwrap().as_slice(), b"old");
        let changed: Vec<u8> = old.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 20)).collect();
        assert!(root.open(&aad(), &changed).is_err());
    }
}
