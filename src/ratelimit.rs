//! How often something may happen: GCRA over buckets that a source keeps; a read once; from how many
//! accounts at one place.
//!
//! The arithmetic is one pure function; a source only keeps one number a bucket and makes the
//! decision over all buckets of a call atomic. What the limits are, and what a call is charged for, is
//! the business of whoever calls. There are two sources: the memory of one process, and a Redis that
//! any number of them share.

pub mod breaker;
#[cfg(test)]
pub(crate) mod conformance;
pub mod gcra;
pub mod marks;
pub mod memory;
pub mod origin;
pub mod redis;
pub mod source;
pub mod spread;

pub use gcra::{Limit, Verdict, decide};
pub use memory::MemorySource;
pub use origin::origin_keys;
pub use source::{BucketKey, Charge, Source, SourceUnavailable, Taken};
