//! Marks of reads that were answered: a read's request id is good once.
//!
//! A source keeps a mark for as long as its read could pass again, so many of one key and no more, and
//! knows since when it has lost none. A read that was signed before that moment may have been
//! answered, and counts as stale. By the caller's clock, that is: a client whose clock is ahead signs
//! reads that outlive a loss by as much as it is ahead and the envelope tolerates.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::ratelimit::source::SourceUnavailable;

const SHARDS: usize = 16;

/// A read whose signature held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The key that signed it; a digest.
    pub key_id: [u8; 32],
    /// Its request id.
    pub request_id: [u8; 16],
    /// When it was signed, by the caller's clock.
    pub issued_at_us: i64,
    /// The present.
    pub now_us: i64,
}

/// How long marks are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Until no envelope with that request id can pass any more.
    pub kept_us: i64,
    /// As many reads of one key within that time.
    pub reads_per_key: usize,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is good, this once.
    Good,
    /// It was claimed before.
    Used,
    /// It was signed before the marks began: whether it was claimed is not known.
    Stale,
    /// The key reads too much.
    TooMany,
}

/// The answer of a source of marks, to be awaited.
pub type ClaimFuture<'a> = Pin<Box<dyn Future<Output = Result<Claimed, SourceUnavailable>> + Send + 'a>>;

/// Keeps marks. Of two claims for one read, one at most is good.
pub trait Marks: Send + Sync {
    /// Claims a read.
    fn claim<'a>(&'a self, read: &'a Read, terms: Terms) -> ClaimFuture<'a>;
}

/// Marks in the memory of one process, complete since it began.
pub struct MemoryMarks {
    since_us: i64,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    marks: HashMap<[u8; 32], HashMap<[u8; 16], i64>>,
    order: VecDeque<(i64, [u8; 32], [u8; 16])>,
}

impl MemoryMarks {
    /// None yet; reads issued before `since_us` are stale.
    pub fn new(since_us: i64) -> Self {
        Self { since_us, shards: std::array::from_fn(|_| Mutex::new(Shard::default())) }
    }

    /// The same as [`Marks::claim`], at once.
    pub fn claim_now(&self, read: &Read, terms: Terms) -> Claimed {
        if read.issued_at_us < self.since_us {
            return Claimed::Stale;
        }
        let shard = &self.shards[usize::from(read.key_id[0]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget_before(read.now_us);
        let marks = shard.marks.entry(read.key_id).or_default();
        // What ended is not forgotten in time when the clock was set back in between.
        let is_live = |until_us: &i64| *until_us >= read.now_us;
        if marks.get(&read.request_id).is_some_and(is_live) {
            return Claimed::Used;
        }
        if marks.len() >= terms.reads_per_key {
            return Claimed::TooMany;
        }
        let until_us = read.now_us.saturating_add(terms.kept_us);
        marks.insert(read.request_id, until_us);
        shard.order.push_back((until_us, read.key_id, read.request_id));
        Claimed::Good
    }
}

impl MemoryMarks {
    /// Takes a good claim back: the read was not answered, and may come again.
    pub fn release(&self, read: &Read) {
        let shard = &self.shards[usize::from(read.key_id[0]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(marks) = shard.marks.get_mut(&read.key_id) {
            marks.remove(&read.request_id);
        }
    }
}

impl Marks for MemoryMarks {
    fn claim<'a>(&'a self, read: &'a Read, terms: Terms) -> ClaimFuture<'a> {
        Box::pin(async move { Ok(self.claim_now(read, terms)) })
    }
}

impl Shard {
    fn forget_before(&mut self, now_us: i64) {
        while let Some((until_us, key_id, request_id)) = self.order.front().copied() {
            if until_us >= now_us {
                break;
            }
            self.order.pop_front();
            let Some(marks) = self.marks.get_mut(&key_id) else { continue };
            // The mark may have been claimed anew since.
            if marks.get(&request_id) == Some(&until_us) {
                marks.remove(&request_id);
            }
            if marks.is_empty() {
                self.marks.remove(&key_id);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod suite {
    //! What every source of marks must do.

    use super::*;

    pub(crate) const NOW_US: i64 = 1_800_000_000_000_000;
    const SECOND_US: i64 = 1_000_000;
    const TERMS: Terms = Terms { kept_us: 150 * SECOND_US, reads_per_key: 5 };

    pub(crate) fn read(key: u8, request: u8, now_us: i64) -> Read {
        Read { key_id: [key; 32], request_id: [request; 16], issued_at_us: now_us, now_us }
    }

    async fn claim(marks: &dyn Marks, read: Read) -> Claimed {
        marks.claim(&read, TERMS).await.expect("the marks under test are there")
    }

    /// Runs all of it on marks that began at [`NOW_US`] or begin with the first claim, by the
    /// caller's time.
    pub(crate) async fn marks_conform(marks: &dyn Marks) {
        a_read_is_good_once_until_its_mark_ends(marks).await;
        a_read_from_before_the_marks_is_stale(marks).await;
        a_key_has_so_many_marks_and_others_have_their_own(marks).await;
        of_copies_at_once_one_is_good(marks).await;
    }

    async fn a_read_is_good_once_until_its_mark_ends(marks: &dyn Marks) {
        assert_eq!(claim(marks, read(1, 1, NOW_US)).await, Claimed::Good);
        assert_eq!(claim(marks, read(1, 1, NOW_US)).await, Claimed::Used);
        assert_eq!(claim(marks, read(2, 1, NOW_US)).await, Claimed::Good, "a request id is its key's own");
        assert_eq!(claim(marks, read(1, 1, NOW_US + TERMS.kept_us)).await, Claimed::Used);
        assert_eq!(claim(marks, read(1, 1, NOW_US + TERMS.kept_us + 1)).await, Claimed::Good);
    }

    async fn a_read_from_before_the_marks_is_stale(marks: &dyn Marks) {
        let early = Read { issued_at_us: NOW_US - 1, ..read(3, 1, NOW_US + SECOND_US) };
        assert_eq!(claim(marks, early).await, Claimed::Stale);
        assert_eq!(claim(marks, Read { issued_at_us: NOW_US, ..early }).await, Claimed::Good);
    }

    async fn a_key_has_so_many_marks_and_others_have_their_own(marks: &dyn Marks) {
        for request in 0..5 {
            assert_eq!(claim(marks, read(4, request, NOW_US + i64::from(request))).await, Claimed::Good);
        }
        assert_eq!(claim(marks, read(4, 5, NOW_US + SECOND_US)).await, Claimed::TooMany);
        assert_eq!(claim(marks, read(5, 5, NOW_US + SECOND_US)).await, Claimed::Good);
        let over_us = NOW_US + TERMS.kept_us + 1;
        assert_eq!(claim(marks, read(4, 5, over_us)).await, Claimed::Good, "the first one's time is over");
        assert_eq!(claim(marks, read(4, 6, over_us)).await, Claimed::TooMany);
    }

    async fn of_copies_at_once_one_is_good(marks: &dyn Marks) {
        let copy = read(6, 1, NOW_US);
        let answers = futures_util::future::join_all((0..100).map(|_| marks.claim(&copy, TERMS))).await;
        let count = |claimed| answers.iter().filter(|answer| **answer == Ok(claimed)).count();
        assert_eq!((count(Claimed::Good), count(Claimed::Used)), (1, 99));
    }
}

#[cfg(test)]
mod tests {
    use super::suite::{NOW_US, marks_conform, read};
    use super::*;

    #[tokio::test]
    async fn marks_in_memory_do_what_all_marks_do() {
        marks_conform(&MemoryMarks::new(NOW_US)).await;
    }

    #[test]
    fn a_claim_that_was_taken_back_can_be_made_again() {
        let (marks, terms) = (MemoryMarks::new(NOW_US), Terms { kept_us: 10, reads_per_key: 1 });
        for _ in 0..3 {
            assert_eq!(marks.claim_now(&read(1, 1, NOW_US), terms), Claimed::Good);
            marks.release(&read(1, 1, NOW_US));
        }
        assert_eq!(marks.claim_now(&read(1, 2, NOW_US + 5), terms), Claimed::Good);
        assert_eq!(marks.claim_now(&read(1, 2, NOW_US + 11), terms), Claimed::Used, "its own mark remains");
    }

    #[test]
    fn what_has_ended_takes_no_memory() {
        let marks = MemoryMarks::new(NOW_US);
        let terms = Terms { kept_us: 10, reads_per_key: 100 };
        for request in 0..100 {
            assert_eq!(marks.claim_now(&read(0, request, NOW_US), terms), Claimed::Good);
        }
        assert_eq!(marks.claim_now(&read(16, 0, NOW_US + 11), terms), Claimed::Good);
        let shard = marks.shards[0].lock().unwrap();
        assert_eq!((shard.marks.len(), shard.order.len()), (1, 1));
    }
}
