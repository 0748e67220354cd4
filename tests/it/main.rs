//! The integration tests: one binary, everything through gRPC, with a client that signs and a clock
//! moved by hand.

mod crash;
mod demo;
mod process;
mod spine;
mod support;
mod verify;
