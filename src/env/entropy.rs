//! Randomness as an argument, and the few shapes of it that are asked for everywhere.
//!
//! The sources themselves are in `crypto`: the operating system's for production, a seeded one for
//! tests and simulation.

/// A source of bytes that nobody can foresee.
pub trait Entropy: Send + Sync {
    /// Fills all of `out`. There is no failure: without randomness a wallet must not run, so a
    /// source that has none ends the process.
    fn fill(&self, out: &mut [u8]);
}

/// 16 fresh bytes: a salt, a nonce, an opaque id.
pub fn bytes16(entropy: &dyn Entropy) -> [u8; 16] {
    let mut out = [0; 16];
    entropy.fill(&mut out);
    out
}

/// 32 fresh bytes: a key.
pub fn bytes32(entropy: &dyn Entropy) -> [u8; 32] {
    let mut out = [0; 32];
    entropy.fill(&mut out);
    out
}

/// A UUID of version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random bits.
///
/// The time in it keeps an index compact and is never trusted. A time before 1970 counts as 1970.
pub fn uuid_v7(entropy: &dyn Entropy, now_us: i64) -> [u8; 16] {
    let mut out = bytes16(entropy);
    let now_ms = u64::try_from(now_us / 1_000).unwrap_or(0);
    let [_, _, milliseconds @ ..] = now_ms.to_be_bytes();
    out[..6].copy_from_slice(&milliseconds);
    out[6] = 0x70 | (out[6] & 0x0f);
    out[8] = 0x80 | (out[8] & 0x3f);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0xff);
        }
    }

    #[test]
    fn a_version_7_uuid_has_the_time_the_version_and_the_variant_where_the_rfc_puts_them() {
        // RFC 9562, A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F is 0x017F22E279B0 ms.
        let uuid = uuid_v7(&Ones, 0x017F_22E2_79B0 * 1_000 + 999);
        assert_eq!(
            uuid,
            [0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7f, 0xff, 0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        );
    }

    #[test]
    fn a_time_before_the_epoch_counts_as_the_epoch() {
        assert_eq!(uuid_v7(&Ones, -5_000)[..6], [0; 6]);
    }

    #[test]
    fn the_arrays_are_filled_to_the_end() {
        assert_eq!(bytes16(&Ones), [0xff; 16]);
        assert_eq!(bytes32(&Ones), [0xff; 32]);
    }
}
