//! A closed loop of calls: so many under way at a time, the next one as soon as one is answered.
//!
//! The calls are signed before the clock starts, so that the client's own work weighs as little as
//! possible. The loop ends with its time or with its calls, and waits for what is under way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::Status;
use tonic::transport::Channel;

use crate::client::unary;
use crate::env::Stopwatch;
use crate::pb;

/// A call, ready to be sent.
pub type Call = (&'static str, pb::Envelope);

/// Latencies are told apart from 1 µs to 60 s, to three digits.
const LATENCY_US_MAX: u64 = 60_000_000;
const LATENCY_DIGITS: u8 = 3;

/// What became of one round.
pub struct Round {
    /// Calls answered well.
    pub ok: u64,
    /// Calls refused or lost.
    pub errors: u64,
    /// What the first of those was.
    pub first_error: Option<Status>,
    /// From the start to the last answer, in µs.
    pub elapsed_us: u64,
    /// Of the calls answered well, in µs.
    pub latencies_us: Histogram<u64>,
}

impl Round {
    /// A round in which nothing happened yet.
    pub fn empty() -> Self {
        let latencies_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, LATENCY_DIGITS)
            .expect("the bounds are a range and three digits are few");
        Self { ok: 0, errors: 0, first_error: None, elapsed_us: 0, latencies_us }
    }

    /// Adds another round's calls and time to this one's.
    pub fn add(&mut self, other: Self) {
        let elapsed_us = self.elapsed_us + other.elapsed_us;
        self.add_calls(other);
        self.elapsed_us = elapsed_us;
    }

    /// Calls answered well in a second.
    pub fn per_s(&self) -> f64 {
        real(self.ok) * 1e6 / real(self.elapsed_us.max(1))
    }

    fn add_calls(&mut self, other: Self) {
        self.ok += other.ok;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.latencies_us.add(&other.latencies_us).expect("all histograms have the same bounds");
    }

    fn count(&mut self, answer: Result<pb::PayReply, Status>, latency_us: u64) {
        match answer {
            Ok(_reply) => {
                self.ok += 1;
                self.latencies_us.saturating_record(latency_us);
            }
            Err(status) => {
                self.errors += 1;
                self.first_error.get_or_insert(status);
            }
        }
    }
}

/// Sends the calls over the channels in turn, `in_flight` at a time, for `duration` at most.
pub async fn run(channels: &[Channel], calls: Vec<Call>, in_flight: u32, duration: Duration) -> Round {
    let calls = Arc::new(Mutex::new(calls.into_iter()));
    let watch = Stopwatch::start();
    let until_us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let mut callers = JoinSet::new();
    for channel in channels.iter().cycle().take(in_flight as usize) {
        callers.spawn(call_until(watch, until_us, channel.clone(), Arc::clone(&calls)));
    }
    let mut round = Round::empty();
    for caller in callers.join_all().await {
        round.add_calls(caller);
    }
    round.elapsed_us = elapsed_us(watch);
    round
}

async fn call_until(
    watch: Stopwatch,
    until_us: i64,
    channel: Channel,
    calls: Arc<Mutex<std::vec::IntoIter<Call>>>,
) -> Round {
    let mut round = Round::empty();
    while watch.elapsed_us() < until_us {
        let next = calls.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((method, envelope)) = next else { break };
        let call = Stopwatch::start();
        let answer = unary::<pb::PayReply>(&channel, method, envelope).await;
        round.count(answer, elapsed_us(call));
    }
    round
}

fn elapsed_us(watch: Stopwatch) -> u64 {
    u64::try_from(watch.elapsed_us()).expect("a stopwatch never runs backwards")
}

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "figures of a measurement are far below 2^53")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_add_up_and_the_first_error_stays() {
        let mut all = Round::empty();
        for (ok, errors, elapsed_us) in [(10, 0, 1_000_000), (20, 1, 2_000_000), (30, 1, 3_000_000)] {
            let mut round = Round { elapsed_us, ..Round::empty() };
            for _ in 0..ok {
                round.count(Ok(pb::PayReply::default()), 500);
            }
            for _ in 0..errors {
                round.count(Err(Status::unavailable(format!("at {ok}"))), 500);
            }
            all.add(round);
        }
        assert_eq!((all.ok, all.errors, all.elapsed_us), (60, 2, 6_000_000));
        assert_eq!(all.latencies_us.len(), 60, "errors have no latency");
        assert_eq!(all.first_error.as_ref().map(Status::message), Some("at 20"));
        assert!((all.per_s() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_latency_beyond_the_bounds_is_kept_at_the_bound() {
        let mut round = Round::empty();
        round.count(Ok(pb::PayReply::default()), 10 * LATENCY_US_MAX);
        assert_eq!(round.latencies_us.len(), 1);
    }
}
