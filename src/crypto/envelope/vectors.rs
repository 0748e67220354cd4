//! Project Wycheproof's vectors: signatures and keys as attackers write them, judged by our own reading
//! of keys and verification of signatures.
//!
//! DER is strict, r and s are within their range, s may be high, and a key has one encoding.

use wycheproof::TestResult;
use wycheproof::ecdh;
use wycheproof::ecdsa::{TestFlag, TestName, TestSet};

use super::*;

/// How many vectors were valid, and how many invalid; each was judged so.
fn judged(name: TestName, form: SignatureForm) -> (usize, usize) {
    let set = TestSet::load(name).expect("the crate carries the vectors");
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let key = PublicKey::from_spki(&group.der, form).expect("each key is on P-256 and well encoded");
        assert_eq!(key.point()[..], group.key.key[..]);
        for test in group.tests {
            let holds = key.verify_signed(&test.msg, &test.sig).is_ok();
            // None is a matter of taste: what is merely tolerated by some does not hold here.
            assert_eq!(holds, test.result == TestResult::Valid, "{name:?} {}: {}", test.tc_id, test.comment);
            *(if holds { &mut valid } else { &mut invalid }) += 1;
        }
    }
    (valid, invalid)
}

#[test]
fn every_published_signature_in_der_is_judged_as_published() {
    assert_eq!(judged(TestName::EcdsaSecp256r1Sha256, SignatureForm::Der), (174, 310));
}

#[test]
fn every_published_signature_of_fixed_length_is_judged_as_published() {
    assert_eq!(judged(TestName::EcdsaSecp256r1Sha256P1363, SignatureForm::Fixed), (173, 89));
}

#[test]
fn der_that_is_not_strict_is_among_the_vectors_and_does_not_hold() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).expect("the crate carries the vectors");
    let tests: Vec<_> = set.test_groups.into_iter().flat_map(|group| group.tests).collect();
    for flag in [TestFlag::BerEncodedSignature, TestFlag::InvalidEncoding, TestFlag::MissingZero] {
        let flagged = tests.iter().filter(|test| test.flags.contains(&flag));
        assert!(flagged.clone().count() > 0, "{flag:?}");
        assert!(flagged.clone().all(|test| test.result != TestResult::Valid), "{flag:?}");
    }
}

#[test]
fn of_the_published_keys_those_are_read_that_have_our_one_encoding() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1).expect("the crate carries the vectors");
    let (mut read, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        match PublicKey::from_spki(&test.public_key, SignatureForm::Der) {
            Ok(key) => {
                assert_eq!(key.spki()[..], test.public_key[..], "{}", test.tc_id);
                read += 1;
            }
            Err(error) => {
                assert!(test.result != TestResult::Valid, "{}: {error}", test.tc_id);
                refused += 1;
            }
        }
    }
    // 330 valid ones, and 19 well encoded points that are off the curve or otherwise of no use to ECDH.
    assert_eq!((read, refused), (349, 263));
}
