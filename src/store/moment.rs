//! Which moment a batch is of, or that nobody knows. What expires, expires by this moment, and the lane's
//! mark never falls: a wall clock that leaps forward and comes back would leave that mark ahead, and time
//! standing still under it.
//!
//! So the wall clock is held against three others before anything is stamped: this process's monotonic
//! clock, which nobody sets; the database's, where it has one; and the lane's mark. A batch that one of them
//! contradicts is not done, and its callers hear that the outcome is open. The process says so once, is not
//! ready meanwhile, and goes on by itself when the clocks agree again.
//!
//! A machine that slept has a monotonic clock that slept too: its process is started again. A clock that was
//! wrong when the process started is found by the mark and by the database alone.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::{error, warn};

use super::backend::BackendError;
use crate::domain::time::{SECOND_US, Timestamp};
use crate::env::clock::Clock;

/// A clock that is put right by and by gains so much: 1 ms a second, twice what NTP slews.
const DRIFT_PARTS: i64 = 1_000;

/// How far clocks may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockBounds {
    /// The wall clock ahead of the monotonic one, and on either side of the database's.
    pub difference_us: i64,
    /// The wall clock behind its lane's mark.
    pub behind_us: i64,
}

impl ClockBounds {
    /// The documented ones.
    pub const fn standard() -> Self {
        Self { difference_us: 5 * SECOND_US, behind_us: 30 * SECOND_US }
    }
}

/// What contradicts the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Implausible {
    /// It gained more than passed.
    Leapt(i64),
    /// It is ahead of the database's; behind, where it is negative.
    Database(i64),
    /// It is behind its lane's mark.
    Behind(i64),
}

impl fmt::Display for Implausible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |us: i64| us.unsigned_abs().div_ceil(SECOND_US.unsigned_abs());
        match self {
            Self::Leapt(us) => {
                write!(
                    f,
                    "this machine's clock leapt forward by {} s; if it slept, start again",
                    seconds(*us)
                )
            }
            Self::Database(us) => {
                let side = if *us < 0 { "behind" } else { "ahead of" };
                write!(f, "this machine's clock is {} s {side} the database's; set both by NTP", seconds(*us))
            }
            Self::Behind(us) => write!(
                f,
                "the journal's last time is {} s ahead of this machine's clock; set the clock, or wait until \
                 that time has come",
                seconds(*us)
            ),
        }
    }
}

/// Judges the moments of batches.
pub(super) struct Moments {
    clock: Arc<dyn Clock>,
    bounds: ClockBounds,
    /// The wall clock less the monotonic one as both were last believed, and when that was.
    offset_us: i64,
    believed_at_us: i64,
    found: Option<Implausible>,
    agree: watch::Sender<bool>,
}

/// The machine's clock when a transaction was begun.
#[derive(Clone, Copy)]
pub(super) struct Begun(Option<i64>);

impl Moments {
    /// Believes the clock as it is now.
    pub(super) fn new(clock: Arc<dyn Clock>, bounds: ClockBounds) -> Self {
        let now_us = clock.now_us();
        let believed_at_us = clock.monotonic_us();
        let offset_us = now_us.saturating_sub(believed_at_us);
        Self { clock, bounds, offset_us, believed_at_us, found: None, agree: watch::channel(true).0 }
    }

    /// Whether the clocks agree, from now on.
    pub(super) fn agreement(&self) -> watch::Receiver<bool> {
        self.agree.subscribe()
    }

    /// What contradicted the clock when it was last looked at.
    pub(super) fn found(&self) -> Option<Implausible> {
        self.found
    }

    /// Before the transaction is begun, and with it the database's clock read.
    pub(super) fn begin(&self) -> Begun {
        Begun(self.clock.machine_us())
    }

    /// The batch's moment: never below the lane's mark.
    pub(super) fn of_batch(
        &mut self,
        begun: Begun,
        database_us: Option<i64>,
        mark: Timestamp,
    ) -> Result<Timestamp, BackendError> {
        let judged = self.judge(begun, database_us, mark);
        self.tell(judged.err());
        judged.map_err(|_| BackendError::Clock)
    }

    fn judge(
        &mut self,
        begun: Begun,
        database_us: Option<i64>,
        mark: Timestamp,
    ) -> Result<Timestamp, Implausible> {
        // In this order: what passes in between must not look like a leap.
        let now_us = self.clock.now_us();
        let steady_us = self.clock.monotonic_us();
        let passed_us = steady_us.saturating_sub(self.believed_at_us).max(0);
        let drift_us = passed_us / DRIFT_PARTS;
        let gained_us = now_us.saturating_sub(steady_us).saturating_sub(self.offset_us);
        if gained_us > self.bounds.difference_us.saturating_add(drift_us) {
            return Err(Implausible::Leapt(gained_us));
        }
        if let (Some(database_us), Begun(Some(asked_us)), Some(heard_us)) =
            (database_us, begun, self.clock.machine_us())
        {
            // It was read in between.
            let ahead_us = asked_us.saturating_sub(database_us);
            let behind_us = database_us.saturating_sub(heard_us);
            if ahead_us > self.bounds.difference_us {
                return Err(Implausible::Database(ahead_us));
            }
            if behind_us > self.bounds.difference_us {
                return Err(Implausible::Database(behind_us.saturating_neg()));
            }
        }
        let behind_us = mark.0.saturating_sub(now_us);
        if behind_us > self.bounds.behind_us {
            return Err(Implausible::Behind(behind_us));
        }
        // It goes after the wall clock as slowly as that may drift, so small leaps do not add up.
        if passed_us >= SECOND_US {
            self.offset_us = self.offset_us.saturating_add(gained_us.clamp(-drift_us, drift_us));
            self.believed_at_us = steady_us;
        }
        Ok(mark.max(Timestamp(now_us)))
    }

    fn tell(&mut self, found: Option<Implausible>) {
        match (self.found, found) {
            (None, Some(why)) => error!("nothing is written any more: {why}"),
            (Some(_), None) => warn!("the clocks agree again: this process goes on"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        self.found = found;
        self.agree.send_if_modified(|agree| std::mem::replace(agree, found.is_none()) != found.is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::HOUR_US;
    use crate::env::clock::ManualClock;

    const START_US: i64 = 1_800_000_000_000_000;

    /// A machine's clock, beside a database's.
    struct Beside(ManualClock);

    impl Clock for Beside {
        fn now_us(&self) -> i64 {
            self.0.now_us()
        }
        fn monotonic_us(&self) -> i64 {
            self.0.monotonic_us()
        }
        fn machine_us(&self) -> Option<i64> {
            Some(self.0.now_us())
        }
    }

    fn moments() -> (Arc<Beside>, Moments) {
        let clock = Arc::new(Beside(ManualClock::new(START_US)));
        let moments = Moments::new(Arc::clone(&clock) as Arc<_>, ClockBounds::standard());
        (clock, moments)
    }

    fn look(moments: &mut Moments, database_us: Option<i64>, mark_us: i64) -> Option<Implausible> {
        let begun = moments.begin();
        let batch = moments.of_batch(begun, database_us, Timestamp(mark_us));
        assert_eq!(batch.is_err(), moments.found().is_some());
        assert_eq!(*moments.agreement().borrow(), batch.is_ok());
        moments.found()
    }

    #[test]
    fn a_leap_is_refused_until_the_clock_comes_back() {
        let (clock, mut moments) = moments();
        assert_eq!(look(&mut moments, None, 0), None);
        clock.0.jump_us(5 * SECOND_US);
        assert_eq!(look(&mut moments, None, 0), None, "as far as the bound");
        clock.0.jump_us(1);
        assert_eq!(look(&mut moments, None, 0), Some(Implausible::Leapt(5 * SECOND_US + 1)));
        clock.0.jump_us(-1);
        assert_eq!(look(&mut moments, None, 0), None);
        // Time that passes is none, however much.
        clock.0.advance_us(1_000 * HOUR_US);
        assert_eq!(look(&mut moments, None, 0), None);
    }

    #[test]
    fn a_clock_is_followed_as_slowly_as_it_may_drift_and_leaps_do_not_add_up() {
        let (clock, mut moments) = moments();
        // 1 ms a second, for an hour and a half: more than the bound in all.
        for _ in 0..5_400 {
            clock.0.advance_us(SECOND_US);
            clock.0.jump_us(SECOND_US / DRIFT_PARTS);
            assert_eq!(look(&mut moments, None, 0), None);
        }
        // 3 s every ten minutes: more than any clock drifts.
        let refused = (0..20).find(|_| {
            clock.0.advance_us(600 * SECOND_US);
            clock.0.jump_us(3 * SECOND_US);
            look(&mut moments, None, 0).is_some()
        });
        assert_eq!(refused, Some(2));
    }

    #[test]
    fn a_refused_clock_is_not_followed() {
        let (clock, mut moments) = moments();
        clock.0.jump_us(10 * SECOND_US);
        for _ in 0..3_600 {
            clock.0.advance_us(SECOND_US);
            assert!(matches!(look(&mut moments, None, 0), Some(Implausible::Leapt(_))));
            clock.0.jump_us(SECOND_US / DRIFT_PARTS);
        }
    }

    #[test]
    fn the_databases_clock_may_be_so_far_off_on_either_side() {
        let (_clock, mut moments) = moments();
        for (off_us, expected) in [
            (0, None),
            (5 * SECOND_US, None),
            (-5 * SECOND_US, None),
            (5 * SECOND_US + 1, Some(Implausible::Database(-5 * SECOND_US - 1))),
            (-5 * SECOND_US - 1, Some(Implausible::Database(5 * SECOND_US + 1))),
        ] {
            assert_eq!(look(&mut moments, Some(START_US + off_us), 0), expected, "{off_us}");
        }
    }

    #[test]
    fn a_clock_far_behind_its_lanes_mark_is_refused_and_a_little_behind_takes_the_mark() {
        let (clock, mut moments) = moments();
        let mark_us = START_US + 30 * SECOND_US;
        let begun = moments.begin();
        assert_eq!(moments.of_batch(begun, None, Timestamp(mark_us)), Ok(Timestamp(mark_us)));
        assert_eq!(look(&mut moments, None, mark_us + 1), Some(Implausible::Behind(30 * SECOND_US + 1)));
        clock.0.advance_us(1);
        assert_eq!(look(&mut moments, None, mark_us + 1), None, "it goes on by itself");
    }
}
