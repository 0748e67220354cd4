//! What may happen to accounts, devices and money. Pure and synchronous: no runtime, no clock, no
//! SQL, nothing of the layers above.

pub mod proof;
