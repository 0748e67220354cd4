//! Stamps: work that an anonymous call shows when too many come at once (hashcash, Back 2002). One costs
//! its maker many hashes and the server one; it is good for one request id of one key at one second.

use crate::crypto::hash::sha256;

/// Length of a stamp.
pub const STAMP_BYTES: usize = 8;

/// What a stamp is for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The deployment.
    pub audience: &'a str,
    /// The full gRPC method.
    pub method: &'a str,
    /// The calling key's id, as it is written on the wire.
    pub key_id: &'a str,
    /// The call's request id.
    pub request_id: &'a [u8],
    /// The seconds of the call's `issued_at`.
    pub issued_at_s: i64,
}

impl Subject<'_> {
    /// How many zero bits the hash over subject and stamp begins with.
    pub fn bits(&self, stamp: &[u8]) -> u32 {
        let digest = sha256(&[
            b"saifu stamp v1\n",
            self.audience.as_bytes(),
            b"\n",
            self.method.as_bytes(),
            b"\n",
            self.key_id.as_bytes(),
            b"\n",
            self.request_id,
            &self.issued_at_s.to_be_bytes(),
            stamp,
        ]);
        let zeros = digest.iter().take_while(|byte| **byte == 0).count();
        let next = digest.get(zeros).map_or(0, |byte| byte.leading_zeros());
        u32::try_from(zeros).unwrap_or(u32::MAX) * 8 + next
    }

    /// A stamp of at least so many bits; about 2^bits hashes.
    pub fn solve(&self, bits: u32) -> [u8; STAMP_BYTES] {
        (0..u64::MAX)
            .map(u64::to_be_bytes)
            .find(|stamp| self.bits(stamp) >= bits)
            .expect("one of 2^64 has so few zero bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject<'static> {
        Subject {
            audience: "wallet.example.jp",
            method: "/saifu.v1.EnrolmentService/Start",
            key_id: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            request_id: &[7; 16],
            issued_at_s: 1_767_582_000,
        }
    }

    #[test]
    fn a_stamp_is_the_first_that_another_implementation_finds() {
        // Computed with Python's hashlib.
        assert_eq!(subject().solve(16), STAMP_16.to_be_bytes());
        assert_eq!(subject().bits(&STAMP_16.to_be_bytes()), BITS_16);
    }

    const STAMP_16: u64 = 39_123;
    const BITS_16: u32 = 16;

    #[test]
    fn a_stamp_is_good_for_its_own_call_alone() {
        let stamp = subject().solve(12);
        for other in [
            Subject { audience: "wallet.example.com", ..subject() },
            Subject { method: "/saifu.v1.RecoveryService/Start", ..subject() },
            Subject { key_id: "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ..subject() },
            Subject { request_id: &[8; 16], ..subject() },
            Subject { issued_at_s: 1_767_582_001, ..subject() },
        ] {
            assert!(other.bits(&stamp) < 12, "{other:?}");
        }
    }
}
