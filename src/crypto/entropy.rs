//! The two sources of randomness: the operating system, and a seed for tests and simulation.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::crypto::hash::sha256;
use crate::env::Entropy;

/// The operating system's random generator.
pub struct SystemEntropy {
    source: SystemRandom,
}

impl SystemEntropy {
    /// Opens the operating system's generator.
    pub fn new() -> Self {
        Self { source: SystemRandom::new() }
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        if self.source.fill(out).is_err() {
            // Keys, nonces and codes made without randomness would be worse than no service, and a
            // panic could be caught somewhere: the process ends here.
            eprintln!("saifu: the operating system gives no randomness; the process ends");
            std::process::abort();
        }
    }
}

/// Bytes that follow from a seed: SHA-256 over the seed and a counter.
///
/// For tests and simulation only. Whoever knows the seed knows every byte.
pub struct SeededEntropy {
    seed: u64,
    next_block: AtomicU64,
}

impl SeededEntropy {
    /// The same seed gives the same bytes to the same sequence of calls.
    pub fn new(seed: u64) -> Self {
        Self { seed, next_block: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = self.next_block.fetch_add(1, Ordering::Relaxed);
            let bytes = sha256(&[b"saifu seeded entropy", &self.seed.to_be_bytes(), &block.to_be_bytes()]);
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{bytes16, bytes32};

    #[test]
    fn the_system_gives_other_bytes_each_time() {
        let entropy = SystemEntropy::new();
        assert_ne!(bytes32(&entropy), bytes32(&entropy));
    }

    #[test]
    fn a_seed_repeats_itself_and_no_other_seed() {
        let (one, same, other) = (SeededEntropy::new(1), SeededEntropy::new(1), SeededEntropy::new(2));
        let first = bytes32(&one);
        assert_eq!(first, bytes32(&same));
        assert_ne!(first, bytes32(&other));
        assert_ne!(first, bytes32(&one), "the counter moves on");
    }

    #[test]
    fn a_long_request_is_filled_to_its_end_without_repeating_a_block() {
        let mut out = [0; 70];
        SeededEntropy::new(3).fill(&mut out);
        assert_ne!(out[..32], out[32..64]);
        assert_ne!(out[64..], [0; 6]);
        let short = SeededEntropy::new(3);
        assert_eq!(bytes16(&short), out[..16]);
    }
}
