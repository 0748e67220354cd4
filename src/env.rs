//! What a process takes from outside itself: time, randomness, and files that must survive a crash.
//!
//! Time and entropy are arguments everywhere else, so that every rule that depends on them can be
//! tested by hand and simulated from a seed. Only this module reads the machine's clock.

pub mod clock;
pub mod entropy;
pub mod environment;
pub(crate) mod file;
pub mod pause;

pub use clock::{Clock, ClockFileError, ManualClock, MovableClock, SandboxClock, Stopwatch, SystemClock};
pub use entropy::{Entropy, bytes16, bytes32, uuid_v7};
pub use pause::pause;
