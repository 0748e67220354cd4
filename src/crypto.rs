//! Every key, tag, signature and code of the wallet, and nothing else.
//!
//! The cryptographic crates are used from here alone (ring, totp-rs, argon2), so that what each
//! primitive is for, and bound to, can be read in one place. Secrets have no `Debug`, are wiped where
//! the crates allow it, and are compared in constant time. Nothing here reads a clock or a database.

pub mod blind_index;
pub mod codes;
pub mod device_key;
pub mod entropy;
pub mod envelope;
pub mod hash;
pub mod integrity;
pub mod keyring;
pub mod passphrase;
pub mod seal;
pub mod stamp;
pub mod system_key;
pub mod totp;
