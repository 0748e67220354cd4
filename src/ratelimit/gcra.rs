//! The generic cell rate algorithm (ITU-T I.371), as arithmetic on microseconds.
//!
//! A bucket is one number, the theoretical arrival time: when the next event would come if events
//! came evenly. Each event moves it on by one interval, and it may run ahead of the present by as many
//! intervals as the burst has events.

/// How many events may come at once, and how often one more may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    burst: u32,
    interval_us: i64,
}

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

impl Limit {
    /// `burst` events at once and one more each `interval_us`; nothing unless both are positive.
    pub const fn new(burst: u32, interval_us: i64) -> Option<Self> {
        if burst == 0 || interval_us <= 0 { None } else { Some(Self { burst, interval_us }) }
    }

    /// `n` a second on the long run, `burst` at once.
    ///
    /// # Panics
    ///
    /// If `n` or `burst` is 0; for a constant, that is when it is compiled.
    pub const fn per_second(n: u32, burst: u32) -> Self {
        Self::per(SECOND_US, n, burst)
    }

    /// `n` a minute on the long run, `burst` at once; see [`Limit::per_second`].
    pub const fn per_minute(n: u32, burst: u32) -> Self {
        Self::per(MINUTE_US, n, burst)
    }

    /// `n` an hour on the long run, `burst` at once; see [`Limit::per_second`].
    pub const fn per_hour(n: u32, burst: u32) -> Self {
        Self::per(60 * MINUTE_US, n, burst)
    }

    /// `n` a day on the long run, `burst` at once; see [`Limit::per_second`].
    pub const fn per_day(n: u32, burst: u32) -> Self {
        Self::per(DAY_US, n, burst)
    }

    /// At most `n` in any period of so many hours, half of them at once; `n` is at least 2.
    ///
    /// # Panics
    ///
    /// If `n` is below 2 or `hours` is 0; for a constant, that is when it is compiled.
    pub const fn at_most(n: u32, hours: u32) -> Self {
        assert!(n >= 2 && hours > 0, "half of it comes at once, half in the course of the period");
        let period_us = 60 * MINUTE_US * hours as i64;
        Self { burst: n / 2, interval_us: rounded_up(period_us, n - n / 2) }
    }

    /// The same limit, `factor` times as wide, in the burst and on the long run. A factor of 0 counts
    /// as 1.
    #[must_use]
    pub fn times(&self, factor: u32) -> Self {
        let factor = factor.max(1);
        Self { burst: self.burst.saturating_mul(factor), interval_us: rounded_up(self.interval_us, factor) }
    }

    /// How many events may come at once.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// The time in which one event is earned back.
    pub const fn interval_us(&self) -> i64 {
        self.interval_us
    }

    const fn per(period_us: i64, n: u32, burst: u32) -> Self {
        assert!(n > 0 && burst > 0, "a limit that lets nothing through is none");
        Self { burst, interval_us: rounded_up(period_us, n) }
    }

    /// How far the arrival time may lie ahead of the present.
    pub fn tolerance_us(&self) -> i64 {
        self.interval_us.saturating_mul(i64::from(self.burst))
    }
}

// Rather a little under a rate than over it.
const fn rounded_up(period_us: i64, n: u32) -> i64 {
    (period_us - 1) / n as i64 + 1
}

/// What the arithmetic says of one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may happen; keep the new arrival time.
    Allowed {
        /// The arrival time to keep, µs since the epoch.
        new_tat_us: i64,
    },
    /// It may not; keep what was kept.
    Denied {
        /// When the same charge would pass if nothing else comes, µs from now.
        retry_after_us: i64,
    },
}

/// Whether an event that counts as `cost` may happen now.
///
/// `tat_us` is the kept arrival time; a bucket without one is untouched. A cost above the burst never
/// passes. An arrival time further ahead than the burst permits was written before the clock was set
/// back: it counts as a bucket that is just spent, so nobody is locked out for the difference.
pub fn decide(tat_us: Option<i64>, now_us: i64, limit: &Limit, cost: u32) -> Verdict {
    let horizon_us = now_us.saturating_add(limit.tolerance_us());
    let tat_us = tat_us.unwrap_or(now_us).clamp(now_us, horizon_us);
    let new_tat_us = tat_us.saturating_add(limit.interval_us.saturating_mul(i64::from(cost)));
    // Saturated sums would be equal; a cost above the burst is therefore asked about by itself.
    if cost <= limit.burst && new_tat_us <= horizon_us {
        Verdict::Allowed { new_tat_us }
    } else {
        Verdict::Denied { retry_after_us: new_tat_us.saturating_sub(horizon_us).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_US: i64 = 1_000_000_000;
    // Three at once, one each 10 µs.
    const LIMIT: Limit = Limit { burst: 3, interval_us: 10 };

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        for (tat_us, cost, expected) in [
            (None, 1, Verdict::Allowed { new_tat_us: NOW_US + 10 }),
            (None, 3, Verdict::Allowed { new_tat_us: NOW_US + 30 }),
            (Some(NOW_US + 20), 1, Verdict::Allowed { new_tat_us: NOW_US + 30 }),
            (Some(NOW_US + 21), 1, Verdict::Denied { retry_after_us: 1 }),
            (Some(NOW_US + 30), 1, Verdict::Denied { retry_after_us: 10 }),
            (Some(NOW_US + 30), 3, Verdict::Denied { retry_after_us: 30 }),
            (Some(NOW_US + 30), 0, Verdict::Allowed { new_tat_us: NOW_US + 30 }),
        ] {
            assert_eq!(decide(tat_us, NOW_US, &LIMIT, cost), expected, "{tat_us:?} {cost}");
        }
    }

    #[test]
    fn at_most_so_many_come_in_any_period() {
        for n in [2, 3, 7, 100] {
            let limit = Limit::at_most(n, 1);
            let (mut tat_us, mut passed) = (None, Vec::new());
            for at_us in (0..3 * 60).map(|minute| minute * MINUTE_US) {
                while let Verdict::Allowed { new_tat_us } = decide(tat_us, at_us, &limit, 1) {
                    tat_us = Some(new_tat_us);
                    passed.push(at_us);
                }
            }
            let most = (0..3 * 60).map(|minute| minute * MINUTE_US).map(|from_us| {
                passed.iter().filter(|at_us| (from_us..from_us + 60 * MINUTE_US).contains(*at_us)).count()
            });
            let (most, n) = (most.max().unwrap(), usize::try_from(n).unwrap());
            assert!((n - 1..=n).contains(&most), "{most} within an hour, of {n}");
        }
    }

    #[test]
    fn a_long_rest_earns_a_burst_and_not_more() {
        assert_eq!(decide(Some(5), NOW_US, &LIMIT, 3), Verdict::Allowed { new_tat_us: NOW_US + 30 });
        assert_eq!(decide(Some(5), NOW_US, &LIMIT, 4), Verdict::Denied { retry_after_us: 10 });
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let before_us = NOW_US + 1_000_000;
        assert_eq!(decide(Some(before_us), NOW_US, &LIMIT, 1), Verdict::Denied { retry_after_us: 10 });
        assert_eq!(
            decide(Some(before_us), NOW_US + 1_000_000, &LIMIT, 1),
            Verdict::Allowed { new_tat_us: before_us + 10 }
        );
    }

    #[test]
    fn rates_are_rounded_to_the_strict_side() {
        assert_eq!(Limit::per_second(3, 1).interval_us(), 333_334);
        assert_eq!(Limit::per_second(u32::MAX, 1).interval_us(), 1);
        assert_eq!(Limit::per_minute(60, 5), Limit { burst: 5, interval_us: 1_000_000 });
        assert_eq!(Limit::per_day(3, 3).interval_us(), 28_800_000_000);
    }

    #[test]
    fn a_wider_limit_is_wider_in_burst_and_rate() {
        assert_eq!(LIMIT.times(4), Limit { burst: 12, interval_us: 3 });
        assert_eq!(LIMIT.times(0), LIMIT);
        assert_eq!(LIMIT.times(100).interval_us(), 1);
    }

    #[test]
    fn a_limit_of_nothing_cannot_be_had() {
        assert_eq!(Limit::new(0, 10), None);
        assert_eq!(Limit::new(1, 0), None);
        assert_eq!(Limit::new(1, -1), None);
        assert!(std::panic::catch_unwind(|| Limit::per_second(0, 1)).is_err());
        assert!(std::panic::catch_unwind(|| Limit::per_second(1, 0)).is_err());
    }

    proptest! {
        #[test]
        fn extremes_neither_overflow_nor_let_more_than_the_burst_through(
            tat_us in proptest::option::of(any::<i64>()),
            now_us: i64,
            burst in 1..=u32::MAX,
            interval_us in 1..=i64::MAX,
            cost: u32,
        ) {
            let limit = Limit::new(burst, interval_us).unwrap();
            match decide(tat_us, now_us, &limit, cost) {
                Verdict::Allowed { new_tat_us } => {
                    prop_assert!(cost <= burst && new_tat_us >= now_us);
                    prop_assert!(new_tat_us <= now_us.saturating_add(limit.tolerance_us()));
                }
                Verdict::Denied { retry_after_us } => prop_assert!(retry_after_us > 0),
            }
        }

        #[test]
        fn over_any_time_no_more_passes_than_burst_and_rate(
            gaps_us in proptest::collection::vec(0..25_i64, 1..80),
        ) {
            let (mut now_us, mut tat_us, mut passed) = (NOW_US, None, 0);
            for gap_us in gaps_us {
                now_us += gap_us;
                if let Verdict::Allowed { new_tat_us } = decide(tat_us, now_us, &LIMIT, 1) {
                    tat_us = Some(new_tat_us);
                    passed += 1;
                }
                prop_assert!(passed <= 3 + (now_us - NOW_US) / 10);
            }
        }

        #[test]
        fn who_waits_as_long_as_told_passes(ahead_us in 0..60_i64, cost in 1..=3_u32) {
            let tat_us = Some(NOW_US + ahead_us);
            if let Verdict::Denied { retry_after_us } = decide(tat_us, NOW_US, &LIMIT, cost) {
                // The kept time counts at most as a spent bucket.
                let kept_us = tat_us.map(|tat_us| tat_us.min(NOW_US + 30));
                let allowed = matches!(
                    decide(kept_us, NOW_US + retry_after_us, &LIMIT, cost),
                    Verdict::Allowed { .. }
                );
                prop_assert!(allowed);
            }
        }
    }
}
