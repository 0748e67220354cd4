//! The embedded store against what it promises: batches, answers, schema, and what a payment costs.

mod budget;
mod conformance;
pub(in crate::store) mod rig;
mod schema;
mod states;
mod upgrade;
mod writer;
