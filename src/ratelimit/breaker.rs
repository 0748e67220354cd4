//! Whether it is worth asking a server that did not answer: after some failures in a row nobody asks
//! for a while, so that no call waits for a dead server again and again.
//!
//! Pure: the time comes in, and what is worth a line in the log goes out. Closed, everybody asks.
//! Opened by failures in a row, nobody does until the pause is over; then one call at a time does, as a
//! probe, and closes it or opens it again.

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// As many failures in a row open it.
    pub failures: u32,
    /// For so long nobody asks.
    pub pause_us: i64,
}

/// Leave to ask. Whoever has it tells how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// As everybody does while it is closed.
    Ordinary,
    /// The one call that finds out whether the server is back.
    Probe,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There was an answer.
    Answered,
    /// There was none in time, or an error.
    Failed,
    /// The call was given up before either: it says nothing about the server.
    GivenUp,
}

/// A change that is worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The server is away by now.
    Opened,
    /// It is back.
    Closed,
}

/// The state.
#[derive(Debug)]
pub struct Breaker {
    terms: Terms,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until_us: i64 },
    Probing,
}

impl Breaker {
    /// Closed.
    pub const fn new(terms: Terms) -> Self {
        Self { terms, state: State::Closed { failures: 0 } }
    }

    /// Whether a call may ask now. The time must never run backwards.
    pub fn leave(&mut self, now_us: i64) -> Option<Leave> {
        match self.state {
            State::Closed { .. } => Some(Leave::Ordinary),
            State::Open { until_us } if now_us >= until_us => {
                self.state = State::Probing;
                Some(Leave::Probe)
            }
            State::Open { .. } | State::Probing => None,
        }
    }

    /// Takes note of how a call went that had leave.
    pub fn ended(&mut self, leave: Leave, ended: Ended, now_us: i64) -> Option<Turn> {
        match (self.state, leave, ended) {
            (State::Closed { .. }, Leave::Ordinary, Ended::Answered) => {
                self.state = State::Closed { failures: 0 };
                None
            }
            (State::Closed { failures }, Leave::Ordinary, Ended::Failed) => self.failed(failures + 1, now_us),
            (State::Probing, Leave::Probe, Ended::Answered) => {
                self.state = State::Closed { failures: 0 };
                Some(Turn::Closed)
            }
            (State::Probing, Leave::Probe, Ended::Failed) => {
                self.state = self.open(now_us);
                None
            }
            // The next call probes.
            (State::Probing, Leave::Probe, Ended::GivenUp) => {
                self.state = State::Open { until_us: now_us };
                None
            }
            // A call that began before it opened tells nothing new; and a probe ends once.
            (State::Open { .. } | State::Probing, Leave::Ordinary, _)
            | (State::Closed { .. } | State::Open { .. }, Leave::Probe, _)
            | (State::Closed { .. }, Leave::Ordinary, Ended::GivenUp) => None,
        }
    }

    fn failed(&mut self, failures: u32, now_us: i64) -> Option<Turn> {
        if failures < self.terms.failures {
            self.state = State::Closed { failures };
            return None;
        }
        self.state = self.open(now_us);
        Some(Turn::Opened)
    }

    fn open(&self, now_us: i64) -> State {
        State::Open { until_us: now_us.saturating_add(self.terms.pause_us) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { failures: 3, pause_us: 100 };

    /// Runs calls one after the other: when, how it goes, the leave it should get, what is told.
    fn walk(steps: &[(i64, Ended, Option<Leave>, Option<Turn>)]) {
        let mut breaker = Breaker::new(TERMS);
        for (at, (now_us, ended, expected, turn)) in steps.iter().enumerate() {
            let leave = breaker.leave(*now_us);
            assert_eq!(leave, *expected, "step {at}");
            if let Some(leave) = leave {
                assert_eq!(breaker.ended(leave, *ended, *now_us), *turn, "step {at}");
            }
        }
    }

    const ORDINARY: Option<Leave> = Some(Leave::Ordinary);
    const PROBE: Option<Leave> = Some(Leave::Probe);

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_begins_the_row_anew() {
        use Ended::{Answered, Failed, GivenUp};
        walk(&[
            (0, Failed, ORDINARY, None),
            (1, Failed, ORDINARY, None),
            (2, Answered, ORDINARY, None),
            (3, Failed, ORDINARY, None),
            (4, Failed, ORDINARY, None),
            (5, GivenUp, ORDINARY, None),
            (6, Failed, ORDINARY, Some(Turn::Opened)),
            (7, Failed, None, None),
            (105, Failed, None, None),
            (106, Failed, PROBE, None),
        ]);
    }

    #[test]
    fn a_probe_closes_it_or_opens_it_for_another_pause() {
        use Ended::{Answered, Failed, GivenUp};
        walk(&[
            (0, Failed, ORDINARY, None),
            (0, Failed, ORDINARY, None),
            (0, Failed, ORDINARY, Some(Turn::Opened)),
            (100, Failed, PROBE, None),
            (199, Failed, None, None),
            (200, GivenUp, PROBE, None),
            (200, Answered, PROBE, Some(Turn::Closed)),
            (201, Failed, ORDINARY, None),
            (202, Failed, ORDINARY, None),
            (203, Answered, ORDINARY, None),
        ]);
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(TERMS);
        for _ in 0..3 {
            breaker.ended(Leave::Ordinary, Ended::Failed, 0);
        }
        breaker
    }

    #[test]
    fn one_call_probes_at_a_time() {
        let mut breaker = opened();
        assert_eq!(breaker.leave(100), PROBE);
        assert_eq!(breaker.leave(100), None);
        assert_eq!(breaker.leave(1_000_000), None);
    }

    #[test]
    fn calls_from_before_it_opened_neither_close_it_nor_open_it_longer() {
        let mut breaker = opened();
        for ended in [Ended::Answered, Ended::Failed, Ended::GivenUp] {
            assert_eq!(breaker.ended(Leave::Ordinary, ended, 50), None);
        }
        assert_eq!(breaker.leave(99), None);
        assert_eq!(breaker.leave(100), PROBE);
        assert_eq!(breaker.ended(Leave::Ordinary, Ended::Answered, 100), None);
        assert_eq!(breaker.leave(100), None, "the probe is still out");
    }
}
