//! The integration tests: one binary, everything through gRPC.

fn main() {}
