//! How often somebody may come: an origin before anything is verified, a key and its account after.
//!
//! Where a Redis is shared, its buckets count. While it is away each class is denied, or limited by this
//! process for itself, as the table says. What that costs in strictness: with n processes, n times the
//! limit while Redis is away, and once more the burst when it is back, since its buckets filled up
//! meanwhile. A process also draws on its own buckets what Redis allowed here, so that going away by
//! itself gives nobody a burst at a process that he has spent his at.

mod stranger;
mod table;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join;

use super::admitted::Caller;
use super::crowd::Crowd;
use super::operation::Cost;
use super::rejection::Rejection;
use crate::crypto::hash::MacKey;
use crate::domain::id::KeyId;
use crate::domain::time::{DAY_US, HOUR_US, Timestamp};
use crate::ratelimit::marks::Marks;
use crate::ratelimit::memory::MemorySource;
use crate::ratelimit::origin::origin_keys;
use crate::ratelimit::redis::Redis;
use crate::ratelimit::source::{BucketKey, Charge, Source, SourceUnavailable, Taken};
pub use stranger::Stranger;
use table::name_of;
pub use table::{AnonymousLimits, ClassLimits, LimitTable, MessageBudgets, Shares, WhenAway};

/// As many buckets are kept in memory of each class' origins, and of its candidates or its enrolled keys and
/// their accounts. Apart, so that nobody fills what others count in: strangers have names without end.
const ORIGINS: usize = 65_536;
const CANDIDATES: usize = 65_536;
const ENROLLED: usize = 262_144;
/// As many contacts, and prefixes of numbers.
const CONTACTS: usize = 262_144;
const PREFIXES: usize = 65_536;
/// A number's prefix: the plus, and so many digits.
const PREFIX_DIGITS: usize = 6;
/// Used-up budgets are told once in so long.
const TOLD_EACH_US: i64 = HOUR_US;

/// The buckets of one class in this process.
struct Class {
    origins: MemorySource,
    own: MemorySource,
}

/// Where buckets are kept.
pub struct Sources {
    classes: HashMap<&'static str, Class>,
    crowds: MemorySource,
    targets: MemorySource,
    messages: MemorySource,
    /// Of what contacts are given, each origin's.
    shares: MemorySource,
    prefixes: MemorySource,
    /// The few that everybody draws on.
    global: MemorySource,
    shared: Option<Arc<Redis>>,
}

impl Sources {
    /// In this process, and in a Redis where there is one.
    pub fn new(shared: Option<Arc<Redis>>) -> Self {
        let class = |cost: &Cost| {
            let (name, own) = match cost {
                Cost::Enrolment | Cost::Recovery | Cost::Sandbox => (name_of(*cost), CANDIDATES),
                Cost::Reading
                | Cost::MoneyIn
                | Cost::MoneyOut
                | Cost::Security
                | Cost::Stop
                | Cost::Till
                | Cost::Merchant
                | Cost::Operator => (name_of(*cost), ENROLLED),
            };
            (name, Class { origins: MemorySource::new(ORIGINS), own: MemorySource::new(own) })
        };
        Self {
            classes: Cost::ALL.iter().map(class).collect(),
            crowds: MemorySource::new(ORIGINS),
            targets: MemorySource::new(CONTACTS),
            messages: MemorySource::new(CONTACTS),
            shares: MemorySource::new(CONTACTS),
            prefixes: MemorySource::new(PREFIXES),
            global: MemorySource::new(1_024),
            shared,
        }
    }

    fn of(&self, cost: Cost) -> &Class {
        self.classes.get(name_of(cost)).expect("every class has its buckets")
    }

    async fn take(
        &self,
        local: &MemorySource,
        away: WhenAway,
        now: Timestamp,
        charges: &[Charge],
    ) -> Result<(), Rejection> {
        taken(self.draw(&[(local, charges)], away, now).await?)
    }

    /// From buckets of several kinds at once: all are drawn on, or none is. Kinds come in the order of the
    /// fields.
    async fn draw(
        &self,
        parts: &[(&MemorySource, &[Charge])],
        away: WhenAway,
        now: Timestamp,
    ) -> Result<Taken, Rejection> {
        let Some(shared) = &self.shared else { return Ok(MemorySource::take_of(now.0, parts)) };
        let charges: Vec<Charge> = parts.iter().flat_map(|(_, charges)| charges.iter().copied()).collect();
        match (shared.take(now.0, &charges).await, away) {
            (Ok(Taken::Allowed), WhenAway::FallBack) => {
                // Only drawn, not asked: what this process would say doesn't count now.
                MemorySource::take_of(now.0, parts);
                Ok(Taken::Allowed)
            }
            (Ok(answer), _) => Ok(answer),
            (Err(SourceUnavailable), WhenAway::Deny) => Err(Rejection::Unavailable),
            (Err(SourceUnavailable), WhenAway::FallBack) => Ok(MemorySource::take_of(now.0, parts)),
        }
    }
}

fn taken(taken: Taken) -> Result<(), Rejection> {
    match taken {
        Taken::Allowed => Ok(()),
        Taken::Denied { retry_after_us, .. } => Err(Rejection::Throttled { retry_after_us }),
    }
}

/// As many keys that proved something are remembered, the latest, and so long: a recovery takes days.
const PROVED_KEYS: usize = 65_536;
const PROVED_FOR_US: i64 = 14 * DAY_US;

/// Candidates that proved something to this process.
#[derive(Default)]
struct Proved {
    until_us: HashMap<KeyId, i64>,
    order: VecDeque<KeyId>,
}

impl Proved {
    fn holds(&self, key_id: KeyId, now: Timestamp) -> bool {
        self.until_us.get(&key_id).is_some_and(|until_us| now.0 < *until_us)
    }

    fn remember(&mut self, key_id: KeyId, now: Timestamp) {
        if self.until_us.insert(key_id, now.0.saturating_add(PROVED_FOR_US)).is_none() {
            self.order.push_back(key_id);
        }
        while self.order.len() > PROVED_KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.until_us.remove(&oldest);
        }
    }
}

/// The limits over their sources.
pub struct Limits {
    table: LimitTable,
    sources: Sources,
    crowd: Crowd,
    proved: Mutex<Proved>,
    /// When it was last told of which budget that it is used up.
    told: Mutex<HashMap<&'static str, Timestamp>>,
}

impl Limits {
    /// Over their sources. The key tags origins in the log.
    pub fn new(table: LimitTable, sources: Sources, origin_tags: MacKey) -> Self {
        let crowd = Crowd::new(table.crowd, sources.shared.clone().map(|redis| redis as _), origin_tags);
        Self { table, sources, crowd, proved: Mutex::default(), told: Mutex::default() }
    }

    /// The marks of reads that are shared like the limits.
    pub fn shared_marks(&self) -> Option<Arc<dyn Marks>> {
        self.sources.shared.clone().map(|redis| redis as _)
    }

    /// Before anything is verified: where the call comes from.
    pub async fn peer(&self, cost: Cost, ip: IpAddr, now: Timestamp) -> Result<(), Rejection> {
        let (class, limits) = self.table.class(cost);
        let charges: Vec<_> = origin_keys(class, ip)
            .into_iter()
            .map(|(key, factor)| Charge { key, limit: limits.origin.times(factor), cost: 1 })
            .collect();
        // Of all classes together.
        let crowd = self.crowd.charges(ip, now);
        if !crowd.is_empty() {
            self.sources.take(&self.sources.crowds, limits.when_away, now, &crowd).await?;
        }
        self.sources.take(&self.sources.of(cost).origins, limits.when_away, now, &charges).await
    }

    /// After the signature: whose key it is, and from where.
    pub async fn own(
        &self,
        cost: Cost,
        caller: &Caller,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let (class, limits) = self.table.class(cost);
        let buckets = self.sources.of(cost);
        let charge = |id: &[u8]| Charge { key: BucketKey::new(class, id), limit: limits.own, cost: 1 };
        let take =
            async |charges: &[Charge]| self.sources.take(&buckets.own, limits.when_away, now, charges).await;
        match caller {
            Caller::Device { account_id, device_id, .. } => {
                // At once: with a Redis each is a way there and back.
                let charges = [charge(&account_id.0), charge(&device_id.0)];
                join(take(&charges), self.crowd.seen(*account_id, ip, now)).await.0?;
            }
            Caller::Terminal { terminal_id, .. } => take(&[charge(&terminal_id.0)]).await?,
            Caller::Merchant { merchant_id } => take(&[charge(&merchant_id.0)]).await?,
            Caller::Operator { operator_id } => take(&[charge(&operator_id.0)]).await?,
            Caller::Candidate(key) => {
                let own = charge(&key.key_id());
                take(&[own]).await?;
                if !self.proved().holds(KeyId(key.key_id()), now) {
                    return Ok(());
                }
                buckets.own.vouch(&[own.key]);
            }
        }
        let origins: Vec<_> = origin_keys(class, ip).into_iter().map(|(key, _)| key).collect();
        buckets.origins.vouch(&origins);
        Ok(())
    }

    /// Anonymous calls leave rows for good. So those of all strangers together are counted, and above what
    /// is usual whoever has proved nothing pays for his by a stamp: nobody is kept out, and a million calls
    /// cost their maker a million times the work.
    pub async fn anonymous(&self, key_id: KeyId, bits: u32, now: Timestamp) -> Result<(), Rejection> {
        if self.proved().holds(key_id, now) {
            return Ok(());
        }
        let AnonymousLimits { free, stamped, stamp_bits, heavy_bits } = self.table.anonymous;
        for (name, limit, needed) in [("free", free, 0), ("stamped", stamped, stamp_bits)] {
            if bits < needed {
                self.tell("anonymous calls without a stamp", now);
                return Err(Rejection::StampNeeded { bits: needed });
            }
            let charge = Charge { key: BucketKey::new("anonymous", name.as_bytes()), limit, cost: 1 };
            if self.sources.take(&self.sources.global, WhenAway::FallBack, now, &[charge]).await.is_ok() {
                return Ok(());
            }
        }
        if bits < heavy_bits { Err(Rejection::StampNeeded { bits: heavy_bits }) } else { Ok(()) }
    }

    /// A candidate has proved something: its calls go before those of strangers.
    pub fn proved_by(&self, key_id: KeyId, now: Timestamp) {
        self.proved().remember(key_id, now);
    }

    fn proved(&self) -> MutexGuard<'_, Proved> {
        // Both of its parts are only ever looked up: a panic in between costs one key its place.
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of all codes by this channel, to whomever; and what that is called.
    fn budget(&self, is_text: bool) -> (&'static str, [Charge; 2]) {
        let budgets = &self.table.budgets;
        let (name, [hour, day]) = if is_text {
            ("text messages", [budgets.texts_hour, budgets.texts_day])
        } else {
            ("e-mail messages", [budgets.emails_hour, budgets.emails_day])
        };
        let charge =
            |period: &str, limit| Charge { key: BucketKey::new(name, period.as_bytes()), limit, cost: 1 };
        (name, [charge("hour", hour), charge("day", day)])
    }

    /// Once an hour: what is used up is so for many calls.
    fn tell(&self, budget: &'static str, now: Timestamp) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(budget).is_none_or(|at| now.since_us(*at) >= TOLD_EACH_US) {
            told.insert(budget, now);
            tracing::warn!(budget, "a budget of all strangers together is used up");
        }
    }
}

#[cfg(test)]
mod tests;
