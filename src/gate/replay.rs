//! A read's request id is a nonce: good once within the window, claimed after the signature.
//!
//! The marks are this process's own. When it starts they are lost, so reads issued before that
//! moment count as stale.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::rejection::Rejection;
use super::signature::{MAX_AGE_US, MAX_AHEAD_US};
use crate::domain::command::Signed;
use crate::domain::id::{KeyId, RequestId};
use crate::domain::time::Timestamp;

const SHARDS: usize = 16;
/// As many reads of one key within the window; past it the key is throttled.
const READS_PER_KEY: usize = 1_024;
/// A mark is kept until no envelope with its request id can pass any more.
const KEPT_US: i64 = MAX_AGE_US + MAX_AHEAD_US;

/// Reads that were answered.
pub struct ReadMarks {
    since: Timestamp,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    marks: HashMap<KeyId, HashMap<RequestId, Timestamp>>,
    order: VecDeque<(Timestamp, KeyId, RequestId)>,
}

impl ReadMarks {
    /// None yet; reads issued before `since` are stale.
    pub fn new(since: Timestamp) -> Self {
        Self { since, shards: std::array::from_fn(|_| Mutex::new(Shard::default())) }
    }

    /// Claims a read's request id.
    pub fn claim(&self, signed: &Signed, issued_at: Timestamp, now: Timestamp) -> Result<(), Rejection> {
        if issued_at < self.since {
            return Err(Rejection::ClockSkew { now });
        }
        let shard = &self.shards[usize::from(signed.key_id.0[0]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget_before(now);
        let marks = shard.marks.entry(signed.key_id).or_default();
        if marks.contains_key(&signed.request_id) {
            return Err(Rejection::Unauthenticated);
        }
        if marks.len() >= READS_PER_KEY {
            return Err(Rejection::Throttled { retry_after_us: KEPT_US });
        }
        let until = now.plus_us(KEPT_US);
        marks.insert(signed.request_id, until);
        shard.order.push_back((until, signed.key_id, signed.request_id));
        Ok(())
    }
}

impl Shard {
    fn forget_before(&mut self, now: Timestamp) {
        while let Some((until, key_id, request_id)) = self.order.front().copied() {
            if until >= now {
                break;
            }
            self.order.pop_front();
            if let Some(marks) = self.marks.get_mut(&key_id) {
                marks.remove(&request_id);
                if marks.is_empty() {
                    self.marks.remove(&key_id);
                }
            }
        }
    }
}
