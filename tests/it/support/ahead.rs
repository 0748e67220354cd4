//! A wallet's clock that follows a sandbox's, which was put forward.

use std::sync::atomic::{AtomicI64, Ordering};

use saifu::env::clock::{Clock, SystemClock};

/// The machine's clock, and how many microseconds the sandbox's is ahead of it.
#[derive(Default)]
pub struct Ahead(pub AtomicI64);

impl Clock for Ahead {
    fn now_us(&self) -> i64 {
        SystemClock.now_us() + self.0.load(Ordering::SeqCst)
    }

    fn monotonic_us(&self) -> i64 {
        SystemClock.monotonic_us()
    }

    fn machine_us(&self) -> Option<i64> {
        SystemClock.machine_us()
    }
}
