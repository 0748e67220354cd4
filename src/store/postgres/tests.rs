//! The store of several processes against what it promises, over a PostgreSQL of the test's own.
//!
//! Each test starts a cluster, so there are few of them, with many cases each.

mod adopted;
mod clocks;
mod conformance;
mod failures;
mod lanes;
mod opening;
mod portable;
mod races;
mod rig;
mod schema;
#[path = "../../../tests/it/support/services.rs"]
mod services;
mod simulated;
mod standby;
