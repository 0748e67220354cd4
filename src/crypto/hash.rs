//! SHA-256, HMAC-SHA-256 over unambiguous input, and comparison in constant time.

use ring::{digest, hmac};

/// SHA-256 over the parts, one after the other.
///
/// The parts are joined without separators: `["ab", "c"]` and `["a", "bc"]` give the same digest.
/// Use it where at most one part varies in length, or where a format elsewhere fixes the bytes.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// Whether `a` and `b` are equal. The time depends on the lengths only, never on the content.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    #[expect(deprecated, reason = "ring's own comparison; it names no successor")]
    ring::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// HMAC-SHA-256 (RFC 2104) over bytes as they are, for formats that others define. What is ours goes
/// through [`MacKey`], whose parts cannot be taken for one another.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
}

/// A key of HMAC-SHA-256.
pub struct MacKey {
    key: hmac::Key,
}

impl MacKey {
    /// Makes a key of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) }
    }

    /// The tag of these parts. Each part goes in behind its length (u64, big-endian), so no two
    /// different lists of parts are ever one input.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }

    /// Whether `tag` is the tag of these parts; in constant time.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        equal(&self.tag(parts), tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_matches_fips_180_4() {
        let abc = sha256(&[b"a", b"", b"bc"]);
        assert_eq!(
            abc,
            [
                0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
                0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
                0x15, 0xad
            ]
        );
    }

    #[test]
    fn hmac_sha256_matches_rfc_4231() {
        // Test case 2: a key shorter than the hash.
        let tag = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(tag[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert_eq!(tag[24..], [0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43]);
    }

    #[test]
    fn a_tag_is_hmac_sha256_over_length_prefixed_parts() {
        // Computed with another implementation: HMAC-SHA-256, key 00..1f, over
        // 0000000000000002 "ab" 0000000000000001 "c".
        let key: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(MacKey::new(key).tag(&[b"ab", b"c"]), TAG_OF_AB_C);
    }

    #[test]
    fn where_one_part_ends_and_the_next_begins_is_part_of_the_tag() {
        let key = MacKey::new([7; 32]);
        let tags = [
            key.tag(&[b"ab", b"c"]),
            key.tag(&[b"a", b"bc"]),
            key.tag(&[b"abc"]),
            key.tag(&[b"abc", b""]),
            key.tag(&[b"", b"abc"]),
        ];
        for (i, tag) in tags.iter().enumerate() {
            assert!(!tags[..i].contains(tag), "{i}");
        }
    }

    #[test]
    fn only_the_same_key_and_parts_verify() {
        let key = MacKey::new([7; 32]);
        let tag = key.tag(&[b"a"]);
        assert!(key.verify(&[b"a"], &tag));
        assert!(!key.verify(&[b"b"], &tag));
        assert!(!key.verify(&[b"a"], &tag[..31]));
        assert!(!key.verify(&[b"a"], &[]));
        assert!(!MacKey::new([8; 32]).verify(&[b"a"], &tag));
    }

    #[test]
    fn equality_is_of_length_and_content() {
        assert!(equal(b"", b"") && equal(b"ab", b"ab"));
        assert!(!equal(b"ab", b"ac") && !equal(b"ab", b"a") && !equal(b"", b"a"));
    }

    const TAG_OF_AB_C: [u8; 32] = [
        0x17, 0xec, 0xa1, 0xf3, 0xcf, 0x4e, 0x1f, 0x92, 0xcd, 0x41, 0x5f, 0x54, 0xde, 0x51, 0x21, 0xe3, 0x67,
        0xcb, 0xc2, 0x09, 0xed, 0xff, 0x96, 0xda, 0x28, 0x7c, 0x5c, 0xd4, 0x32, 0xcf, 0x9a, 0x46,
    ];
}
