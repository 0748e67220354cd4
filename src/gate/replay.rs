//! A read's request id is a nonce: good once within the window, claimed after the signature.
//!
//! It is claimed in this process, and then where the processes share their marks. Each alone refuses:
//! this process' marks were lost when it started, the shared ones when their Redis was, and reads issued
//! before such a moment count as stale.
//!
//! While Redis is away this process' marks are all there is: a read that it answers can be answered once
//! more by another process, within the window. Nothing is changed by a read, so that is accepted rather
//! than that nobody sees his balance.

use std::sync::Arc;

use super::rejection::Rejection;
use super::signature::{MAX_AGE_US, MAX_AHEAD_US};
use crate::domain::command::Signed;
use crate::domain::time::Timestamp;
use crate::ratelimit::marks::{Claimed, Marks, MemoryMarks, Read, Terms};
use crate::ratelimit::source::SourceUnavailable;

/// A mark is kept until no envelope with its request id can pass any more. Past so many reads within
/// that time the key is throttled.
const TERMS: Terms = Terms { kept_us: MAX_AGE_US + MAX_AHEAD_US, reads_per_key: 1_024 };

/// Reads that were answered.
pub struct ReadMarks {
    own: MemoryMarks,
    shared: Option<Arc<dyn Marks>>,
}

impl ReadMarks {
    /// None yet in this process; reads issued before `since` are stale.
    pub fn new(since: Timestamp, shared: Option<Arc<dyn Marks>>) -> Self {
        Self { own: MemoryMarks::new(since.0), shared }
    }

    /// Claims a read's request id.
    pub async fn claim(
        &self,
        signed: &Signed,
        issued_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let read = Read {
            key_id: signed.key_id.0,
            request_id: signed.request_id.0,
            issued_at_us: issued_at.0,
            now_us: now.0,
        };
        judged(self.own.claim_now(&read, TERMS), now)?;
        let Some(shared) = &self.shared else { return Ok(()) };
        match shared.claim(&read, TERMS).await {
            Ok(claimed) => {
                // Whoever is told to sign it again may do so under the same request id.
                if matches!(claimed, Claimed::Stale | Claimed::TooMany) {
                    self.own.release(&read);
                }
                judged(claimed, now)
            }
            Err(SourceUnavailable) => Ok(()),
        }
    }
}

fn judged(claimed: Claimed, now: Timestamp) -> Result<(), Rejection> {
    match claimed {
        Claimed::Good => Ok(()),
        Claimed::Used => Err(Rejection::Unauthenticated),
        Claimed::Stale => Err(Rejection::ClockSkew { now }),
        Claimed::TooMany => Err(Rejection::Throttled { retry_after_us: TERMS.kept_us }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Evidence;
    use crate::domain::id::{KeyId, RequestId};
    use crate::domain::time::SECOND_US;
    use crate::ratelimit::redis::Redis;
    use crate::ratelimit::redis::settings::{RedisSettings, TimeBase};

    const START: Timestamp = Timestamp(1_800_000_000_000_000);

    fn signed() -> Signed {
        Signed {
            key_id: KeyId([1; 32]),
            request_id: RequestId([2; 16]),
            digest: [0; 32],
            payload_hash: [0; 32],
            evidence: Evidence { method: "", payload: Vec::new(), signature: Vec::new() },
        }
    }

    async fn claim(marks: &ReadMarks, issued_at: Timestamp) -> Result<(), Rejection> {
        marks.claim(&signed(), issued_at, START.plus_us(SECOND_US)).await
    }

    #[tokio::test]
    async fn a_read_answered_by_one_process_is_refused_by_the_other() {
        let shared: Arc<dyn Marks> = Arc::new(MemoryMarks::new(START.0));
        let [one, other] = [0, 1].map(|_| ReadMarks::new(START, Some(Arc::clone(&shared))));
        assert_eq!(claim(&one, START).await, Ok(()));
        assert_eq!(claim(&one, START).await, Err(Rejection::Unauthenticated));
        assert_eq!(claim(&other, START).await, Err(Rejection::Unauthenticated));
    }

    #[tokio::test]
    async fn a_read_from_before_the_process_or_the_shared_marks_is_stale() {
        let now = START.plus_us(SECOND_US);
        for (own, shared) in [(0, 1), (1, 0)] {
            let shared: Arc<dyn Marks> = Arc::new(MemoryMarks::new(START.0 + shared));
            let marks = ReadMarks::new(START.plus_us(own), Some(shared));
            assert_eq!(claim(&marks, START).await, Err(Rejection::ClockSkew { now }), "{own}");
            let again = claim(&marks, START.plus_us(1)).await;
            assert_eq!(again, Ok(()), "signed again, it is good under the same request id");
        }
    }

    #[tokio::test]
    async fn while_redis_is_away_a_process_refuses_what_it_answered_itself() {
        // A port that was free a moment ago: nobody answers there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("redis://127.0.0.1:{port}");
        let away = Redis::new(&RedisSettings::new(&url, None, TimeBase::Redis).unwrap());
        let marks = ReadMarks::new(START, Some(Arc::new(away)));
        assert_eq!(claim(&marks, START).await, Ok(()));
        assert_eq!(claim(&marks, START).await, Err(Rejection::Unauthenticated));
    }
}
