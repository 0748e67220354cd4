//! The rules as tables against `decide`: a small ledger as text, calls with their proofs, and what
//! is said to them.

pub(crate) mod fixture;

mod candidates;
mod chores;
mod codes;
mod limits;
mod order;
mod payouts;
mod properties;
pub(crate) mod random;
mod reconciliation;
mod settlement;
mod shops;
mod step_up;
mod time;
mod top_ups;
mod traces;
mod webhooks;
