//! What happens on one connection, so that it can be ended in time: whether a request ever came, and
//! which calls are under way.
//!
//! A call is under way from its headers to the last byte of its answer. The transport's own deadline
//! ends with the handler: an answer that its caller doesn't take would hold memory for as long as the
//! connection lasts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// One connection's calls.
#[derive(Debug, Default)]
pub(super) struct Activity {
    first: Notify,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    begun: u64,
    under_way: BTreeSet<u64>,
}

/// A call that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    /// A call has begun.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut calls = self.lock();
        let number = calls.begun;
        calls.begun += 1;
        calls.under_way.insert(number);
        drop(calls);
        if number == 0 {
            self.first.notify_one();
        }
        UnderWay { activity: Arc::clone(self), number }
    }

    /// Ready when the first call has begun.
    pub(super) async fn first_call(&self) {
        self.first.notified().await;
    }

    /// Ready when a call has been under way for `period` at least, and twice that at most.
    pub(super) async fn stuck(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut begun_before = 0;
        loop {
            ticks.tick().await;
            let calls = self.lock();
            if calls.under_way.first().is_some_and(|&oldest| oldest < begun_before) {
                return;
            }
            begun_before = calls.begun;
        }
    }

    // Each critical section leaves the numbers whole, so a panic elsewhere doesn't spoil them.
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.activity.lock().under_way.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn the_first_call_is_told_also_to_who_asks_later() {
        let activity = Arc::new(Activity::default());
        assert!(timeout(PERIOD, activity.first_call()).await.is_err());
        drop(activity.begin());
        timeout(PATIENCE, activity.first_call()).await.unwrap();
    }

    #[tokio::test]
    async fn calls_that_end_are_never_stuck_and_one_that_does_not_is() {
        let activity = Arc::new(Activity::default());
        let mut ticks = interval(PERIOD / 4);
        let traffic = async {
            let mut last = activity.begin();
            for _ in 0..40 {
                ticks.tick().await;
                let next = activity.begin();
                drop(std::mem::replace(&mut last, next));
            }
        };
        tokio::select! {
            () = traffic => {}
            () = activity.stuck(PERIOD) => panic!("no call lasted so long"),
        }
        let _held = activity.begin();
        timeout(PATIENCE, activity.stuck(PERIOD)).await.unwrap();
    }
}
