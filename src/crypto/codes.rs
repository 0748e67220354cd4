//! Codes that people carry: the one sent to a contact, and the saved recovery code.
//!
//! Kept is only a tag under a server key, bound to the enrolment or account it was made for: neither
//! a copy of the database nor another row opens anything with it.

use zeroize::Zeroizing;

use crate::crockford;
use crate::crypto::hash::{MacKey, equal};
use crate::domain::proof::{Factor, Proof};
use crate::env::Entropy;

/// 8 digits; the largest multiple of that many codes which fits into 32 bits is where drawing again
/// begins, so that no code is likelier than another.
const CONTACT_CODES: u32 = 100_000_000;
const CONTACT_DRAWS: u32 = u32::MAX - u32::MAX % CONTACT_CODES;

/// Characters between two dashes of a recovery code.
const GROUP: usize = 4;

/// A contact code has no steps: what matched is said to be this one.
const MATCHED: i64 = 0;

/// A fresh code to send to a contact: 8 digits, each of them equally likely.
pub fn contact_code(entropy: &dyn Entropy) -> Zeroizing<String> {
    loop {
        let mut drawn = Zeroizing::new([0; 4]);
        entropy.fill(drawn.as_mut_slice());
        if let Some(code) = code_of(u32::from_be_bytes(*drawn)) {
            return code;
        }
    }
}

fn code_of(drawn: u32) -> Option<Zeroizing<String>> {
    (drawn < CONTACT_DRAWS).then(|| Zeroizing::new(format!("{:08}", drawn % CONTACT_CODES)))
}

/// What is kept of a contact code.
pub fn contact_code_tag(key: &MacKey, enrolment_id: &[u8; 16], code: &str) -> [u8; 32] {
    key.tag(&[b"contact code", enrolment_id, code.as_bytes()])
}

/// Compares a contact code with the kept tag, for the decision to judge. `version` is that of the
/// row which the tag came from.
pub fn contact_code_proof(
    key: &MacKey,
    enrolment_id: &[u8; 16],
    code: &str,
    expected: &[u8; 32],
    version: i64,
) -> Proof {
    let matched = key.verify(&[b"contact code", enrolment_id, code.as_bytes()], expected);
    Proof::new(Factor::ContactCode, version, matched.then_some(MATCHED))
}

/// A fresh recovery code: 128 bits in Crockford's base32, 26 characters in groups of four.
pub fn recovery_code(entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 16]);
    entropy.fill(bytes.as_mut_slice());
    let text = Zeroizing::new(crockford::encode(*bytes));
    let mut code = Zeroizing::new(String::with_capacity(text.len() + text.len() / GROUP));
    for (i, character) in text.iter().enumerate() {
        if i > 0 && i % GROUP == 0 {
            code.push('-');
        }
        code.push(char::from(*character));
    }
    code
}

/// What is kept of a recovery code, and what an entered one is compared by. Case, dashes and spaces
/// don't count, and the characters that look like 0 and 1 are taken for them.
pub fn recovery_code_tag(key: &MacKey, account_id: &[u8; 16], code: &str) -> [u8; 32] {
    let mut meant = Zeroizing::new(String::with_capacity(code.len()));
    meant.extend(code.chars().filter_map(crockford::meant));
    key.tag(&[b"recovery code", account_id, meant.as_bytes()])
}

/// Compares a saved code with the kept tag, for the decision to judge. An account that has none has an empty
/// tag, which no code has.
pub fn recovery_code_proof(
    key: &MacKey,
    account_id: &[u8; 16],
    code: &str,
    expected: &[u8],
    document_version: i64,
) -> Proof {
    let matched = equal(&recovery_code_tag(key, account_id, code), expected);
    Proof::new(Factor::SavedCode, document_version, matched.then_some(MATCHED))
}

/// The number that a phone shows which asks to join: four digits, each of them equally likely.
pub fn addition_number(entropy: &dyn Entropy) -> i64 {
    const NUMBERS: u16 = 10_000;
    loop {
        let mut drawn = [0; 2];
        entropy.fill(&mut drawn);
        let drawn = u16::from_be_bytes(drawn);
        if drawn < u16::MAX - u16::MAX % NUMBERS {
            return i64::from(drawn % NUMBERS);
        }
    }
}

/// Whether a text can be a saved code: 26 characters besides dashes and spaces.
pub fn is_recovery_code(code: &str) -> bool {
    code.len() <= 64 && code.chars().filter_map(crockford::meant).count() == crockford::TEXT_BYTES
}

/// What is kept of the secret that cancels a recovery, and how it is found. It is typed as people type.
pub fn cancel_code_tag(key: &MacKey, code: &str) -> [u8; 32] {
    let mut meant = Zeroizing::new(String::with_capacity(code.len()));
    meant.extend(code.chars().filter_map(crockford::meant));
    key.tag(&[b"cancel code", meant.as_bytes()])
}

/// Whether a text has the form of a code to a contact: eight ASCII digits.
pub fn is_contact_code(code: &str) -> bool {
    code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits before the drawn ones: which issuer's code it is.
const ISSUER_PREFIX: &str = "77";
/// Digits that are drawn.
const PAYMENT_DIGITS: u64 = 10_000_000_000_000_000;
const PAYMENT_DRAWS: u64 = u64::MAX - u64::MAX % PAYMENT_DIGITS;

/// A fresh payment code: 18 digits, of which 16 are drawn, each of them equally likely. Nothing in it
/// tells whose it is.
pub fn payment_code(entropy: &dyn Entropy) -> Zeroizing<String> {
    loop {
        let mut drawn = Zeroizing::new([0; 8]);
        entropy.fill(drawn.as_mut_slice());
        let drawn = u64::from_be_bytes(*drawn);
        if drawn < PAYMENT_DRAWS {
            return Zeroizing::new(format!("{ISSUER_PREFIX}{:016}", drawn % PAYMENT_DIGITS));
        }
    }
}

/// Whether a text has the form of a payment code: 18 ASCII digits. Whose issuer's, its tag decides.
pub fn is_payment_code(code: &str) -> bool {
    code.len() == 18 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is kept of a payment code, and how it is found.
pub fn payment_code_tag(key: &MacKey, code: &str) -> [u8; 32] {
    key.tag(&[b"payment code", code.as_bytes()])
}

/// What is kept of a till's activation code, and how it is found. It is typed as people type.
pub fn activation_code_tag(key: &MacKey, code: &str) -> [u8; 32] {
    let mut meant = Zeroizing::new(String::with_capacity(code.len()));
    meant.extend(code.chars().filter_map(crockford::meant));
    key.tag(&[b"activation code", meant.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SeededEntropy;

    const ID: [u8; 16] = [1; 16];

    #[test]
    fn a_contact_code_has_eight_digits_also_when_it_begins_with_zeros() {
        assert_eq!(code_of(0).unwrap().as_str(), "00000000");
        assert_eq!(code_of(42).unwrap().as_str(), "00000042");
        let entropy = SeededEntropy::new(1);
        for _ in 0..100 {
            let code = contact_code(&entropy);
            assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{}", *code);
        }
    }

    #[test]
    fn a_draw_that_would_make_some_codes_likelier_is_thrown_away() {
        assert_eq!(code_of(4_199_999_999).unwrap().as_str(), "99999999");
        assert!(code_of(4_200_000_000).is_none());
        assert!(code_of(u32::MAX).is_none());
    }

    #[test]
    fn a_contact_code_is_good_for_its_enrolment_alone() {
        let key = MacKey::new([1; 32]);
        let tag = contact_code_tag(&key, &ID, "12345678");
        let matched = |id, code| contact_code_proof(&key, id, code, &tag, 3).matched();
        assert_eq!(matched(&ID, "12345678"), Some(0));
        assert_eq!(matched(&ID, "12345679"), None);
        assert_eq!(matched(&ID, " 12345678"), None);
        assert_eq!(matched(&[2; 16], "12345678"), None);
        assert_eq!(contact_code_proof(&MacKey::new([2; 32]), &ID, "12345678", &tag, 3).matched(), None);
        let proof = contact_code_proof(&key, &ID, "12345678", &tag, 3);
        assert_eq!((proof.factor(), proof.credential_version()), (Factor::ContactCode, 3));
    }

    #[test]
    fn a_payment_code_has_eighteen_digits_and_its_tag_is_no_other_codes() {
        let entropy = SeededEntropy::new(1);
        let codes: std::collections::HashSet<_> =
            (0..100).map(|_| payment_code(&entropy).to_string()).collect();
        assert_eq!(codes.len(), 100);
        assert!(codes.iter().all(|code| is_payment_code(code) && code.starts_with(ISSUER_PREFIX)));
        for other in ["77123456789012345", "7712345678901234567", "77123456789012345a", ""] {
            assert!(!is_payment_code(other), "{other}");
        }
        let key = MacKey::new([1; 32]);
        assert_ne!(payment_code_tag(&key, "771234"), activation_code_tag(&key, "771234"));
        assert_eq!(activation_code_tag(&key, "10ab-cdef"), activation_code_tag(&key, "lOABCDEF"));
    }

    #[test]
    fn a_recovery_code_holds_128_bits_in_readable_groups() {
        let code = recovery_code(&SeededEntropy::new(1));
        let groups: Vec<&str> = code.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4, 4, 4, 4, 4, 4, 2]);
        assert_eq!(
            crockford::decode(groups.concat().as_bytes()),
            Some(crate::env::bytes16(&SeededEntropy::new(1))),
            "every bit of the entropy is in the code"
        );
    }

    #[test]
    fn a_recovery_code_may_be_typed_as_people_type() {
        let key = MacKey::new([1; 32]);
        let tag = |code| recovery_code_tag(&key, &ID, code);
        let kept = tag("10AB-CDEF");
        for typed in ["10abcdef", "1oab cdef", "IOAB-CDEF", "L0aB--CDeF", " lO-ABCDEF "] {
            assert_eq!(tag(typed), kept, "{typed}");
        }
        for other in ["10AB-CDEG", "10AB-CDE", "10AB-CDEF0", "10AB_CDEF", ""] {
            assert_ne!(tag(other), kept, "{other}");
        }
    }

    #[test]
    fn a_recovery_code_is_good_for_its_account_alone_and_is_no_contact_code() {
        let key = MacKey::new([1; 32]);
        assert_ne!(recovery_code_tag(&key, &ID, "12345678"), recovery_code_tag(&key, &[2; 16], "12345678"));
        assert_ne!(recovery_code_tag(&key, &ID, "12345678"), contact_code_tag(&key, &ID, "12345678"));
    }
}
