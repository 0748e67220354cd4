//! How many there may be at a time, in all and from one origin: of connections, and of calls.
//!
//! An origin is an IPv4 address or an IPv6 /64, as the rate limits count it. A permit is given back
//! when it is dropped, so it lives exactly as long as what holds it.

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

/// Room for one.
pub(super) struct Permit {
    origin: BucketKey,
    origins: Arc<Mutex<HashMap<BucketKey, usize>>>,
    _one_of_all: OwnedSemaphorePermit,
}

/// Which of the two caps is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The one on all.
    All,
    /// The origin's share.
    Origin,
}

/// The origin that an address counts as.
pub(super) fn origin_of(address: IpAddr) -> BucketKey {
    let (origin, _factor) = *origin_keys("connection", address).first().expect("an address has an origin");
    origin
}

impl Permits {
    pub(super) fn new(all: usize, per_origin: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), origins: Arc::default(), per_origin }
    }

    /// Room for one of this origin, if there is any.
    pub(super) fn take(&self, origin: BucketKey) -> Result<Permit, Full> {
        let one_of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Full::All)?;
        let mut origins = lock(&self.origins);
        let taken = origins.entry(origin).or_insert(0);
        if *taken >= self.per_origin {
            return Err(Full::Origin);
        }
        *taken += 1;
        drop(origins);
        Ok(Permit { origin, origins: Arc::clone(&self.origins), _one_of_all: one_of_all })
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

    fn ip(text: &str) -> BucketKey {
        origin_of(text.parse().unwrap())
    }

    #[test]
    fn an_origin_has_its_share_and_no_more() {
        let permits = Permits::new(10, 2);
        let held = [permits.take(ip("192.0.2.1")).unwrap(), permits.take(ip("192.0.2.1")).unwrap()];
        assert_eq!(permits.take(ip("192.0.2.1")).err(), Some(Full::Origin));
        assert!(permits.take(ip("::ffff:192.0.2.1")).is_err(), "the same address in IPv6 clothing");
        assert!(permits.take(ip("192.0.2.2")).is_ok());
        drop(held);
        assert!(permits.take(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_ipv6_64_is_one_origin() {
        let permits = Permits::new(10, 1);
        let held = permits.take(ip("2001:db8::1"));
        assert!(permits.take(ip("2001:db8::2")).is_err());
        assert!(permits.take(ip("2001:db8:0:1::1")).is_ok());
        drop(held);
    }

    #[test]
    fn all_together_have_no_more_than_the_whole() {
        let permits = Permits::new(2, 2);
        let held = [permits.take(ip("192.0.2.1")).unwrap(), permits.take(ip("192.0.2.2")).unwrap()];
        assert_eq!(permits.take(ip("192.0.2.3")).err(), Some(Full::All));
        drop(held);
        assert!(permits.take(ip("192.0.2.3")).is_ok());
    }

    #[test]
    fn a_refusal_takes_nothing_and_an_empty_origin_is_forgotten() {
        let permits = Permits::new(2, 1);
        let held = permits.take(ip("192.0.2.1"));
        for _ in 0..5 {
            assert!(permits.take(ip("192.0.2.1")).is_err());
        }
        assert!(permits.take(ip("192.0.2.2")).is_ok(), "refusals used up nothing of the whole");
        drop(held);
        assert!(lock(&permits.origins).is_empty());
    }
}
