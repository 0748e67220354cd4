//! What a server is put together from: the same values for a sandbox and for production, which differ
//! in nothing else.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{StartError, messages};
use crate::config::funding::Funding;
use crate::config::{
    Buckets, CardsAt, CertificateAt, Config, KeysAt, Mode, OperatorsAt, SANDBOX_AUDIENCE, SettlementAt,
    StoreAt, TillsAt,
};
use crate::domain::policy::{CardRules, Policy, SettlementRules, StaffRules, TopUpRules};
use crate::door;
use crate::door::reload::RELOAD_INTERVAL;
use crate::env::clock::MovableClock;
use crate::gate::limit::LimitTable;
use crate::notify::channels::Channels;
use crate::outbound::guard::Reach;
use crate::ratelimit::redis::settings::{RedisSettings, RedisUrlError, TimeBase};
use crate::store::moment::ClockBounds;
use crate::tasks::checkpoint::Places;
use crate::tasks::webhook::SenderSettings;

/// What a server is started with.
pub struct Settings {
    /// Whether money is real: only a sandbox has a clock to move, messages to read and a seed file.
    pub mode: Mode,
    /// The deployment's name.
    pub audience: String,
    /// Checkpoints and revoked keys, and in a sandbox the clock.
    pub data_dir: PathBuf,
    /// Where checkpoints and revoked keys are kept a second time.
    pub checkpoint_copy_dir: Option<PathBuf>,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where operators are listened to; port 0 takes a free one.
    pub operators_listen: SocketAddr,
    /// Where gRPC health is told, in plaintext.
    pub health_listen: Option<SocketAddr>,
    /// How many executors serve connections.
    pub executors: NonZeroUsize,
    /// The database.
    pub store: StoreAt,
    /// Where limits and marks of reads are shared with other processes; without, each has its own.
    pub redis: Option<RedisSettings>,
    /// The operators that the deployment begins with.
    pub operators: OperatorsAt,
    /// The server's own keys.
    pub keys: KeysAt,
    /// The certificate.
    pub certificate: CertificateAt,
    /// So often the certificate's files are looked at.
    pub certificate_interval: Duration,
    /// Who charges linked sources.
    pub funding: Funding,
    /// Who carries messages to people; in a sandbox the folder carries what is left.
    pub channels: Channels,
    /// How merchants' webhooks are reached.
    pub merchant_webhooks: SenderSettings,
    /// A sandbox's folder of messages.
    pub messages: Option<PathBuf>,
    /// A sandbox's seed file, instead of the one that comes with the program.
    pub seed: Option<PathBuf>,
    /// A sandbox's clock moved by hand, instead of its own.
    pub clock: Option<Arc<dyn MovableClock>>,
    /// The rules' figures.
    pub policy: Policy,
    /// Who may come how often.
    pub limits: LimitTable,
    /// How many connections, and how long they may keep silent.
    pub door: door::Limits,
    /// The load balancers that say who a connection is from.
    pub proxies: door::Proxies,
    /// How far this machine's clock may be from others.
    pub clocks: ClockBounds,
    /// Commands to a commit at most; its store's own bound, unless measured with another.
    pub batch_bound: Option<usize>,
}

impl Settings {
    /// Where checkpoints and revoked keys are kept.
    pub fn places(&self) -> Places {
        Places::new(self.data_dir.clone(), self.checkpoint_copy_dir.clone())
    }

    /// The sandbox's defaults, on a data directory.
    pub fn sandbox(data_dir: PathBuf, listen: SocketAddr) -> Self {
        Self {
            mode: Mode::Sandbox,
            audience: SANDBOX_AUDIENCE.to_owned(),
            listen,
            operators_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            health_listen: None,
            executors: NonZeroUsize::MIN,
            store: StoreAt::Sqlite(data_dir.clone()),
            redis: None,
            operators: OperatorsAt::Generated(data_dir.join("operators")),
            keys: KeysAt::Directory { path: data_dir.join("keys"), may_create: true },
            certificate: CertificateAt::Generated(data_dir.join("tls")),
            certificate_interval: RELOAD_INTERVAL,
            funding: Funding::Sandbox,
            channels: Channels::default(),
            merchant_webhooks: SenderSettings::public(),
            messages: Some(data_dir.join("messages")),
            data_dir,
            checkpoint_copy_dir: None,
            seed: None,
            clock: None,
            policy: Policy::standard(),
            limits: LimitTable::standard(),
            door: door::Limits::standard(),
            proxies: door::Proxies::default(),
            clocks: ClockBounds::standard(),
            batch_bound: None,
        }
    }
}

/// Where the rate limits count. The sandbox's clock can be moved, so there the callers' clock counts.
pub(super) fn redis(buckets: &Buckets, mode: Mode) -> Result<Option<RedisSettings>, StartError> {
    let Buckets::Redis(url, ca_file) = buckets else { return Ok(None) };
    let time = match mode {
        Mode::Sandbox => TimeBase::Callers,
        Mode::Production => TimeBase::Redis,
    };
    let ca = ca_file.as_deref().map(std::fs::read).transpose();
    let ca = ca.map_err(|_unreadable| RedisUrlError::Authority)?;
    Ok(Some(RedisSettings::new(url.url.expose(), ca.as_deref(), time)?))
}

/// How merchants are paid: as documented, but for what was written.
fn paid(given: &SettlementAt) -> SettlementRules {
    let standard = Policy::standard().settlement;
    SettlementRules {
        utc_offset_us: given.utc_offset_us.unwrap_or(standard.utc_offset_us),
        payable_floor_minor: given.payable_floor_minor.unwrap_or(standard.payable_floor_minor),
        ..standard
    }
}

/// How far clocks may be apart: as documented, but for what was written.
fn clocks(difference_us: Option<i64>) -> ClockBounds {
    let standard = ClockBounds::standard();
    ClockBounds { difference_us: difference_us.unwrap_or(standard.difference_us), ..standard }
}

/// How long tills' calls reach back: as documented, but for what was written.
fn tills(given: &TillsAt) -> StaffRules {
    let standard = Policy::standard().staff;
    StaffRules {
        reversal_us: given.reversal_us.unwrap_or(standard.reversal_us),
        cash_back_us: given.cash_back_us.unwrap_or(standard.cash_back_us),
        close_day_us: given.close_day_us.unwrap_or(standard.close_day_us),
        ..standard
    }
}

/// How cards are charged: as documented, but for what was written.
fn charged(given: &CardsAt) -> CardRules {
    let standard = Policy::standard().cards;
    CardRules {
        accounts: given.accounts.unwrap_or(standard.accounts),
        day_minor: given.day_minor.unwrap_or(standard.day_minor),
        day_count: given.day_count.unwrap_or(standard.day_count),
        new_us: given.new_us.unwrap_or(standard.new_us),
        new_day_minor: given.new_day_minor.unwrap_or(standard.new_day_minor),
        challenge_minor: given.challenge_minor.unwrap_or(standard.challenge_minor),
        ..standard
    }
}

impl TryFrom<Config> for Settings {
    type Error = StartError;

    fn try_from(config: Config) -> Result<Self, StartError> {
        let Config { mode, audience, listen, operators_listen, health_listen, .. } = config;
        let Config { data_dir, executors, door, certificate, store, buckets, .. } = config;
        let checkpoint_copy_dir = config.checkpoint_copy_dir;
        let Config { limits, keys, funding, notify, operators, recovery, .. } = config;
        let Config { settlement, tills: given_tills, .. } = config;
        let standard = Policy::standard();
        let deadline_us = config.top_up_deadline_us.unwrap_or(standard.top_ups.deadline_us);
        let redis = redis(&buckets, mode)?;
        Ok(Self {
            mode,
            audience,
            data_dir,
            checkpoint_copy_dir,
            listen,
            operators_listen,
            health_listen,
            executors,
            store,
            redis,
            operators,
            keys,
            certificate,
            certificate_interval: RELOAD_INTERVAL,
            funding,
            channels: messages::channels(&notify)?,
            merchant_webhooks: SenderSettings {
                reach: if config.private_webhooks { Reach::Private } else { Reach::Public },
                ..SenderSettings::public()
            },
            messages: notify.folder,
            seed: None,
            clock: None,
            policy: Policy {
                recovery,
                settlement: paid(&settlement),
                staff: tills(&given_tills),
                top_ups: TopUpRules { deadline_us },
                cards: charged(&config.cards),
                ..standard
            },
            limits,
            door,
            proxies: config.proxies,
            clocks: clocks(config.clock_difference_us),
            batch_bound: None,
        })
    }
}
