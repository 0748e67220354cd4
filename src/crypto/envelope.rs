//! What a signature is over, and who made it: DSSE's pre-authentication encoding and ECDSA P-256.
//!
//! The method goes into the signed bytes, so a signature for one RPC is worth nothing for another.
//! Keys are P-256 because Secure Enclave, StrongBox and WebCrypto all have it. High and low S are
//! both accepted (Secure Enclave makes either), so a valid signature has a second valid form:
//! **signature bytes identify nothing** and must never be looked up or deduplicated by.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::crypto::hash::sha256;

#[cfg(test)]
mod vectors;

/// DER up to the point: SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING (RFC 5480).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// SEC 1, 2.3.3: the first byte of a point that is given by both its coordinates.
const UNCOMPRESSED: u8 = 0x04;

const POINT_BYTES: usize = 65;

/// Length of a `SubjectPublicKeyInfo` of an uncompressed P-256 point.
pub const SPKI_BYTES: usize = SPKI_PREFIX.len() + POINT_BYTES;

/// 32 bytes in base64url without padding.
const KEY_ID_TEXT_BYTES: usize = 43;

/// The bytes that are signed: `"DSSEv1" SP len(method) SP method SP len(payload) SP payload`, the
/// lengths in decimal (DSSE v1, protocol.md).
pub fn pae(method: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {method} {} ", method.len(), payload.len());
    let mut bytes = Vec::with_capacity(head.len() + payload.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// How a key writes its signatures down. Said at registration, fixed for the key's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// ASN.1 DER, as Android and Apple give it.
    Der,
    /// r‖s, 32 bytes each, as WebCrypto and most tills give it (IEEE P1363).
    Fixed,
}

/// A caller's public key together with the form of its signatures.
///
/// That the point lies on the curve is checked by each verification, before anything else. A
/// candidate's first use is a verification, so no key that failed it is ever registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; POINT_BYTES],
    form: SignatureForm,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`: P-256, uncompressed, this one encoding and not a byte more.
    /// One key must have one SPKI, or it would have two key ids.
    pub fn from_spki(spki: &[u8], form: SignatureForm) -> Result<Self, BadSpki> {
        if spki.len() != SPKI_BYTES {
            return Err(BadSpki::Length);
        }
        let point = spki.strip_prefix(&SPKI_PREFIX).ok_or(BadSpki::Algorithm)?;
        if point.first() != Some(&UNCOMPRESSED) {
            return Err(BadSpki::Compressed);
        }
        let point = point.try_into().expect("the length was checked above");
        Ok(Self { point, form })
    }

    /// A key that was registered before. Any other point only makes a key that verifies nothing.
    pub fn from_point(point: &[u8; 65], form: SignatureForm) -> Self {
        Self { point: *point, form }
    }

    /// The uncompressed point, `04 ‖ x ‖ y`.
    pub fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// How this key writes its signatures.
    pub fn form(&self) -> SignatureForm {
        self.form
    }

    /// The key as DER `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> [u8; 91] {
        let mut spki = [0; SPKI_BYTES];
        let (prefix, point) = spki.split_at_mut(SPKI_PREFIX.len());
        prefix.copy_from_slice(&SPKI_PREFIX);
        point.copy_from_slice(&self.point);
        spki
    }

    /// SHA-256 of the SPKI.
    pub fn key_id(&self) -> [u8; 32] {
        sha256(&[&self.spki()])
    }

    /// Whether this key signed this payload for this method.
    pub fn verify(&self, method: &str, payload: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify_signed(&pae(method, payload), signature)
    }

    /// What a signature that does not verify is instead, if it is this key's by a usual mistake. For people
    /// who write a client: nothing is accepted for it.
    pub fn mistake(&self, method: &str, payload: &[u8], signature: &[u8]) -> Option<Mistake> {
        let other = match self.form {
            SignatureForm::Der => SignatureForm::Fixed,
            SignatureForm::Fixed => SignatureForm::Der,
        };
        let both = [self.clone(), Self { form: other, ..self.clone() }];
        let whole = pae(method, payload);
        if both[1].verify_signed(&whole, signature).is_ok() {
            return Some(Mistake::Form);
        }
        let bare = method.trim_start_matches('/');
        let tried = [
            (payload.to_vec(), Mistake::Payload),
            (pae(bare, payload), Mistake::Method),
            (pae(&bare.replace('/', "."), payload), Mistake::Method),
            (sha256(&[&whole]).to_vec(), Mistake::Hash),
        ];
        let is_over = |signed: &[u8]| both.iter().any(|key| key.verify_signed(signed, signature).is_ok());
        tried.into_iter().find(|(signed, _)| is_over(signed)).map(|(_, mistake)| mistake)
    }

    fn verify_signed(&self, signed: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let algorithm: &'static dyn VerificationAlgorithm = match self.form {
            SignatureForm::Der => &ECDSA_P256_SHA256_ASN1,
            SignatureForm::Fixed => &ECDSA_P256_SHA256_FIXED,
        };
        UnparsedPublicKey::new(algorithm, &self.point)
            .verify(signed, signature)
            .map_err(|ring::error::Unspecified| BadSignature)
    }
}

/// A key id as it is written on the wire: base64url without padding, 43 characters.
pub fn key_id_text(key_id: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(key_id)
}

/// Reads a key id. Only what [`key_id_text`] writes is read, so an id has one text.
pub fn key_id_parse(text: &str) -> Option<[u8; 32]> {
    if text.len() != KEY_ID_TEXT_BYTES {
        return None;
    }
    // This engine refuses padding and bits that belong to no byte.
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// What is usually signed instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The right bytes; the signature is written in the other form.
    Form,
    /// The payload without PAE.
    Payload,
    /// PAE with the method written otherwise.
    Method,
    /// The hash of PAE, which is hashed again.
    Hash,
}

/// Why bytes are not a `SubjectPublicKeyInfo` that the wallet takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSpki {
    /// Not 91 bytes.
    Length,
    /// Not an elliptic-curve key, not P-256, or not the canonical DER.
    Algorithm,
    /// The point is not given by both its coordinates.
    Compressed,
}

impl fmt::Display for BadSpki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a P-256 SubjectPublicKeyInfo with an uncompressed point has 91 bytes",
            Self::Algorithm => "the SubjectPublicKeyInfo is not id-ecPublicKey on prime256v1 in DER",
            Self::Compressed => "the point of the SubjectPublicKeyInfo is not uncompressed",
        })
    }
}

impl std::error::Error for BadSpki {}

/// The signature is not this key's over these bytes. Why is deliberately not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl std::error::Error for BadSignature {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::device_key::DeviceKey;

    const METHOD: &str = "/saifu.v1.PaymentService/Pay";

    #[test]
    fn a_usual_mistake_is_recognised_and_none_is_accepted() {
        for form in [SignatureForm::Der, SignatureForm::Fixed] {
            let device = DeviceKey::generate(form);
            let (key, payload) = (device.public(), b"payload".as_slice());
            let whole = pae(METHOD, payload);
            for (signed, expected) in [
                (payload.to_vec(), Some(Mistake::Payload)),
                (pae("saifu.v1.PaymentService/Pay", payload), Some(Mistake::Method)),
                (pae("saifu.v1.PaymentService.Pay", payload), Some(Mistake::Method)),
                (sha256(&[&whole]).to_vec(), Some(Mistake::Hash)),
                (b"something else".to_vec(), None),
            ] {
                let signature = device.sign_bytes(&signed);
                assert!(key.verify(METHOD, payload, &signature).is_err());
                assert_eq!(key.mistake(METHOD, payload, &signature), expected);
            }
            let other = PublicKey::from_point(
                key.point(),
                if form == SignatureForm::Der { SignatureForm::Fixed } else { SignatureForm::Der },
            );
            assert_eq!(other.mistake(METHOD, payload, &device.sign_bytes(&whole)), Some(Mistake::Form));
        }
    }

    #[test]
    fn pae_matches_the_published_vector() {
        // The DSSE specification's own example (secure-systems-lab/dsse, protocol.md).
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn pae_counts_bytes_and_leaves_the_payload_as_it_is() {
        assert_eq!(pae("é", &[0xff, 0x00]), b"DSSEv1 2 \xc3\xa9 2 \xff\x00");
    }

    #[test]
    fn the_rfc_6979_signature_over_sample_verifies_for_its_key_alone() {
        // RFC 6979, A.2.5, checked on the algorithm below the encoding: P-256, SHA-256, "sample".
        let mut point = [0; 65];
        point[0] = UNCOMPRESSED;
        point[1..33]
            .copy_from_slice(&unhex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"));
        point[33..]
            .copy_from_slice(&unhex("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"));
        let signature = [
            unhex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"),
            unhex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"),
        ]
        .concat();
        // Its s is in the upper half of the order, which must not matter.
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).verify(b"sample", &signature).unwrap();
        // A bare signature over "sample" is none over PAE("", "sample").
        let key = PublicKey::from_point(&point, SignatureForm::Fixed);
        assert_eq!(key.verify("", b"sample", &signature), Err(BadSignature));
    }

    #[test]
    fn a_signature_holds_for_its_method_its_payload_and_its_key() {
        for form in [SignatureForm::Der, SignatureForm::Fixed] {
            let device = DeviceKey::generate(form);
            let key = device.public();
            let signature = device.sign(METHOD, b"pay 100");
            assert_eq!(key.verify(METHOD, b"pay 100", &signature), Ok(()));
            assert_eq!(
                key.verify("/saifu.v1.PaymentService/IssueCode", b"pay 100", &signature),
                Err(BadSignature)
            );
            assert_eq!(key.verify(METHOD, b"pay 101", &signature), Err(BadSignature));
            assert_eq!(
                DeviceKey::generate(form).public().verify(METHOD, b"pay 100", &signature),
                Err(BadSignature)
            );
            assert_eq!(key.verify(METHOD, b"pay 100", &[]), Err(BadSignature));
            let mut longer = signature.clone();
            longer.push(0);
            assert_eq!(key.verify(METHOD, b"pay 100", &longer), Err(BadSignature));
        }
    }

    #[test]
    fn a_signature_of_the_other_form_is_refused() {
        let device = DeviceKey::generate(SignatureForm::Der);
        let fixed = PublicKey::from_point(device.public().point(), SignatureForm::Fixed);
        assert_eq!(fixed.verify(METHOD, b"x", &device.sign(METHOD, b"x")), Err(BadSignature));
    }

    #[test]
    fn both_s_and_its_negative_verify() {
        let device = DeviceKey::generate(SignatureForm::Fixed);
        let signature = device.sign(METHOD, b"x");
        let mut other = signature.clone();
        other[32..].copy_from_slice(&order_minus(&signature[32..]));
        assert_ne!(signature, other);
        assert_eq!(device.public().verify(METHOD, b"x", &signature), Ok(()));
        assert_eq!(device.public().verify(METHOD, b"x", &other), Ok(()));
    }

    #[test]
    fn a_point_off_the_curve_verifies_nothing() {
        let device = DeviceKey::generate(SignatureForm::Fixed);
        let mut spki = device.public().spki();
        *spki.last_mut().unwrap() ^= 1;
        let key = PublicKey::from_spki(&spki, SignatureForm::Fixed).unwrap();
        assert_eq!(key.verify(METHOD, b"x", &device.sign(METHOD, b"x")), Err(BadSignature));
    }

    #[test]
    fn an_spki_has_one_encoding() {
        let key = DeviceKey::generate(SignatureForm::Der).public();
        let spki = key.spki();
        assert_eq!(PublicKey::from_spki(&spki, SignatureForm::Der), Ok(key));
        let parse = |bytes: &[u8]| PublicKey::from_spki(bytes, SignatureForm::Der);
        assert_eq!(parse(&[]), Err(BadSpki::Length));
        assert_eq!(parse(&spki[..90]), Err(BadSpki::Length));
        assert_eq!(parse(&[&spki[..], &[0]].concat()), Err(BadSpki::Length));
        for i in 0..SPKI_PREFIX.len() {
            let mut changed = spki;
            changed[i] ^= 1;
            assert_eq!(parse(&changed), Err(BadSpki::Algorithm), "{i}");
        }
        for first in [0x00, 0x02, 0x03, 0x05, 0x06] {
            let mut changed = spki;
            changed[SPKI_PREFIX.len()] = first;
            assert_eq!(parse(&changed), Err(BadSpki::Compressed), "{first}");
        }
    }

    #[test]
    fn a_key_id_has_one_text() {
        let id = DeviceKey::generate(SignatureForm::Der).public().key_id();
        let text = key_id_text(&id);
        assert_eq!(text.len(), 43);
        assert_eq!(key_id_parse(&text), Some(id));
        assert_eq!(key_id_parse(&format!("{text}=")), None);
        assert_eq!(key_id_parse(&text[..42]), None);
        assert_eq!(key_id_text(&[0xff; 32]), "__________________________________________8");
        // The same bytes with stray bits at the end, and in the other alphabet.
        assert_eq!(key_id_parse("__________________________________________9"), None);
        assert_eq!(key_id_parse("//////////////////////////////////////////8"), None);
    }

    #[test]
    fn a_key_id_is_the_digest_of_the_spki() {
        let key = PublicKey::from_point(&[4; 65], SignatureForm::Der);
        assert_eq!(key.key_id(), sha256(&[&SPKI_PREFIX, &[4; 65]]));
    }

    fn unhex(text: &str) -> [u8; 32] {
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    // SP 800-186, 3.2.1.3: the order n of the group, minus s.
    fn order_minus(s: &[u8]) -> [u8; 32] {
        let mut out = unhex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        let mut borrow = 0;
        for (n, s) in out.iter_mut().zip(s).rev() {
            let difference = i16::from(*n) - i16::from(*s) - borrow;
            borrow = i16::from(difference < 0);
            *n = u8::try_from(difference.rem_euclid(256)).unwrap();
        }
        out
    }
}
