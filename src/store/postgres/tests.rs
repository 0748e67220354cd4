//! The store of several processes against what it promises.
