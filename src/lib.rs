//! saifu (財布), the backend of a mobile-payment wallet.
//!
//! No yen leaves a customer unless a registered device of his signed for it, under a fresh second
//! factor where the policy wants one; and anyone can prove it afterwards from the data alone.
//! `ARCHITECTURE.md` walks through one payment.

pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod contact;
mod crockford;
pub mod crypto;
pub mod demo;
pub mod domain;
pub mod door;
pub mod emvco;
pub mod env;
pub mod funding;
pub mod gate;
pub mod label;
pub mod notify;
pub mod outbound;
pub mod ratelimit;
pub mod rpc;
pub mod server;
pub mod store;
pub mod symbol;
pub mod tasks;
pub mod till;
pub mod verify;
pub mod wire;

/// The messages and services generated from `proto/saifu/v1`.
#[allow(clippy::all, clippy::pedantic, missing_docs, clippy::allow_attributes, reason = "generated code")]
pub mod pb {
    tonic::include_proto!("saifu.v1");

    /// The compiled `FileDescriptorSet` of everything in this module.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
