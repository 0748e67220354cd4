//! A client that signs, for the demonstration, the tests and the load tool. The server has no use
//! for it.

pub mod clock;
pub mod connection;
pub mod method;
pub mod refused;
pub mod signer;
pub mod staff;
pub mod wallet;

pub use connection::{ConnectError, connect, connect_as, unary};
pub use refused::Refused;
pub use signer::{Draft, Signer};
pub use staff::Staff;
pub use wallet::{EnrolError, Wallet};
