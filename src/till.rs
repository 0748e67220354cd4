//! A till for developers: it owns the state in which nobody knows.
//!
//! No answer does not mean "not paid". So a call is in the till's own journal before it is sent, and
//! stays open there until its outcome is known: the till sends the same call again, asks, and
//! reverses, and [`next::next`] alone says which of these comes next. What is left open by a crash or an
//! outage is settled before anything new is charged. `docs/till.md` is the guide.

pub mod activation;
pub mod desk;
pub mod drive;
pub mod error;
pub mod fault;
pub mod folder;
pub mod journal;
pub mod line;
pub mod next;
pub mod order;

pub use desk::{Ended, Till, Verdict};
pub use error::TillError;
pub use fault::Fault;
