//! A signing key in software, for clients, the demonstration and tests.
//!
//! A phone keeps such a key in its hardware; here it is a PKCS#8 document in memory. The server has
//! no key of this kind.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _,
};
use zeroize::Zeroizing;

use crate::crypto::envelope::{PublicKey, SignatureForm, pae};

/// A P-256 key pair and the form in which it signs.
pub struct DeviceKey {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    form: SignatureForm,
    // ring draws the nonce of a signature from its own generator and from no other.
    random: SystemRandom,
}

impl DeviceKey {
    /// A new key. Its randomness is the operating system's: ring takes no other for ECDSA.
    pub fn generate(form: SignatureForm) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm(form), &SystemRandom::new())
            .expect("the operating system gives randomness");
        Self::from_pkcs8(pkcs8.as_ref(), form).expect("ring reads the key that it wrote")
    }

    /// Reads a key that was kept.
    pub fn from_pkcs8(pkcs8: &[u8], form: SignatureForm) -> Result<Self, BadDeviceKey> {
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(algorithm(form), pkcs8, &random).map_err(|_rejected| BadDeviceKey)?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8.to_vec()), form, random })
    }

    /// The private key, as PKCS#8. Secret.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Signs a payload for one method, in the key's form. No two signatures are alike.
    pub fn sign(&self, method: &str, payload: &[u8]) -> Vec<u8> {
        self.sign_bytes(&pae(method, payload))
    }

    /// Signs what no call is.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&self.random, bytes);
        signature.expect("the operating system gives randomness").as_ref().to_vec()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let point = self.pair.public_key().as_ref().try_into().expect("ring's P-256 points are uncompressed");
        PublicKey::from_point(point, self.form)
    }
}

fn algorithm(form: SignatureForm) -> &'static EcdsaSigningAlgorithm {
    match form {
        SignatureForm::Der => &ECDSA_P256_SHA256_ASN1_SIGNING,
        SignatureForm::Fixed => &ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

/// The bytes are not a P-256 private key in PKCS#8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadDeviceKey;

impl fmt::Display for BadDeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a P-256 private key in PKCS#8")
    }
}

impl std::error::Error for BadDeviceKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_the_same_key() {
        let key = DeviceKey::generate(SignatureForm::Fixed);
        let again = DeviceKey::from_pkcs8(key.pkcs8(), SignatureForm::Fixed).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(key.public().verify("/m", b"p", &again.sign("/m", b"p")), Ok(()));
    }

    #[test]
    fn a_signature_has_the_form_of_its_key() {
        assert_eq!(DeviceKey::generate(SignatureForm::Fixed).sign("/m", b"p").len(), 64);
        assert_eq!(DeviceKey::generate(SignatureForm::Der).sign("/m", b"p")[0], 0x30, "a DER sequence");
    }

    #[test]
    fn no_two_keys_are_alike() {
        assert_ne!(
            DeviceKey::generate(SignatureForm::Der).public().key_id(),
            DeviceKey::generate(SignatureForm::Der).public().key_id()
        );
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let key = DeviceKey::generate(SignatureForm::Der);
        assert!(DeviceKey::from_pkcs8(&key.pkcs8()[1..], SignatureForm::Der).is_err());
        assert!(DeviceKey::from_pkcs8(&[], SignatureForm::Der).is_err());
    }
}
