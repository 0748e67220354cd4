//! The configuration file: read once, at the start, whole or not at all.
//!
//! It promises that a production server runs on nothing that its operator did not write down: unknown
//! keys are refused, so is every default of the sandbox, and so is a secret that anybody else on the
//! machine can read. Each refusal is one sentence that names the key and says what to write instead, and
//! they are told together.
//! Secrets come from files, named in the file or by a variable `SAIFU_…_FILE`; their values stand in
//! neither, and in no log.

mod cards;
mod file;
pub mod funding;
pub mod notify;
mod recovery;
mod refusal;
mod secret;
mod settlement;
#[cfg(test)]
mod tests;
mod tills;
pub mod url;

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::crypto::keyring::KeyFiles;
use crate::domain::recovery::figures::Figures;
use crate::domain::time::SECOND_US;
use crate::door;
use crate::door::reload::Files;
use crate::env::environment::Environment;
use crate::gate::limit::LimitTable;
pub use cards::CardsAt;
use file::Raw;
use funding::Funding;
use notify::Notify;
use refusal::Findings;
pub use refusal::{Because, ConfigError};
pub use secret::Secret;
use secret::{Source, check_private};
pub use settlement::SettlementAt;
pub use tills::TillsAt;
use url::{PostgresUrl, RedisUrl};

/// The deployment's name in a sandbox; refused in production.
pub const SANDBOX_AUDIENCE: &str = "sandbox.saifu.invalid";

/// Whether money is real. Nothing says it but the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// No real money; the clock can be moved, the messages be read.
    Sandbox,
    /// Real money.
    Production,
}

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAt {
    /// Embedded, in this directory, of which one process at a time has hold.
    Sqlite(PathBuf),
    /// A PostgreSQL server, the authorities that its certificate may be from, and what is asked of a standby.
    Postgres(PostgresUrl, Option<PathBuf>, Standby),
}

/// What is asked of a database's standby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standby {
    /// Nothing: what was acknowledged is on the disk of one server.
    #[default]
    None,
    /// That it has what is acknowledged.
    Synchronous,
}

/// Where the rate limits' buckets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// In this process, for itself.
    InProcess,
    /// In Redis, for all replicas together, and the authorities that its certificate may be from.
    Redis(RedisUrl, Option<PathBuf>),
}

/// Where the server's own keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysAt {
    /// A directory that only the server's user can reach.
    Directory {
        /// The directory.
        path: PathBuf,
        /// They are made at a first start.
        may_create: bool,
    },
    /// A file each.
    Files(Box<KeyFiles>),
}

/// Where the certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateAt {
    /// The sandbox's own, made at a first start.
    Generated(PathBuf),
    /// The operator's.
    Files(Files),
}

/// Where the first operators' keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorsAt {
    /// The sandbox's own, private keys and all, made at a first start.
    Generated(PathBuf),
    /// Two people's public keys.
    Files([PathBuf; 2]),
}

/// A configuration that can be started with, as far as can be told without starting.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether money is real.
    pub mode: Mode,
    /// The deployment's name, which every call is signed for.
    pub audience: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the operators' services listen.
    pub operators_listen: SocketAddr,
    /// Where gRPC health is told, in plaintext.
    pub health_listen: Option<SocketAddr>,
    /// Checkpoints, and in a sandbox the clock.
    pub data_dir: PathBuf,
    /// How many executors serve connections.
    pub executors: NonZeroUsize,
    /// What a peer is granted.
    pub door: door::Limits,
    /// The certificate.
    pub certificate: CertificateAt,
    /// The database.
    pub store: StoreAt,
    /// This machine's clock may be so far from the database's, and leap so far, where it is not the
    /// documented time.
    pub clock_difference_us: Option<i64>,
    /// The load balancers that say who a connection is from.
    pub proxies: door::Proxies,
    /// Where checkpoints and revoked keys are kept a second time.
    pub checkpoint_copy_dir: Option<PathBuf>,
    /// Where the rate limits count.
    pub buckets: Buckets,
    /// Who may come how often.
    pub limits: LimitTable,
    /// The operators that the deployment begins with.
    pub operators: OperatorsAt,
    /// The server's own keys.
    pub keys: KeysAt,
    /// Who charges linked sources.
    pub funding: Funding,
    /// A top-up's provider may take so long, where it is not the documented time.
    pub top_up_deadline_us: Option<i64>,
    /// How cards are charged, where it is not as documented.
    pub cards: CardsAt,
    /// Who carries messages to people.
    pub notify: Notify,
    /// Merchants' webhooks may be on private networks, and without TLS on this machine.
    pub private_webhooks: bool,
    /// How merchants are paid, where it is not as documented.
    pub settlement: SettlementAt,
    /// How long tills' calls reach back.
    pub tills: TillsAt,
    /// The figures of account recovery.
    pub recovery: Figures,
}

impl Config {
    /// Reads a file. What it names relatively lies beside it.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let base = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        Self::parse(&text, path, base, environment)
    }

    fn parse(text: &str, path: &Path, base: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|error| ConfigError::malformed(path, text, &error))?;
        let source = Source::new(base, environment)?;
        Reading { raw, source }.config()
    }
}

/// A file that is being made sense of.
struct Reading<'a> {
    raw: Raw,
    source: Source<'a>,
}

impl Reading<'_> {
    fn config(self) -> Result<Config, ConfigError> {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (raw, mut found) = (&self.raw, Findings::default());
        let server = &raw.server;
        let audience = found.kept(self.audience());
        let listen = found.kept(self.given(server.listen, "[server] listen", LISTEN, || loopback(8443)));
        let data_dir = found.kept(self.data_dir());
        let executors = found.kept(self.executors());
        let door = found.kept(server.limits.applied());
        let proxies = found.kept(server.proxies());
        let certificate = found.kept(self.certificate());
        let store = found.kept(self.store());
        let clock_difference_us = found.kept(self.clock_difference_us());
        let checkpoint_copy_dir = raw.store.checkpoint_copy_dir.as_deref();
        let checkpoint_copy_dir = checkpoint_copy_dir.map(|path| self.source.path(path));
        let buckets = found.kept(self.buckets());
        let limits = found.kept(raw.limits.table());
        let operators = found.kept(self.operators());
        let keys = found.kept(self.keys());
        let funding = found.kept(self.funding());
        let top_up_deadline_us = found.kept(self.top_up_deadline_us());
        let cards = found.kept(raw.funding.cards.given());
        let notify = found.kept(self.notify());
        let private_webhooks = found.kept(self.private_webhooks());
        let settlement = found.kept(raw.settlement.given());
        let tills = found.kept(raw.tills.given());
        let recovery = found.kept(raw.recovery.figures(self.is_production()));
        let whole = || {
            Some(Config {
                mode: raw.mode,
                audience: audience?,
                listen: listen?,
                operators_listen: server.operators_listen.unwrap_or_else(|| loopback(8444)),
                health_listen: server.health_listen,
                data_dir: data_dir?,
                executors: executors?,
                door: door?,
                proxies: proxies?,
                certificate: certificate?,
                store: store?,
                clock_difference_us: clock_difference_us?,
                checkpoint_copy_dir,
                buckets: buckets?,
                limits: limits?,
                operators: operators?,
                keys: keys?,
                funding: funding?,
                top_up_deadline_us: top_up_deadline_us?,
                cards: cards?,
                notify: notify?,
                private_webhooks: private_webhooks?,
                settlement: settlement?,
                tills: tills?,
                recovery: recovery?,
            })
        };
        let whole = whole();
        found.judge(whole)
    }

    fn executors(&self) -> Result<NonZeroUsize, Because> {
        const MUST: Because = Because::OutOfRange("[server] executors", "1 or more");
        let written = self.raw.server.executors;
        written.map_or(Ok(NonZeroUsize::MIN), |count| NonZeroUsize::new(count).ok_or(MUST))
    }

    fn is_production(&self) -> bool {
        self.raw.mode == Mode::Production
    }

    /// What was written, or in a sandbox its default.
    fn given<T>(
        &self,
        value: Option<T>,
        key: &'static str,
        write: &'static str,
        default: impl FnOnce() -> T,
    ) -> Result<T, Because> {
        match value {
            Some(value) => Ok(value),
            None if self.is_production() => Err(Because::Missing(key, write)),
            None => Ok(default()),
        }
    }

    /// In production whoever registers a webhook could have the server call what only the server reaches.
    fn private_webhooks(&self) -> Result<bool, Because> {
        const KEY: &str = "[merchant_webhooks] allow_private";
        let allowed = self.raw.merchant_webhooks.allow_private;
        if allowed && self.is_production() {
            return Err(Because::OfTheSandbox(KEY, "false, or leave it out"));
        }
        Ok(allowed)
    }

    fn audience(&self) -> Result<String, Because> {
        const KEY: &str = "[server] audience";
        const WRITE: &str = "a name of your own, such as \"wallet.example.jp\", that every client signs for";
        let audience =
            self.given(self.raw.server.audience.clone(), KEY, WRITE, || SANDBOX_AUDIENCE.to_owned())?;
        let is_name = (1..=253).contains(&audience.len())
            && audience.chars().all(|sign| sign.is_ascii_alphanumeric() || "-.".contains(sign));
        if !is_name {
            return Err(Because::OutOfRange(KEY, "1 to 253 letters, digits, dots and hyphens"));
        }
        if self.is_production() && audience == SANDBOX_AUDIENCE {
            return Err(Because::OfTheSandbox(KEY, WRITE));
        }
        Ok(audience)
    }

    fn data_dir(&self) -> Result<PathBuf, Because> {
        let written = self.raw.server.data_dir.as_deref().map(|path| self.source.path(path));
        self.given(written, "[server] data_dir", "the directory of the checkpoints", || {
            self.source.path(Path::new("saifu-data"))
        })
    }

    fn certificate(&self) -> Result<CertificateAt, Because> {
        let tls = &self.raw.tls;
        let key = self.source.one_path(tls.key_file.as_deref(), "[tls] key_file", "SAIFU_TLS_KEY_FILE")?;
        let chain = tls.certificate_file.as_deref().map(|path| self.source.path(path));
        match (chain, key) {
            (Some(chain), Some(key)) => {
                check_private("[tls] key_file", &key)?;
                Ok(CertificateAt::Files(Files { chain, key }))
            }
            (None, None) if !self.is_production() => {
                Ok(CertificateAt::Generated(self.data_dir()?.join("tls")))
            }
            (None, _) => Err(Because::Missing(
                "[tls] certificate_file",
                "the PEM file of your chain: production does not run on a generated certificate",
            )),
            (_, None) => Err(Because::Missing("[tls] key_file", "the PEM file of the certificate's key")),
        }
    }

    fn store(&self) -> Result<StoreAt, Because> {
        const WAYS: &str = "sqlite_dir = \"…\", or url_file = \"…\" for PostgreSQL";
        let store = &self.raw.store;
        let url = self.source.text(
            (store.url.as_deref(), "[store] url"),
            (store.url_file.as_deref(), "[store] url_file", "SAIFU_STORE_URL_FILE"),
        )?;
        match (&store.sqlite_dir, url) {
            (Some(_), Some(_)) => Err(Because::Twice("[store] sqlite_dir", "[store] url or url_file")),
            (_, None) if store.standby.is_some() => {
                Err(Because::OutOfRange("[store] standby", "left out without a PostgreSQL server"))
            }
            (Some(dir), None) => Ok(StoreAt::Sqlite(self.source.path(dir))),
            (None, None) if self.is_production() => Err(Because::Missing("[store]", WAYS)),
            (None, None) => Ok(StoreAt::Sqlite(self.data_dir()?)),
            (None, Some(text)) => {
                let url = PostgresUrl::parse(text.secret)?;
                let ca = store.ca_file.as_deref().map(|path| self.source.path(path));
                if self.is_production() && text.is_inline && url.has_password() {
                    return Err(Because::PasswordInline("[store] url", "url_file"));
                }
                if self.is_production() && (ca.is_none() || url.is_without_tls()) {
                    return Err(Because::Unprotected(
                        "[store]",
                        "ca_file = \"…\", the authority of the database's certificate, and no sslmode that \
                         goes without",
                    ));
                }
                let standby = store
                    .standby
                    .map_or(Standby::None, |file::StandbyWord::Synchronous| Standby::Synchronous);
                Ok(StoreAt::Postgres(url, ca, standby))
            }
        }
    }

    fn clock_difference_us(&self) -> Result<Option<i64>, Because> {
        const KEY: &str = "[store] clock_difference_seconds";
        match self.raw.store.clock_difference_seconds {
            Some(seconds) if !(1..=60).contains(&seconds) => Err(Because::OutOfRange(KEY, "1 to 60")),
            seconds => Ok(seconds.map(|seconds| seconds * SECOND_US)),
        }
    }

    fn buckets(&self) -> Result<Buckets, Because> {
        const WAYS: &str = "redis_url_file = \"…\", or redis = \"none\" if this is the only server process";
        let limits = &self.raw.limits;
        let url = self.source.text(
            (limits.redis_url.as_deref(), "[limits] redis_url"),
            (limits.redis_url_file.as_deref(), "[limits] redis_url_file", "SAIFU_LIMITS_REDIS_URL_FILE"),
        )?;
        match (limits.redis, url) {
            (Some(_), Some(_)) => {
                Err(Because::Twice("[limits] redis", "[limits] redis_url or redis_url_file"))
            }
            (Some(_none), None) => Ok(Buckets::InProcess),
            (None, None) if self.is_production() => Err(Because::Missing("[limits]", WAYS)),
            (None, None) => Ok(Buckets::InProcess),
            (None, Some(text)) => {
                let url = RedisUrl::parse(text.secret)?;
                if self.is_production() && text.is_inline && url.has_password() {
                    return Err(Because::PasswordInline("[limits] redis_url", "redis_url_file"));
                }
                if self.is_production() && !url.has_tls() {
                    return Err(Because::Unprotected(
                        "[limits] redis_url",
                        "a URL that begins with rediss://",
                    ));
                }
                Ok(Buckets::Redis(url, limits.redis_ca_file.as_deref().map(|path| self.source.path(path))))
            }
        }
    }

    fn operators(&self) -> Result<OperatorsAt, Because> {
        const WRITE: &str = "the PEM file of a public key: two people begin, each with a key of his own";
        let section = &self.raw.operators;
        let path = |path: &Option<PathBuf>| path.as_deref().map(|path| self.source.path(path));
        match (path(&section.first_key_file), path(&section.second_key_file)) {
            (Some(first), Some(second)) if first == second => {
                Err(Because::Twice("[operators] first_key_file", "[operators] second_key_file"))
            }
            (Some(first), Some(second)) => Ok(OperatorsAt::Files([first, second])),
            (None, None) if !self.is_production() => {
                Ok(OperatorsAt::Generated(self.data_dir()?.join("operators")))
            }
            (None, _) => Err(Because::Missing("[operators] first_key_file", WRITE)),
            (_, None) => Err(Because::Missing("[operators] second_key_file", WRITE)),
        }
    }

    fn keys(&self) -> Result<KeysAt, Because> {
        let keys = &self.raw.keys;
        let files = [
            (&keys.kek_file, "[keys] kek_file", "SAIFU_KEYS_KEK_FILE"),
            (&keys.index_file, "[keys] index_file", "SAIFU_KEYS_INDEX_FILE"),
            (&keys.pepper_file, "[keys] pepper_file", "SAIFU_KEYS_PEPPER_FILE"),
            (&keys.request_file, "[keys] request_file", "SAIFU_KEYS_REQUEST_FILE"),
            (&keys.code_file, "[keys] code_file", "SAIFU_KEYS_CODE_FILE"),
            (&keys.page_file, "[keys] page_file", "SAIFU_KEYS_PAGE_FILE"),
            (&keys.system_file, "[keys] system_file", "SAIFU_KEYS_SYSTEM_FILE"),
        ];
        let mut found = Vec::new();
        let mut missing = None;
        for (path, key, variable) in files {
            match self.source.one_path(path.as_deref(), key, variable)? {
                Some(path) => {
                    check_private(key, &path)?;
                    found.push(path);
                }
                None => missing = missing.or(Some(key)),
            }
        }
        match (&keys.dir, missing) {
            (Some(dir), _) if found.is_empty() => {
                let path = self.source.path(dir);
                if self.is_production() && !path.is_dir() {
                    return Err(Because::NoKeys(path));
                }
                Ok(KeysAt::Directory { path, may_create: !self.is_production() })
            }
            (Some(_), _) => Err(Because::Twice("[keys] dir", "the single files of [keys]")),
            (None, None) => Ok(KeysAt::Files(Box::new(KeyFiles::in_order(found)))),
            (None, Some(key)) if !found.is_empty() => {
                Err(Because::Missing(key, "the file of this key: a set is complete or it is refused"))
            }
            (None, Some(_)) if self.is_production() => Err(Because::Missing(
                "[keys]",
                "dir = \"…\" or a file for each key: production makes none by itself (a sandbox's keys/ is \
                 such a set)",
            )),
            (None, Some(_)) => {
                Ok(KeysAt::Directory { path: self.data_dir()?.join("keys"), may_create: true })
            }
        }
    }
}

const LISTEN: &str = "the address that clients reach, such as \"0.0.0.0:8443\"";
