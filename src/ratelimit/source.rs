//! Where buckets are kept, and what a call is charged with.

use std::fmt;
use std::pin::Pin;

use crate::crypto::hash::sha256;
use crate::ratelimit::gcra::Limit;

/// Names a bucket. It is a digest: never caller text, and the same length for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey([u8; 16]);

impl BucketKey {
    /// The bucket of `id` among those of one kind. 128 bits of SHA-256 over both behind their lengths.
    pub fn new(kind: &'static str, id: &[u8]) -> Self {
        let lengths = [kind.len() as u64, id.len() as u64].map(u64::to_be_bytes);
        let digest = sha256(&[&lengths[0], kind.as_bytes(), &lengths[1], id]);
        Self(*digest.first_chunk().expect("a digest of 32 bytes has 16"))
    }

    /// The key as bytes, evenly distributed.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// One bucket that a call draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The bucket.
    pub key: BucketKey,
    /// Its limit. One bucket is always charged under the same limit.
    pub limit: Limit,
    /// How many events this call counts as.
    pub cost: u32,
}

/// What became of a call's charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Every bucket had room and was charged.
    Allowed,
    /// At least one had none, and none was charged.
    Denied {
        /// When all of them would have room if nothing else comes, µs from now.
        retry_after_us: i64,
        /// Which of them, counted from 0, is waited for longest; of several the first.
        at: usize,
    },
}

/// The answer of a source, to be awaited.
pub type TakeFuture<'a> = Pin<Box<dyn Future<Output = Result<Taken, SourceUnavailable>> + Send + 'a>>;

/// Keeps buckets. All charges of one call are taken or none is, and two calls never take the same
/// room.
pub trait Source: Send + Sync {
    /// Draws on every bucket, or on none. A source with a clock of its own may prefer it to `now_us`.
    fn take<'a>(&'a self, now_us: i64, charges: &'a [Charge]) -> TakeFuture<'a>;
}

/// The buckets could not be reached; what that means for the call is the caller's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceUnavailable;

impl fmt::Display for SourceUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rate limiter's buckets cannot be reached")
    }
}

impl std::error::Error for SourceUnavailable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_its_kind_and_its_id() {
        assert_eq!(BucketKey::new("ab", b"c"), BucketKey::new("ab", b"c"));
        assert_ne!(BucketKey::new("ab", b"c"), BucketKey::new("a", b"bc"));
        assert_ne!(BucketKey::new("ab", b"c"), BucketKey::new("ab", b"d"));
        assert_ne!(BucketKey::new("ab", b"c"), BucketKey::new("abc", b""));
    }
}
