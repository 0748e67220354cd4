//! The alarm over an origin that calls for too many accounts: whoever has a pile of stolen keys uses
//! them from few places. (In 2018 three billion records of Chinese users, taken off the wire over years,
//! were found by one address that spoke for thousands of them.)
//!
//! Counted after the signature: a key's mere name must not count, or anybody could have anybody's
//! origin throttled. From then on, until the hour is over, all classes of that origin share one narrow
//! limit, before anything is verified. A process hears of it with the next new account that it sees from
//! there.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::crypto::hash::MacKey;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::ratelimit::gcra::Limit;
use crate::ratelimit::origin::origin_keys;
use crate::ratelimit::source::{BucketKey, Charge};
use crate::ratelimit::spread::{MemorySpread, Place, Seen, Spread};

const HOUR_US: i64 = 3_600_000_000;
/// As many accounts an hour are counted in memory, over all origins.
const COUNTED: usize = 1_000_000;
const PLACES: &str = "crowd";

/// What an origin with too many accounts is, and what it is left with.
#[derive(Clone, Copy, Debug)]
pub struct CrowdLimits {
    /// As many accounts may call from one IPv4 address or IPv6 /64 in an hour; from the shorter
    /// prefixes as many times more as the limits are wider there. A carrier's gateway puts a hundred
    /// customers or so behind one address, an event's hall a thousand.
    pub accounts_per_hour: u32,
    /// What is left of all classes together until the hour is over.
    pub throttled: Limit,
}

/// The counts, and which origins have too many.
pub struct Crowd {
    limits: CrowdLimits,
    local: MemorySpread,
    shared: Option<Arc<dyn Spread>>,
    crowded: Mutex<Crowded>,
    tags: MacKey,
}

/// As many places as have thousands of accounts each: few.
#[derive(Default)]
struct Crowded {
    hour: i64,
    places: HashSet<BucketKey>,
}

impl Crowd {
    /// Nobody counted yet. The key tags origins in the log.
    pub fn new(limits: CrowdLimits, shared: Option<Arc<dyn Spread>>, tags: MacKey) -> Self {
        let (local, crowded) = (MemorySpread::new(COUNTED), Mutex::default());
        Self { limits, local, shared, crowded, tags }
    }

    /// What a call from here is charged with beyond its class.
    pub fn charges(&self, ip: IpAddr, now: Timestamp) -> Vec<Charge> {
        let crowded = self.crowded(now);
        if crowded.places.is_empty() {
            return Vec::new();
        }
        origin_keys(PLACES, ip)
            .into_iter()
            .filter(|(key, _)| crowded.places.contains(key))
            .map(|(key, _)| Charge { key, limit: self.limits.throttled, cost: 1 })
            .collect()
    }

    /// A call by this account came from here, and its signature held.
    pub async fn seen(&self, account_id: AccountId, ip: IpAddr, now: Timestamp) {
        for place in self.news(account_id, ip, now).await {
            self.tell(&place);
        }
    }

    /// The places that have too many accounts since this call, and of which nobody told yet.
    async fn news(&self, account_id: AccountId, ip: IpAddr, now: Timestamp) -> Vec<Place> {
        let hour = now.0.div_euclid(HOUR_US);
        let account = BucketKey::new(PLACES, &account_id.0);
        let places = self.places(ip);
        let (here, is_new) = self.local.touch_now(hour, account, &places);
        let shared = match &self.shared {
            // What this process has counted, Redis has counted: it is not asked at every call. Without
            // an answer, what this process saw counts.
            Some(shared) if is_new => shared.touch(hour, account, &places).await.ok(),
            Some(_) | None => None,
        };
        let is_shared = shared.is_some();
        let mut crowded = self.crowded(now);
        let mut is_news = |place: &Place, seen: Seen| match seen {
            Seen::Within => false,
            // Of many processes the one that Redis told first tells.
            Seen::Over { first } => crowded.places.insert(place.key) && (first || !is_shared),
        };
        let seen = places.into_iter().zip(shared.unwrap_or(here));
        seen.filter_map(|(place, seen)| is_news(&place, seen).then_some(place)).collect()
    }

    fn places(&self, ip: IpAddr) -> Vec<Place> {
        let most = |factor| self.limits.accounts_per_hour.saturating_mul(factor);
        let place = |(key, factor)| Place { key, accounts_max: most(factor) };
        origin_keys(PLACES, ip).into_iter().map(place).collect()
    }

    fn tell(&self, place: &Place) {
        let mut origin = String::new();
        for byte in &self.tags.tag(&[PLACES.as_bytes(), place.key.bytes()])[..8] {
            write!(origin, "{byte:02x}").expect("a string takes what is written");
        }
        let accounts = place.accounts_max;
        tracing::warn!(origin, accounts, "one origin calls for more accounts than this within the hour");
    }

    /// Those of this hour.
    fn crowded(&self, now: Timestamp) -> MutexGuard<'_, Crowded> {
        let mut crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.0.div_euclid(HOUR_US);
        if hour > crowded.hour {
            *crowded = Crowded { hour, places: HashSet::new() };
        }
        crowded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(500_000 * HOUR_US);
    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn crowd(accounts_per_hour: u32, shared: Option<Arc<dyn Spread>>) -> Crowd {
        let limits = CrowdLimits { accounts_per_hour, throttled: Limit::per_second(1, 60) };
        Crowd::new(limits, shared, MacKey::new([7; 32]))
    }

    /// Lets accounts call; how often that was worth a line in the log.
    async fn come(crowd: &Crowd, ip: IpAddr, accounts: std::ops::Range<u8>, now: Timestamp) -> usize {
        let mut told = 0;
        for account in accounts {
            told += crowd.news(AccountId([account; 16]), ip, now).await.len();
        }
        told
    }

    #[tokio::test]
    async fn an_origin_with_too_many_accounts_has_one_narrow_limit_until_the_hour_is_over() {
        let crowd = crowd(3, None);
        for _ in 0..3 {
            assert_eq!(come(&crowd, IP, 0..3, NOW).await, 0);
        }
        assert!(crowd.charges(IP, NOW).is_empty(), "three accounts are three, however often they come");
        assert_eq!(come(&crowd, IP, 3..4, NOW).await, 1);
        assert_eq!(come(&crowd, IP, 0..9, NOW).await, 0, "it is told once an hour");
        let charges = crowd.charges(IP, NOW);
        assert_eq!(charges.len(), 1);
        assert_eq!(charges[0].limit, Limit::per_second(1, 60));
        assert!(crowd.charges("192.0.2.2".parse().unwrap(), NOW).is_empty(), "nobody else");
        assert_eq!(crowd.charges(IP, Timestamp(NOW.0 + HOUR_US - 1)), charges);
        let next_hour = Timestamp(NOW.0 + HOUR_US);
        assert!(crowd.charges(IP, next_hour).is_empty());
        assert_eq!(come(&crowd, IP, 0..9, next_hour).await, 1);
    }

    #[tokio::test]
    async fn rotating_addresses_within_ipv6_helps_as_little_as_with_the_limits() {
        let crowd = crowd(2, None);
        for account in 0..9_u8 {
            let ip = format!("2001:db8:0:{account}::1").parse().unwrap();
            come(&crowd, ip, account..account + 1, NOW).await;
        }
        let charged = |ip: &str| crowd.charges(ip.parse().unwrap(), NOW).len();
        assert_eq!(charged("2001:db8:0:ffff::1"), 1, "four times two came from the /48, and one more");
        assert_eq!(charged("2001:db8:1::1"), 0);
    }

    #[tokio::test]
    async fn what_two_processes_saw_together_counts_for_both_and_is_told_once() {
        let shared: Arc<dyn Spread> = Arc::new(MemorySpread::new(1_000));
        let processes = [crowd(3, Some(Arc::clone(&shared))), crowd(3, Some(shared))];
        assert_eq!(come(&processes[0], IP, 0..2, NOW).await, 0);
        assert_eq!(come(&processes[1], IP, 2..4, NOW).await, 1);
        assert_eq!(processes[1].charges(IP, NOW).len(), 1);
        assert!(processes[0].charges(IP, NOW).is_empty(), "it hears of it with the next new account");
        assert_eq!(come(&processes[0], IP, 4..5, NOW).await, 0);
        assert_eq!(processes[0].charges(IP, NOW).len(), 1);
    }
}
