//! What may happen to accounts, devices and money. Pure and synchronous: no runtime, no clock, no
//! SQL, nothing of the layers above.
//!
//! An RPC becomes a [`command::Command`]; [`decide::decide`] looks at it and at a [`view::View`] of
//! the rows it names, and answers with row-shaped [`write::Write`]s. Everything that can happen to
//! money is therefore one function that can be tabulated, replayed and model-checked.

mod account;
pub mod card;
pub mod codec;
pub mod command;
pub mod day;
pub mod decide;
pub mod fee;
pub mod id;
pub mod journal;
pub mod ledger;
pub mod limits;
pub mod live_codes;
pub mod lots;
pub mod money;
pub mod outcome;
pub mod payment;
pub mod periods;
pub mod policy;
pub mod proof;
pub mod reconciliation;
pub mod record;
pub mod recovery;
pub mod rows;
pub mod second_factor;
pub mod settlement;
pub mod standing;
pub mod step_up;
pub mod system_payload;
#[cfg(test)]
pub(crate) mod tests;
pub mod time;
pub mod top_up;
pub mod view;
pub mod webhook;
pub mod write;
