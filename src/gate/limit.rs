//! How often somebody may come: an origin before anything is verified, a key and its account after.

use std::net::IpAddr;
use std::sync::Arc;

use super::admitted::Caller;
use super::operation::Cost;
use super::rejection::Rejection;
use crate::domain::time::Timestamp;
use crate::ratelimit::gcra::Limit;
use crate::ratelimit::origin::origin_keys;
use crate::ratelimit::source::{BucketKey, Charge, Source, SourceUnavailable, Taken};

/// The limits of one class of calls.
#[derive(Clone, Copy, Debug)]
pub struct ClassLimits {
    /// Of one origin.
    pub origin: Limit,
    /// Of one key, and of one account.
    pub own: Limit,
}

/// The limits of all classes; made whole, or not at all.
#[derive(Clone, Debug)]
pub struct LimitTable {
    /// Anonymous, sends messages, hashes passphrases.
    pub enrolment: ClassLimits,
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
    /// Messages to one contact, whoever asks.
    pub messages: Limit,
}

impl LimitTable {
    /// The figures of the documentation. An origin may be a whole carrier's gateway: what is
    /// expensive for us or annoying for a person is limited by what it costs, all else generously.
    pub fn standard() -> Self {
        let device = ClassLimits { origin: Limit::per_second(200, 400), own: Limit::per_second(5, 30) };
        Self {
            enrolment: ClassLimits { origin: Limit::per_minute(30, 30), own: Limit::per_minute(10, 10) },
            reading: ClassLimits { origin: Limit::per_second(400, 800), own: Limit::per_second(10, 60) },
            money_in: device,
            money_out: device,
            security: device,
            stop: device,
            // A shop's tills share an address; a till takes a customer in some seconds.
            till: ClassLimits { origin: Limit::per_second(400, 800), own: Limit::per_second(10, 40) },
            merchant: ClassLimits { origin: Limit::per_second(200, 400), own: Limit::per_second(50, 200) },
            operator: ClassLimits { origin: Limit::per_second(10, 60), own: Limit::per_second(5, 30) },
            sandbox: ClassLimits {
                origin: Limit::per_second(1_000, 2_000),
                own: Limit::per_second(1_000, 2_000),
            },
            messages: Limit::per_day(3, 3),
        }
    }

    /// No class limits anybody in practice: for measuring what the rest of a call costs.
    pub fn unlimited() -> Self {
        let class = ClassLimits {
            origin: Limit::per_second(1_000_000, 1_000_000),
            own: Limit::per_second(1_000_000, 1_000_000),
        };
        Self {
            enrolment: class,
            reading: class,
            money_in: class,
            money_out: class,
            security: class,
            stop: class,
            till: class,
            merchant: class,
            operator: class,
            sandbox: class,
            messages: Limit::per_second(1_000_000, 1_000_000),
        }
    }

    fn class(&self, cost: Cost) -> (&'static str, ClassLimits) {
        match cost {
            Cost::Enrolment => ("enrolment", self.enrolment),
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

/// The limits over their source.
pub struct Limits {
    table: LimitTable,
    source: Arc<dyn Source>,
    messages: Arc<dyn Source>,
}

impl Limits {
    /// Over a source of buckets, and one apart for messages: anybody can make a bucket for any address,
    /// and those must not crowd out the buckets of customers.
    pub fn new(table: LimitTable, source: Arc<dyn Source>, messages: Arc<dyn Source>) -> Self {
        Self { table, source, messages }
    }

    /// Before anything is verified: where the call comes from.
    pub async fn peer(&self, cost: Cost, ip: IpAddr, now: Timestamp) -> Result<(), Rejection> {
        let (class, limits) = self.table.class(cost);
        let charges: Vec<_> = origin_keys(class, ip)
            .into_iter()
            .map(|(key, factor)| Charge { key, limit: limits.origin.times(factor), cost: 1 })
            .collect();
        self.take(now, &charges).await
    }

    /// After the signature: whose key it is.
    pub async fn own(&self, cost: Cost, caller: &Caller, now: Timestamp) -> Result<(), Rejection> {
        let (class, limits) = self.table.class(cost);
        let charge = |id: &[u8]| Charge { key: BucketKey::new(class, id), limit: limits.own, cost: 1 };
        match caller {
            Caller::Device { account_id, device_id, .. } => {
                self.take(now, &[charge(&account_id.0), charge(&device_id.0)]).await
            }
            Caller::Terminal { terminal_id, .. } => self.take(now, &[charge(&terminal_id.0)]).await,
            Caller::Merchant { merchant_id } => self.take(now, &[charge(&merchant_id.0)]).await,
            Caller::Operator { operator_id } => self.take(now, &[charge(&operator_id.0)]).await,
            Caller::Candidate(key) => self.take(now, &[charge(&key.key_id())]).await,
        }
    }

    /// A message to a contact, whoever asks for it; the contact by its blind index.
    pub async fn message(&self, contact_index: &[u8; 32], now: Timestamp) -> Result<(), Rejection> {
        let key = BucketKey::new("message-to", contact_index);
        let charge = Charge { key, limit: self.table.messages, cost: 1 };
        taken(self.messages.take(now.0, &[charge]).await)
    }

    async fn take(&self, now: Timestamp, charges: &[Charge]) -> Result<(), Rejection> {
        taken(self.source.take(now.0, charges).await)
    }
}

fn taken(taken: Result<Taken, SourceUnavailable>) -> Result<(), Rejection> {
    match taken {
        Ok(Taken::Allowed) => Ok(()),
        Ok(Taken::Denied { retry_after_us }) => Err(Rejection::Throttled { retry_after_us }),
        Err(SourceUnavailable) => Err(Rejection::Unavailable),
    }
}
