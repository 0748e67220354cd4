//! Puts a server together, and takes it apart again: keys, store, gate, tasks, front door.

pub mod seed;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::crypto::entropy::SystemEntropy;
use crate::crypto::keyring::{Keyring, KeyringError};
use crate::domain::command::SystemAction;
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::rows::{Journal, RowKey};
use crate::door::certificate::{CertificateError, Identity, Sandbox as SandboxIdentity};
use crate::door::{self, Door};
use crate::env::clock::{ClockFileError, MovableClock, SandboxClock};
use crate::funding::sandbox::SandboxProvider;
use crate::gate::limit::{LimitTable, Limits};
use crate::gate::tools::{Given, Tools};
use crate::gate::{Gate, Parts};
use crate::notify::folder::Folder;
use crate::ratelimit::memory::MemorySource;
use crate::rpc;
use crate::store::StoreError;
use crate::store::batch::BATCH_BOUND;
use crate::store::query::Query;
use crate::store::sqlite::{Embedded, OpenError, Options, make_directory};
use crate::tasks::Tasks;
use crate::tasks::checkpoint::CHECKPOINT_FILE;
use seed::{Seed, SeedError};

/// The deployment's name in a sandbox.
pub const SANDBOX_AUDIENCE: &str = "sandbox.saifu.invalid";
/// As many rate-limit buckets are kept in memory.
const BUCKETS: usize = 1_000_000;

/// What a sandbox server is started with.
pub struct Settings {
    /// Everything it keeps is in here.
    pub data_dir: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A seed file, instead of the one that comes with the program.
    pub seed: Option<PathBuf>,
    /// The rules' figures.
    pub policy: Policy,
    /// Who may come how often.
    pub limits: LimitTable,
    /// How many connections, and how long they may keep silent.
    pub door: door::Limits,
    /// A clock moved by hand, instead of the sandbox's own.
    pub clock: Option<Arc<dyn MovableClock>>,
    /// Commands to a commit at most.
    pub batch_bound: usize,
}

impl Settings {
    /// The sandbox's defaults, on a data directory.
    pub fn sandbox(data_dir: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data_dir,
            listen,
            seed: None,
            policy: Policy::standard(),
            limits: LimitTable::standard(),
            door: door::Limits::standard(),
            clock: None,
            batch_bound: BATCH_BOUND,
        }
    }
}

/// Why a server does not start. Each is one sentence that says what to do.
#[derive(Debug)]
pub enum StartError {
    /// The data directory.
    Store(OpenError),
    /// The server's keys.
    Keys(KeyringError),
    /// The certificate.
    Certificate(CertificateError),
    /// The sandbox clock's file.
    Clock(ClockFileError),
    /// The seed file.
    Seed(SeedError),
    /// TLS or the listening address.
    Door(door::BindError),
    /// TLS.
    Tls(door::tls::TlsError),
    /// The keys are not those that this database was made with.
    ForeignKeys(PathBuf),
    /// The database could not be written at start.
    Write(StoreError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::Certificate(error) => error.fmt(f),
            Self::Clock(error) => error.fmt(f),
            Self::Seed(error) => error.fmt(f),
            Self::Door(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::ForeignKeys(path) => write!(
                f,
                "the keys in {} are not those that its database was made with; \
                 nothing was changed: put the right ones back",
                path.display()
            ),
            Self::Write(_) => f.write_str(
                "the database cannot be written; nothing was changed: look for a full or read-only disk, \
                 and start again",
            ),
        }
    }
}

impl std::error::Error for StartError {}

macro_rules! from {
    ($($variant:ident($error:ty)),+) => {
        $(impl From<$error> for StartError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from!(
    Store(OpenError),
    Keys(KeyringError),
    Certificate(CertificateError),
    Clock(ClockFileError),
    Seed(SeedError),
    Door(door::BindError),
    Tls(door::tls::TlsError),
    Write(StoreError)
);

/// A running server.
pub struct Server {
    address: SocketAddr,
    ca_path: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), door::DoorError>>,
    tasks: Tasks,
    embedded: Embedded,
}

impl Server {
    /// Starts a sandbox server; it answers when this returns.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings { data_dir, listen, seed, policy, limits, door, clock, batch_bound } = settings;
        let seed = Seed::load(seed.as_deref())?;
        let policy = Arc::new(policy);
        let door = Door::bind(listen, door)?;
        let address = door.local_addr();
        let clock = if let Some(clock) = clock {
            clock
        } else {
            make_directory(&data_dir)?;
            Arc::new(SandboxClock::open(&data_dir.join("clock"))?) as Arc<dyn MovableClock>
        };
        let options =
            Options { batch_bound, ..Options::new(Arc::clone(&policy), Arc::clone(&clock) as Arc<_>) };
        let embedded = Embedded::open(&data_dir, options)?;
        let entropy = Arc::new(SystemEntropy::new());
        // A database that was used must not be given new keys; a first start that was cut short may.
        let first = embedded.store().fetch(Query::row(RowKey::Journal(0, 1))).await?;
        let is_new = first.get::<Journal>().is_none();
        let keys = Keyring::load_or_create(&data_dir.join("keys"), entropy.as_ref(), is_new)?;
        let identity = SandboxIdentity::load_or_create(&data_dir.join("tls"))?;
        let tls = door::tls::fixed_server_config(&identity)?;

        let given = Given {
            clock: Arc::clone(&clock) as Arc<_>,
            entropy,
            policy,
            provider: Arc::new(SandboxProvider),
            audience: SANDBOX_AUDIENCE.into(),
        };
        let tools = Arc::new(Tools::new(keys, given, embedded.store()));
        let limits =
            Limits::new(limits, Arc::new(MemorySource::new(BUCKETS)), Arc::new(MemorySource::new(BUCKETS)));
        let gate = Arc::new(Gate::new(Parts { store: embedded.store(), tools, limits }));
        genesis(&gate, &data_dir).await?;
        let registered = seed.commands().into_iter().map(|command| gate.system(command));
        futures_util::future::try_join_all(registered).await?;

        let folder = Folder::new(data_dir.join("messages"));
        let tasks = Tasks::start(&gate, Arc::new(folder.clone()), data_dir.join(CHECKPOINT_FILE));
        let sandbox = rpc::Sandbox { clock, folder, shops: seed.shops() };
        let routes = rpc::routes(&gate, Some(sandbox));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(door.serve(
            door::Service { privacy: door::Privacy::Tls(tls), routes, refusals: rpc::status::refusals() },
            door::Executors::here(std::num::NonZeroUsize::MIN),
            async move { drop(stopped.await) },
        ));
        Ok(Self { address, ca_path: ca_path(&identity), stop: Some(stop), serving, tasks, embedded })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that its clients trust.
    pub fn ca_path(&self) -> &Path {
        &self.ca_path
    }

    /// Waits until the server cannot go on: its front door is closed, or its store cannot be trusted.
    pub async fn ended(&mut self) {
        let store = self.embedded.ended();
        let store_ended = async {
            match store {
                Some(ended) => drop(ended.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = closed(&mut self.serving) => {}
            () = store_ended => tracing::error!("the store writes nothing further"),
        }
    }

    /// Takes no further calls, ends those under way, commits what is queued, and is gone.
    pub async fn stop(mut self) {
        if !self.serving.is_finished() {
            drop(self.stop.take());
            closed(&mut self.serving).await;
        }
        self.tasks.stop().await;
        let embedded = self.embedded;
        if tokio::task::spawn_blocking(move || embedded.close()).await.is_err() {
            tracing::error!("closing the store ended by a panic");
        }
    }
}

/// Waits for the front door's end, and says why.
async fn closed(serving: &mut JoinHandle<Result<(), door::DoorError>>) {
    match serving.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the front door ended with an error"),
        Err(error) => tracing::error!(%error, "the front door ended by a panic"),
    }
}

fn ca_path(identity: &Identity) -> PathBuf {
    identity.ca_path.clone()
}

/// The journal's first row names deployment and key; a server with another key must not go on.
async fn genesis(gate: &Gate, data_dir: &Path) -> Result<(), StartError> {
    let tools = gate.tools();
    let (system_key, audience) = (tools.keys.system.public(), tools.audience.clone());
    let first = gate.fetch(Query::row(RowKey::Journal(0, 1))).await?;
    let expected = Outcome::Genesis { system_key, audience: audience.clone() };
    match first.get::<Journal>() {
        Some(row) if row.outcome == expected.encode() => Ok(()),
        Some(_) => Err(StartError::ForeignKeys(data_dir.to_owned())),
        None => {
            gate.system(SystemAction::Genesis { system_key, audience }).await?;
            Ok(())
        }
    }
}
