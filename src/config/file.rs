//! The file as it is written: what may stand in it, and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::cards::CardsSection;
use super::funding::ProviderName;
use super::recovery::RecoverySection;
use super::settlement::SettlementSection;
use super::tills::TillsSection;
use super::{Because, Mode};
use crate::door::{self, Proxies};
use crate::gate::limit::{ClassLimits, LimitTable, MessageBudgets};
use crate::notify::smtp::Tls;
use crate::ratelimit::gcra::Limit;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub mode: Mode,
    #[serde(default)]
    pub server: ServerSection,
    #[serde(default)]
    pub tls: TlsSection,
    #[serde(default)]
    pub store: StoreSection,
    #[serde(default)]
    pub limits: LimitsSection,
    #[serde(default)]
    pub operators: OperatorsSection,
    #[serde(default)]
    pub keys: KeysSection,
    #[serde(default)]
    pub funding: FundingSection,
    #[serde(default)]
    pub notify: NotifySection,
    #[serde(default)]
    pub merchant_webhooks: MerchantWebhooksSection,
    #[serde(default)]
    pub settlement: SettlementSection,
    #[serde(default)]
    pub tills: TillsSection,
    #[serde(default)]
    pub recovery: RecoverySection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerSection {
    pub audience: Option<String>,
    pub listen: Option<SocketAddr>,
    pub operators_listen: Option<SocketAddr>,
    pub health_listen: Option<SocketAddr>,
    pub data_dir: Option<PathBuf>,
    pub executors: Option<usize>,
    #[serde(default)]
    pub proxies: Vec<String>,
    #[serde(default)]
    pub limits: DoorSection,
}

impl ServerSection {
    /// The load balancers that say who a connection is from.
    pub(super) fn proxies(&self) -> Result<Proxies, Because> {
        const WORDS: &str = "addresses or networks, such as \"10.0.0.0/8\"; not of everybody";
        let networks = self.proxies.iter().map(|text| text.parse().ok()).collect::<Option<Vec<_>>>();
        networks.map(Proxies::new).ok_or(Because::OutOfRange("[server] proxies", WORDS))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

// No Debug: a URL may hold a password.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreSection {
    pub sqlite_dir: Option<PathBuf>,
    pub url: Option<String>,
    pub url_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub clock_difference_seconds: Option<i64>,
    pub checkpoint_copy_dir: Option<PathBuf>,
    pub standby: Option<StandbyWord>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StandbyWord {
    Synchronous,
}

impl std::fmt::Debug for StoreSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSection").finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorsSection {
    pub first_key_file: Option<PathBuf>,
    pub second_key_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysSection {
    pub dir: Option<PathBuf>,
    pub kek_file: Option<PathBuf>,
    pub index_file: Option<PathBuf>,
    pub pepper_file: Option<PathBuf>,
    pub request_file: Option<PathBuf>,
    pub code_file: Option<PathBuf>,
    pub page_file: Option<PathBuf>,
    pub system_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FundingSection {
    pub provider: Option<ProviderName>,
    pub deadline_seconds: Option<i64>,
    #[serde(default)]
    pub cards: CardsSection,
    #[serde(default)]
    pub stripe: StripeSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StripeSection {
    pub secret_key_file: Option<PathBuf>,
    pub base_url: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub webhook_listen: Option<SocketAddr>,
    pub webhook_secret_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifySection {
    pub spool_dir: Option<PathBuf>,
    pub email: Option<EmailSection>,
    pub webhook: Option<WebhookSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailSection {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: Option<Tls>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub from: Option<String>,
    pub ca_file: Option<PathBuf>,
}

// No Debug: a URL may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookSection {
    pub url: Option<String>,
    pub secret_file: Option<PathBuf>,
    pub second_secret_file: Option<PathBuf>,
    pub channels: Option<Vec<String>>,
    pub ca_file: Option<PathBuf>,
}

impl std::fmt::Debug for WebhookSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSection").finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MerchantWebhooksSection {
    #[serde(default)]
    pub allow_private: bool,
}

/// What a peer is granted, where it is not the standard; durations in milliseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DoorSection {
    connections: Option<usize>,
    connections_per_origin: Option<usize>,
    calls: Option<usize>,
    calls_per_origin: Option<usize>,
    watchers: Option<usize>,
    watchers_per_origin: Option<usize>,
    handshake_ms: Option<u64>,
    preface_ms: Option<u64>,
    first_request_ms: Option<u64>,
    call_ms: Option<u64>,
    answer_ms: Option<u64>,
    keep_alive_ms: Option<u64>,
    keep_alive_answer_ms: Option<u64>,
    connection_age_ms: Option<u64>,
    connection_grace_ms: Option<u64>,
    drain_ms: Option<u64>,
}

/// An hour: whoever wants more has not understood what a deadline is for.
const LONGEST_MS: u64 = 3_600_000;
const MOST: usize = 1_000_000;

impl DoorSection {
    pub(super) fn applied(&self) -> Result<door::Limits, Because> {
        let count = |written: Option<usize>, standard: usize| match written {
            Some(count) if !(1..=MOST).contains(&count) => {
                Err(Because::OutOfRange("[server.limits], a count", "1 to 1000000"))
            }
            written => Ok(written.unwrap_or(standard)),
        };
        let time = |written: Option<u64>, standard: Duration| match written {
            Some(ms) if !(1..=LONGEST_MS).contains(&ms) => {
                Err(Because::OutOfRange("[server.limits], a time", "1 to 3600000 milliseconds"))
            }
            written => Ok(written.map_or(standard, Duration::from_millis)),
        };
        let standard = door::Limits::standard();
        Ok(door::Limits {
            connections: count(self.connections, standard.connections)?,
            connections_per_origin: count(self.connections_per_origin, standard.connections_per_origin)?,
            calls: count(self.calls, standard.calls)?,
            calls_per_origin: count(self.calls_per_origin, standard.calls_per_origin)?,
            watchers: count(self.watchers, standard.watchers)?,
            watchers_per_origin: count(self.watchers_per_origin, standard.watchers_per_origin)?,
            handshake: time(self.handshake_ms, standard.handshake)?,
            preface: time(self.preface_ms, standard.preface)?,
            first_request: time(self.first_request_ms, standard.first_request)?,
            call: time(self.call_ms, standard.call)?,
            answer: time(self.answer_ms, standard.answer)?,
            keep_alive: time(self.keep_alive_ms, standard.keep_alive)?,
            keep_alive_answer: time(self.keep_alive_answer_ms, standard.keep_alive_answer)?,
            connection_age: time(self.connection_age_ms, standard.connection_age)?,
            connection_grace: time(self.connection_grace_ms, standard.connection_grace)?,
            drain: time(self.drain_ms, standard.drain)?,
        })
    }
}

/// The one word that redis can be.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NoRedis {
    None,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    pub redis: Option<NoRedis>,
    pub redis_url: Option<String>,
    pub redis_url_file: Option<PathBuf>,
    pub redis_ca_file: Option<PathBuf>,
    #[serde(default)]
    rates: RatesSection,
    #[serde(default)]
    budgets: BudgetsSection,
}

impl std::fmt::Debug for LimitsSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LimitsSection")
            .field("rates", &self.rates)
            .field("budgets", &self.budgets)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesSection {
    enrolment: Option<ClassSection>,
    recovery: Option<ClassSection>,
    reading: Option<ClassSection>,
    money_in: Option<ClassSection>,
    money_out: Option<ClassSection>,
    security: Option<ClassSection>,
    stop: Option<ClassSection>,
    till: Option<ClassSection>,
    merchant: Option<ClassSection>,
    operator: Option<ClassSection>,
    messages: Option<Rate>,
    recovery_target: Option<Rate>,
}

/// How many codes are sent in all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetsSection {
    texts_per_hour: Option<u32>,
    texts_per_day: Option<u32>,
    texts_per_prefix_and_day: Option<u32>,
    emails_per_hour: Option<u32>,
    emails_per_day: Option<u32>,
}

impl BudgetsSection {
    fn applied(&self, standard: MessageBudgets) -> Result<MessageBudgets, Because> {
        let limit = |written: Option<u32>, hours: u32, standard: Limit| match written {
            Some(count) if !(2..=10_000_000).contains(&count) => {
                Err(Because::OutOfRange("[limits.budgets], a count", "2 to 10000000"))
            }
            written => Ok(written.map_or(standard, |count| Limit::at_most(count, hours))),
        };
        Ok(MessageBudgets {
            texts_hour: limit(self.texts_per_hour, 1, standard.texts_hour)?,
            texts_day: limit(self.texts_per_day, 24, standard.texts_day)?,
            prefix_day: limit(self.texts_per_prefix_and_day, 24, standard.prefix_day)?,
            emails_hour: limit(self.emails_per_hour, 1, standard.emails_hour)?,
            emails_day: limit(self.emails_per_day, 24, standard.emails_day)?,
        })
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassSection {
    origin: Option<Rate>,
    own: Option<Rate>,
}

/// So many in a period on the long run, so many at once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    events: u32,
    per: Period,
    burst: u32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Period {
    Second,
    Minute,
    Day,
}

impl Rate {
    fn limit(self) -> Result<Limit, Because> {
        let is_possible = |number| (1..=1_000_000).contains(&number);
        if !is_possible(self.events) || !is_possible(self.burst) {
            return Err(Because::OutOfRange("[limits.rates], events and burst", "1 to 1000000"));
        }
        Ok(match self.per {
            Period::Second => Limit::per_second(self.events, self.burst),
            Period::Minute => Limit::per_minute(self.events, self.burst),
            Period::Day => Limit::per_day(self.events, self.burst),
        })
    }
}

impl LimitsSection {
    /// The documented limits with what is written over them.
    pub(super) fn table(&self) -> Result<LimitTable, Because> {
        let class = |written: Option<ClassSection>, standard: ClassLimits| {
            let Some(written) = written else { return Ok(standard) };
            let limit = |rate: Option<Rate>, limit| rate.map_or(Ok(limit), Rate::limit);
            Ok(ClassLimits {
                origin: limit(written.origin, standard.origin)?,
                own: limit(written.own, standard.own)?,
                ..standard
            })
        };
        let (rates, standard) = (&self.rates, LimitTable::standard());
        Ok(LimitTable {
            enrolment: class(rates.enrolment, standard.enrolment)?,
            recovery: class(rates.recovery, standard.recovery)?,
            reading: class(rates.reading, standard.reading)?,
            money_in: class(rates.money_in, standard.money_in)?,
            money_out: class(rates.money_out, standard.money_out)?,
            security: class(rates.security, standard.security)?,
            stop: class(rates.stop, standard.stop)?,
            till: class(rates.till, standard.till)?,
            merchant: class(rates.merchant, standard.merchant)?,
            operator: class(rates.operator, standard.operator)?,
            crowd: standard.crowd,
            anonymous: standard.anonymous,
            budgets: self.budgets.applied(standard.budgets)?,
            sandbox: standard.sandbox,
            messages: rates.messages.map_or(Ok(standard.messages), Rate::limit)?,
            recovery_target: rates.recovery_target.map_or(Ok(standard.recovery_target), Rate::limit)?,
            codes_of: standard.codes_of,
            shares: standard.shares,
        })
    }
}
