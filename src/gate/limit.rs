//! How often somebody may come: an origin before anything is verified, a key and its account after.
//!
//! Where a Redis is shared, its buckets count. While it is away each class is denied, or limited by this
//! process for itself, as the table says. What that costs in strictness: with n processes, n times the
//! limit while Redis is away, and once more the burst when it is back, since its buckets filled up
//! meanwhile. A process also draws on its own buckets what Redis allowed here, so that going away by
//! itself gives nobody a burst at a process that he has spent his at.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join;

use super::admitted::Caller;
use super::crowd::{Crowd, CrowdLimits};
use super::operation::Cost;
use super::rejection::Rejection;
use crate::crypto::hash::MacKey;
use crate::domain::time::Timestamp;
use crate::ratelimit::gcra::Limit;
use crate::ratelimit::marks::Marks;
use crate::ratelimit::memory::MemorySource;
use crate::ratelimit::origin::origin_keys;
use crate::ratelimit::redis::Redis;
use crate::ratelimit::source::{BucketKey, Charge, Source, SourceUnavailable, Taken};

/// As many rate-limit buckets are kept in memory.
const BUCKETS: usize = 1_000_000;

/// What happens to a class of calls while the shared limits are away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// It is unavailable.
    Deny,
    /// This process limits it for itself.
    FallBack,
}

/// The limits of one class of calls.
#[derive(Clone, Copy, Debug)]
pub struct ClassLimits {
    /// Of one origin.
    pub origin: Limit,
    /// Of one key, and of one account.
    pub own: Limit,
    /// While the shared limits are away.
    pub when_away: WhenAway,
}

/// The limits of all classes; made whole, or not at all.
#[derive(Clone, Debug)]
pub struct LimitTable {
    /// Anonymous, sends messages, hashes passphrases.
    pub enrolment: ClassLimits,
    /// Anonymous, compares factors, hashes passphrases.
    pub recovery: ClassLimits,
    /// Reads.
    pub reading: ClassLimits,
    /// Money in.
    pub money_in: ClassLimits,
    /// Money out.
    pub money_out: ClassLimits,
    /// Factors and devices.
    pub security: ClassLimits,
    /// Stopping all outflow.
    pub stop: ClassLimits,
    /// Tills.
    pub till: ClassLimits,
    /// Merchants' servers.
    pub merchant: ClassLimits,
    /// Operators.
    pub operator: ClassLimits,
    /// The sandbox's own.
    pub sandbox: ClassLimits,
    /// Messages to one contact, whoever asks. Denied while the shared limits are away.
    pub messages: Limit,
    /// Recoveries and additions begun for one contact, whoever asks. Denied likewise.
    pub recovery_target: Limit,
    /// What an origin with too many accounts is.
    pub crowd: CrowdLimits,
}

impl LimitTable {
    /// The figures of the documentation. An origin may be a whole carrier's gateway: what is
    /// expensive for us or annoying for a person is limited by what it costs, all else generously.
    pub fn standard() -> Self {
        use WhenAway::{Deny, FallBack};
        let class = |origin, own, when_away| ClassLimits { origin, own, when_away };
        let (origin, own) = (Limit::per_second(200, 400), Limit::per_second(5, 30));
        let sandbox = Limit::per_second(1_000, 2_000);
        Self {
            enrolment: class(Limit::per_minute(30, 30), Limit::per_minute(10, 10), Deny),
            recovery: class(Limit::per_minute(60, 60), Limit::per_minute(20, 20), Deny),
            reading: class(Limit::per_second(400, 800), Limit::per_second(10, 60), FallBack),
            money_in: class(origin, own, FallBack),
            money_out: class(origin, own, FallBack),
            security: class(origin, own, Deny),
            // Whoever wants to stop everything is never kept from it.
            stop: class(origin, own, FallBack),
            // A shop's tills share an address; a till takes a customer in some seconds.
            till: class(Limit::per_second(400, 800), Limit::per_second(10, 40), FallBack),
            merchant: class(origin, Limit::per_second(50, 200), FallBack),
            operator: class(Limit::per_second(10, 60), Limit::per_second(5, 30), Deny),
            sandbox: class(sandbox, sandbox, FallBack),
            messages: Limit::per_day(3, 3),
            recovery_target: Limit::per_minute(6, 60),
            crowd: CrowdLimits { accounts_per_hour: 2_000, throttled: Limit::per_second(1, 60) },
        }
    }

    /// No class limits anybody in practice: for measuring what the rest of a call costs.
    pub fn unlimited() -> Self {
        let wide = Limit::per_second(1_000_000, 1_000_000);
        let class = ClassLimits { origin: wide, own: wide, when_away: WhenAway::FallBack };
        Self {
            enrolment: class,
            recovery: class,
            reading: class,
            money_in: class,
            money_out: class,
            security: class,
            stop: class,
            till: class,
            merchant: class,
            operator: class,
            sandbox: class,
            messages: wide,
            recovery_target: wide,
            crowd: CrowdLimits { accounts_per_hour: u32::MAX, throttled: wide },
        }
    }

    fn class(&self, cost: Cost) -> (&'static str, ClassLimits) {
        match cost {
            Cost::Enrolment => ("enrolment", self.enrolment),
            Cost::Recovery => ("recovery", self.recovery),
            Cost::Reading => ("reading", self.reading),
            Cost::MoneyIn => ("money-in", self.money_in),
            Cost::MoneyOut => ("money-out", self.money_out),
            Cost::Security => ("security", self.security),
            Cost::Stop => ("stop", self.stop),
            Cost::Till => ("till", self.till),
            Cost::Merchant => ("merchant", self.merchant),
            Cost::Operator => ("operator", self.operator),
            Cost::Sandbox => ("sandbox", self.sandbox),
        }
    }
}

/// Where buckets are kept.
pub struct Sources {
    local: MemorySource,
    // Apart: anybody can make a bucket for any address, and those must not crowd out the buckets of
    // customers.
    messages: MemorySource,
    shared: Option<Arc<Redis>>,
}

impl Sources {
    /// In this process, and in a Redis where there is one.
    pub fn new(shared: Option<Arc<Redis>>) -> Self {
        Self { local: MemorySource::new(BUCKETS), messages: MemorySource::new(BUCKETS), shared }
    }

    async fn take(&self, away: WhenAway, now: Timestamp, charges: &[Charge]) -> Result<(), Rejection> {
        let Some(shared) = &self.shared else { return taken(self.local.take_now(now.0, charges)) };
        match (shared.take(now.0, charges).await, away) {
            (Ok(Taken::Allowed), WhenAway::FallBack) => {
                // Only drawn, not asked: what this process would say doesn't count now.
                self.local.take_now(now.0, charges);
                Ok(())
            }
            (Ok(answer), _) => taken(answer),
            (Err(SourceUnavailable), WhenAway::Deny) => Err(Rejection::Unavailable),
            (Err(SourceUnavailable), WhenAway::FallBack) => taken(self.local.take_now(now.0, charges)),
        }
    }

    async fn take_message(&self, now: Timestamp, charge: Charge) -> Result<(), Rejection> {
        let Some(shared) = &self.shared else { return taken(self.messages.take_now(now.0, &[charge])) };
        shared.take(now.0, &[charge]).await.map_or(Err(Rejection::Unavailable), taken)
    }
}

fn taken(taken: Taken) -> Result<(), Rejection> {
    match taken {
        Taken::Allowed => Ok(()),
        Taken::Denied { retry_after_us } => Err(Rejection::Throttled { retry_after_us }),
    }
}

/// The limits over their sources.
pub struct Limits {
    table: LimitTable,
    sources: Sources,
    crowd: Crowd,
}

impl Limits {
    /// Over their sources. The key tags origins in the log.
    pub fn new(table: LimitTable, sources: Sources, origin_tags: MacKey) -> Self {
        let crowd = Crowd::new(table.crowd, sources.shared.clone().map(|redis| redis as _), origin_tags);
        Self { table, sources, crowd }
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
            .chain(self.crowd.charges(ip, now))
            .collect();
        self.sources.take(limits.when_away, now, &charges).await
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
        let charge = |id: &[u8]| Charge { key: BucketKey::new(class, id), limit: limits.own, cost: 1 };
        let take = async |charges: &[Charge]| self.sources.take(limits.when_away, now, charges).await;
        match caller {
            Caller::Device { account_id, device_id, .. } => {
                // At once: with a Redis each is a way there and back.
                let charges = [charge(&account_id.0), charge(&device_id.0)];
                join(take(&charges), self.crowd.seen(*account_id, ip, now)).await.0
            }
            Caller::Terminal { terminal_id, .. } => take(&[charge(&terminal_id.0)]).await,
            Caller::Merchant { merchant_id } => take(&[charge(&merchant_id.0)]).await,
            Caller::Operator { operator_id } => take(&[charge(&operator_id.0)]).await,
            Caller::Candidate(key) => take(&[charge(&key.key_id())]).await,
        }
    }

    /// A message to a contact, whoever asks for it; the contact by its blind index.
    pub async fn message(&self, contact_index: &[u8; 32], now: Timestamp) -> Result<(), Rejection> {
        let key = BucketKey::new("message-to", contact_index);
        self.sources.take_message(now, Charge { key, limit: self.table.messages, cost: 1 }).await
    }

    /// A recovery or an addition that is begun for a contact, whoever asks; the contact by its blind index.
    pub async fn recovery_target(&self, contact_index: &[u8; 32], now: Timestamp) -> Result<(), Rejection> {
        let key = BucketKey::new("recovery-of", contact_index);
        self.sources.take_message(now, Charge { key, limit: self.table.recovery_target, cost: 1 }).await
    }
}
