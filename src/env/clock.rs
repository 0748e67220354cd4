//! Time as an argument, in microseconds since the Unix epoch.
//!
//! Four clocks: the machine's, one that a test moves by hand, the sandbox's (the machine's plus an
//! offset that outlives a restart, so that somebody trying the wallet can skip a cooling-off
//! period), and a stopwatch for durations. This file alone asks the machine what time it is.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::env::file;

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// Microseconds since the Unix epoch. It may stand still or be set back: whoever needs an order
    /// must not take it from here.
    fn now_us(&self) -> i64;

    /// Microseconds since some moment of this process's: it runs as fast as time does, and nobody sets it.
    /// A clock that is put forward by hand puts this one forward as well.
    fn monotonic_us(&self) -> i64;

    /// What the machine's own clock shows, for comparing it with another machine's; nothing where no
    /// machine stands behind this clock.
    fn machine_us(&self) -> Option<i64>;
}

/// A clock that can be put forward.
pub trait MovableClock: Clock {
    /// Puts the clock forward by `by_us` and returns the new time. Once this returned, the step is
    /// as durable as the clock is.
    fn advance_us(&self, by_us: i64) -> Result<i64, ClockFileError>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now_us(&self) -> i64 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => microseconds(since),
            Err(before) => -microseconds(before.duration()),
        }
    }

    fn monotonic_us(&self) -> i64 {
        static FIRST: OnceLock<Stopwatch> = OnceLock::new();
        FIRST.get_or_init(Stopwatch::start).elapsed_us()
    }

    fn machine_us(&self) -> Option<i64> {
        Some(self.now_us())
    }
}

/// A clock that stands still until it is put forward; for tests and simulation.
#[derive(Debug)]
pub struct ManualClock {
    now_us: AtomicI64,
    jumped_us: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `start_us`.
    pub fn new(start_us: i64) -> Self {
        Self { now_us: AtomicI64::new(start_us), jumped_us: AtomicI64::new(0) }
    }

    /// Sets the clock wrong by as much, in either direction: no time passes.
    pub fn jump_us(&self, by_us: i64) {
        self.jumped_us.fetch_add(by_us, Ordering::SeqCst);
        self.now_us.fetch_add(by_us, Ordering::SeqCst);
    }

    /// Puts the clock forward.
    ///
    /// # Panics
    ///
    /// If `by_us` is negative or time would overflow: a mistake in the test.
    pub fn advance_us(&self, by_us: i64) {
        self.forward_us(by_us).expect("a test moves its clock forward, and within i64");
    }

    fn forward_us(&self, by_us: i64) -> Result<i64, ClockFileError> {
        let mut now_us = self.now_us.load(Ordering::SeqCst);
        loop {
            let next_us = later_us(now_us, by_us)?;
            match self.now_us.compare_exchange(now_us, next_us, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Ok(next_us),
                Err(moved_us) => now_us = moved_us,
            }
        }
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst)
    }

    fn monotonic_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst).saturating_sub(self.jumped_us.load(Ordering::SeqCst))
    }

    fn machine_us(&self) -> Option<i64> {
        None
    }
}

impl MovableClock for ManualClock {
    fn advance_us(&self, by_us: i64) -> Result<i64, ClockFileError> {
        self.forward_us(by_us)
    }
}

/// The machine's clock plus an offset that only rises and is kept in a file.
///
/// The offset is on the disk before anybody can see the time it makes: a restart never goes back to
/// a time before something that was already recorded.
#[derive(Debug)]
pub struct SandboxClock {
    path: PathBuf,
    offset_us: AtomicI64,
    // One writer of the file at a time; readers only load the number.
    writing: Mutex<()>,
}

/// The longest content that can be an offset: 19 digits and a newline.
const OFFSET_BYTES_MAX: usize = 20;

impl SandboxClock {
    /// Opens the clock whose offset is kept at `path`; without a file the offset is 0.
    pub fn open(path: &Path) -> Result<Self, ClockFileError> {
        let offset_us = read_offset_us(path)?;
        Ok(Self { path: path.to_owned(), offset_us: AtomicI64::new(offset_us), writing: Mutex::new(()) })
    }

    /// Puts the clock forward by `by_us`, durably, and returns the new time.
    pub fn advance_us(&self, by_us: i64) -> Result<i64, ClockFileError> {
        // The guarded thing is the file, which is replaced whole: a panic cannot leave it half done.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let offset_us = later_us(self.offset_us.load(Ordering::SeqCst), by_us)?;
        later_us(SystemClock.now_us(), offset_us)?;
        file::replace(&self.path, format!("{offset_us}\n").as_bytes())
            .map_err(|source| ClockFileError::Unwritable { path: self.path.clone(), source })?;
        self.offset_us.store(offset_us, Ordering::SeqCst);
        // Writing took a while, and whoever sets their clock by this would be late by it.
        Ok(self.now_us())
    }
}

impl Clock for SandboxClock {
    fn now_us(&self) -> i64 {
        SystemClock.now_us().saturating_add(self.offset_us.load(Ordering::SeqCst))
    }

    fn monotonic_us(&self) -> i64 {
        SystemClock.monotonic_us().saturating_add(self.offset_us.load(Ordering::SeqCst))
    }

    fn machine_us(&self) -> Option<i64> {
        SystemClock.machine_us()
    }
}

impl MovableClock for SandboxClock {
    fn advance_us(&self, by_us: i64) -> Result<i64, ClockFileError> {
        SandboxClock::advance_us(self, by_us)
    }
}

fn read_offset_us(path: &Path) -> Result<i64, ClockFileError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(ClockFileError::Unreadable { path: path.to_owned(), source }),
    };
    let mut content = Vec::new();
    file.take(OFFSET_BYTES_MAX as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|source| ClockFileError::Unreadable { path: path.to_owned(), source })?;
    parse_offset_us(&content).ok_or_else(|| ClockFileError::Corrupt { path: path.to_owned() })
}

// Digits and a newline, nothing else: a torn or edited file is refused, not guessed at.
fn parse_offset_us(content: &[u8]) -> Option<i64> {
    let digits = content.strip_suffix(b"\n")?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn later_us(now_us: i64, by_us: i64) -> Result<i64, ClockFileError> {
    if by_us < 0 {
        return Err(ClockFileError::Backwards);
    }
    now_us.checked_add(by_us).ok_or(ClockFileError::OutOfRange)
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).expect("292,000 years lie between now and an overflow")
}

/// Why a clock could not be opened or put forward.
#[derive(Debug)]
pub enum ClockFileError {
    /// The file that keeps the offset could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file that keeps the offset holds something else.
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// The new offset could not be made durable; the clock stands where it stood.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A clock is only ever put forward.
    Backwards,
    /// The new time doesn't fit into 64 bits.
    OutOfRange,
}

impl fmt::Display for ClockFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(f, "the sandbox's clock file {} cannot be read: {source}", path.display())
            }
            Self::Corrupt { path } => write!(
                f,
                "the sandbox's clock file {} is damaged: it should hold one non-negative number of \
                 microseconds and a newline; restore it, or remove the sandbox's data with it",
                path.display()
            ),
            Self::Unwritable { path, source } => {
                write!(f, "the sandbox's clock file {} cannot be written: {source}", path.display())
            }
            Self::Backwards => f.write_str("a clock is only ever put forward"),
            Self::OutOfRange => f.write_str("the clock cannot be put that far forward"),
        }
    }
}

impl std::error::Error for ClockFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            Self::Corrupt { .. } | Self::Backwards | Self::OutOfRange => None,
        }
    }
}

/// Measures how long something takes; unaffected by the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    /// Starts measuring now.
    #[expect(clippy::disallowed_methods, reason = "the one place that measures durations")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Microseconds since the start.
    pub fn elapsed_us(&self) -> i64 {
        microseconds(self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn the_machine_s_clock_counts_microseconds_of_this_age() {
        let now_us = SystemClock.now_us();
        assert!((1_700_000_000_000_000..10_000_000_000_000_000).contains(&now_us), "{now_us}");
    }

    #[test]
    fn a_manual_clock_moves_when_told_to_and_only_forward() {
        let clock = ManualClock::new(7);
        assert_eq!(clock.now_us(), 7);
        clock.advance_us(3);
        assert_eq!(clock.now_us(), 10);
        assert!(matches!(MovableClock::advance_us(&clock, -1), Err(ClockFileError::Backwards)));
        assert!(matches!(MovableClock::advance_us(&clock, i64::MAX), Err(ClockFileError::OutOfRange)));
        assert_eq!(clock.now_us(), 10);
    }

    #[test]
    fn a_jump_is_no_time_that_passes() {
        let clock = ManualClock::new(100);
        let before_us = clock.monotonic_us();
        clock.jump_us(40);
        assert_eq!((clock.now_us(), clock.monotonic_us()), (140, before_us));
        clock.jump_us(-60);
        clock.advance_us(7);
        assert_eq!((clock.now_us(), clock.monotonic_us()), (87, before_us + 7));
    }

    #[test]
    fn the_sandbox_s_step_moves_both_of_its_clocks_and_not_the_machine_s() {
        let directory = tempfile::tempdir().unwrap();
        let clock = SandboxClock::open(&directory.path().join("clock")).unwrap();
        let before_us = clock.monotonic_us();
        clock.advance_us(HOUR_US).unwrap();
        assert!((HOUR_US..2 * HOUR_US).contains(&(clock.monotonic_us() - before_us)));
        assert!(clock.machine_us().is_some_and(|us| us < clock.now_us() - HOUR_US / 2));
    }

    #[test]
    fn the_sandbox_s_offset_outlives_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clock");
        let clock = SandboxClock::open(&path).unwrap();
        let before_us = SystemClock.now_us();
        let told_us = clock.advance_us(HOUR_US).unwrap();
        assert!(told_us >= before_us + HOUR_US);
        clock.advance_us(HOUR_US).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7200000000\n");
        drop(clock);
        let again = SandboxClock::open(&path).unwrap();
        assert!(again.now_us() >= before_us + 2 * HOUR_US);
    }

    #[test]
    fn a_sandbox_clock_refuses_to_go_back() {
        let directory = tempfile::tempdir().unwrap();
        let clock = SandboxClock::open(&directory.path().join("clock")).unwrap();
        assert!(matches!(clock.advance_us(-1), Err(ClockFileError::Backwards)));
    }

    #[test]
    fn a_step_that_cannot_be_made_durable_is_not_seen() {
        let directory = tempfile::tempdir().unwrap();
        let clock = SandboxClock::open(&directory.path().join("absent").join("clock")).unwrap();
        assert!(matches!(clock.advance_us(HOUR_US), Err(ClockFileError::Unwritable { .. })));
        assert!(clock.now_us() < SystemClock.now_us() + HOUR_US);
    }

    #[test]
    fn a_damaged_clock_file_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clock");
        for content in ["", "\n", "12", "-5\n", "+5\n", " 5\n", "5\n\n", "0x5\n", "99999999999999999999\n"] {
            std::fs::write(&path, content).unwrap();
            let error = SandboxClock::open(&path).expect_err(content);
            assert!(matches!(error, ClockFileError::Corrupt { .. }), "{content:?}");
            assert!(error.to_string().contains(&path.display().to_string()));
        }
    }

    #[test]
    fn a_stopwatch_never_runs_backwards() {
        let watch = Stopwatch::start();
        let first_us = watch.elapsed_us();
        assert!(first_us >= 0 && watch.elapsed_us() >= first_us);
    }
}
