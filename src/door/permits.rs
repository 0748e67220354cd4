//! How many connections there may be, in all and from one origin.
//!
//! An origin is an IPv4 address or an IPv6 /64, as the rate limits count it. A permit is given back
//! when it is dropped, so it lives exactly as long as the connection that holds it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ratelimit::{BucketKey, origin_keys};

/// The two caps and what is taken of them.
pub(super) struct Permits {
    all: Arc<Semaphore>,
    origins: Arc<Mutex<HashMap<BucketKey, usize>>>,
    per_origin: usize,
}

/// Room for one connection.
pub(super) struct Permit {
    origin: BucketKey,
    origins: Arc<Mutex<HashMap<BucketKey, usize>>>,
    _one_of_all: OwnedSemaphorePermit,
}

impl Permits {
    pub(super) fn new(all: usize, per_origin: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), origins: Arc::default(), per_origin }
    }

    /// Room for a connection from this address, if there is any.
    pub(super) fn take(&self, address: IpAddr) -> Option<Permit> {
        let one_of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let (origin, _factor) =
            *origin_keys("connection", address).first().expect("an address has an origin");
        let mut origins = lock(&self.origins);
        let taken = origins.entry(origin).or_insert(0);
        if *taken >= self.per_origin {
            return None;
        }
        *taken += 1;
        drop(origins);
        Some(Permit { origin, origins: Arc::clone(&self.origins), _one_of_all: one_of_all })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut origins = lock(&self.origins);
        // An origin without connections leaves no entry, or the map would grow with every passer-by.
        if let Some(taken) = origins.get_mut(&self.origin) {
            *taken -= 1;
            if *taken == 0 {
                origins.remove(&self.origin);
            }
        }
    }
}

// Each critical section leaves the counts whole, so a panic elsewhere doesn't spoil them.
fn lock(origins: &Mutex<HashMap<BucketKey, usize>>) -> MutexGuard<'_, HashMap<BucketKey, usize>> {
    origins.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_origin_has_its_share_and_no_more() {
        let permits = Permits::new(10, 2);
        let held = [permits.take(ip("192.0.2.1")).unwrap(), permits.take(ip("192.0.2.1")).unwrap()];
        assert!(permits.take(ip("192.0.2.1")).is_none());
        assert!(permits.take(ip("::ffff:192.0.2.1")).is_none(), "the same address in IPv6 clothing");
        assert!(permits.take(ip("192.0.2.2")).is_some());
        drop(held);
        assert!(permits.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_64_is_one_origin() {
        let permits = Permits::new(10, 1);
        let held = permits.take(ip("2001:db8::1"));
        assert!(permits.take(ip("2001:db8::2")).is_none());
        assert!(permits.take(ip("2001:db8:0:1::1")).is_some());
        drop(held);
    }

    #[test]
    fn all_together_have_no_more_than_the_whole() {
        let permits = Permits::new(2, 2);
        let held = [permits.take(ip("192.0.2.1")).unwrap(), permits.take(ip("192.0.2.2")).unwrap()];
        assert!(permits.take(ip("192.0.2.3")).is_none());
        drop(held);
        assert!(permits.take(ip("192.0.2.3")).is_some());
    }

    #[test]
    fn a_refusal_takes_nothing_and_an_empty_origin_is_forgotten() {
        let permits = Permits::new(2, 1);
        let held = permits.take(ip("192.0.2.1"));
        for _ in 0..5 {
            assert!(permits.take(ip("192.0.2.1")).is_none());
        }
        assert!(permits.take(ip("192.0.2.2")).is_some(), "refusals used up nothing of the whole");
        drop(held);
        assert!(lock(&permits.origins).is_empty());
    }
}
