//! A client's clock: the machine's, put forward or back by what the server says about the time.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::time::SECOND_US;
use crate::env::{Clock, SystemClock};

/// A clock that goes after a server's.
#[derive(Debug, Default)]
pub struct FollowingClock {
    offset_us: AtomicI64,
}

impl FollowingClock {
    /// Shows the server's time from now on, late by as long as the server's answer travelled.
    pub fn follow(&self, server_now_us: i64) {
        let offset_us = server_now_us.saturating_sub(SystemClock.now_us());
        self.offset_us.store(offset_us, Ordering::SeqCst);
    }
}

impl Clock for FollowingClock {
    fn now_us(&self) -> i64 {
        SystemClock.now_us().saturating_add(self.offset_us.load(Ordering::SeqCst))
    }

    fn monotonic_us(&self) -> i64 {
        SystemClock.monotonic_us()
    }

    fn machine_us(&self) -> Option<i64> {
        SystemClock.machine_us()
    }
}

/// A moment of the wire, in microseconds since the Unix epoch.
pub fn moment_us(moment: &prost_types::Timestamp) -> i64 {
    moment.seconds.saturating_mul(SECOND_US).saturating_add(i64::from(moment.nanos) / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_machine_s_time_until_it_is_told_another() {
        let clock = FollowingClock::default();
        let before_us = SystemClock.now_us();
        assert!((before_us..before_us + SECOND_US).contains(&clock.now_us()));
        let tomorrow_us = SystemClock.now_us() + 86_400 * SECOND_US;
        clock.follow(tomorrow_us);
        assert!((tomorrow_us..tomorrow_us + SECOND_US).contains(&clock.now_us()));
    }

    #[test]
    fn a_moment_of_the_wire_is_read_to_the_microsecond() {
        let moment = prost_types::Timestamp { seconds: 2, nanos: 345_678_999 };
        assert_eq!(moment_us(&moment), 2_345_678);
    }
}
