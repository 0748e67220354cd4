//! Puts a server together, and takes it apart again: keys, store, gate, tasks, front door. A sandbox and
//! production are one assembly over different [`Settings`].

mod backends;
pub mod check;
mod error;
mod funding;
mod health;
mod listener;
mod messages;
mod news;
pub mod operators;
pub mod seed;
mod settings;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinHandle};

pub use crate::config::SANDBOX_AUDIENCE;
use crate::config::{CertificateAt, KeysAt, Mode};
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::hash::MacKey;
use crate::crypto::integrity::IntegritySlot;
use crate::crypto::keyring::Keyring;
use crate::domain::command::SystemAction;
use crate::domain::id::WorkerId;
use crate::domain::outcome::Outcome;
use crate::domain::rows::{Finished, Lane, RowKey, Table};
use crate::door::certificate::{Identity, Sandbox as SandboxIdentity};
use crate::door::reload::{Certificates, Reloader};
use crate::door::{self, Door};
use crate::env::clock::{Clock, MovableClock, SandboxClock, SystemClock};
use crate::env::entropy::{Entropy, bytes16};
use crate::gate::hub::Hub;
use crate::gate::limit::{Limits, Sources};
use crate::gate::system::system_key_id;
use crate::gate::tools::{Given, Tools};
use crate::gate::{Gate, Parts};
use crate::notify::folder::Folder;
use crate::notify::{Channel, Notifier};
use crate::outbound::guard::Reach;
use crate::ratelimit::redis::Redis;
use crate::rpc;
use crate::store::heads::is_signed_by;
use crate::store::query::{Query, Scan};
use crate::store::sqlite::{Options, make_directory};
use crate::store::{Answer, Store};
use crate::tasks::Tasks;
use crate::tasks::checkpoint::CHECKPOINT_FILE;
use crate::tasks::webhook::Sender;
use backends::Opened;
pub use backends::migrate;
pub use error::StartError;
use health::HealthDoor;
use listener::Listener;
use news::NewsDoor;
use seed::Seed;
pub use settings::Settings;

/// A running server.
pub struct Server {
    hub: Arc<Hub>,
    ca_path: PathBuf,
    everybody: Listener,
    operators: Listener,
    reloading: AbortHandle,
    health: Option<HealthDoor>,
    news: Option<NewsDoor>,
    tasks: Tasks,
    opened: Opened,
}

impl Server {
    /// Starts a server; it answers when this returns.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let settings = Arc::new(settings);
        let sandbox = Playground::prepare(&settings)?;
        let door = Door::bind(settings.listen, settings.door.clone())?;
        let operators_door = Door::bind(settings.operators_listen, settings.door.clone())?;
        let health = settings.health_listen.map(health::bind).transpose()?;
        let policy = Arc::new(settings.policy.clone());
        let clock = clock(sandbox.as_ref());
        let integrity = IntegritySlot::default();
        let mut options = Options::new(Arc::clone(&policy), Arc::clone(&clock), integrity.clone());
        options.clocks = settings.clocks;
        let entropy = Arc::new(SystemEntropy::new());
        let opened = Opened::open(&settings.store, options, settings.batch_bound, entropy.as_ref()).await?;
        let keys = keys(&settings.keys, entropy.as_ref(), &opened.store()).await?;
        integrity.fill(Arc::clone(&keys.integrity));
        let (identity, certificates) = certificates(&settings)?;
        let tls = door::server_config(Arc::clone(&certificates))?;

        let provider = funding::provider(&settings.funding)?;
        let folder = sandbox.as_ref().map(|sandbox| &sandbox.folder);
        let notifier: Arc<dyn Notifier> = Arc::new(messages::completed(&settings.channels, folder));
        let worker_id = WorkerId(if opened.is_shared() { bytes16(entropy.as_ref()) } else { [0; 16] });
        let given = Given {
            clock,
            entropy,
            policy,
            provider,
            audience: settings.audience.clone(),
            reaches_push: notifier.reaches(Channel::Push),
            private_webhooks: settings.merchant_webhooks.reach == Reach::Private,
            explains: settings.mode == Mode::Sandbox,
        };
        let tools = Arc::new(Tools::new(keys, given, opened.store()));
        let limits = limits(&settings, &tools);
        let gate = Arc::new(Gate::new(Parts { store: opened.store(), tools, limits }));
        genesis(&gate, &opened.store(), &settings.data_dir).await?;
        heads(&gate, &opened.store()).await?;
        operators::enrol(&gate, &settings.operators.keys()?).await?;

        let sandbox = match sandbox {
            Some(sandbox) => Some(sandbox.seeded(&gate).await?),
            None => None,
        };
        let news = match funding::webhook(&settings.funding)? {
            Some((address, secret)) => Some(NewsDoor::open(address, secret, &gate).await?),
            None => None,
        };
        make_directory(&settings.data_dir)?;
        let checkpoints = settings.data_dir.join(CHECKPOINT_FILE);
        let webhooks = Arc::new(Sender::new(settings.merchant_webhooks.clone())?);
        let tasks = Tasks::start(&gate, notifier, webhooks, checkpoints, worker_id);
        let ca_path = identity.ca_path.clone();
        let reloader = Reloader::new(certificates, identity.files.clone(), identity);
        let reloading = tokio::spawn(reloader.run(settings.certificate_interval)).abort_handle();
        let everybody = Listener::open(door, &tls, rpc::routes(&gate, sandbox), settings.executors);
        let operators = Listener::open(operators_door, &tls, rpc::operators_routes(&gate), NonZeroUsize::MIN);
        let health = health.map(|door| HealthDoor::open(door, opened.clocks()));
        let hub = Arc::clone(gate.hub());
        Ok(Self { hub, ca_path, everybody, operators, reloading, health, news, tasks, opened })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.everybody.address()
    }

    /// Where it listens to operators.
    pub fn operators_address(&self) -> SocketAddr {
        self.operators.address()
    }

    /// Where it tells its health, if it does.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(HealthDoor::address)
    }

    /// Where it listens to the funding provider's webhooks, if it does.
    pub fn news_address(&self) -> Option<SocketAddr> {
        self.news.as_ref().map(NewsDoor::address)
    }

    /// The certificate that its clients trust.
    pub fn ca_path(&self) -> &Path {
        &self.ca_path
    }

    /// Waits until the server cannot go on: its front door is closed, or its store cannot be trusted.
    pub async fn ended(&mut self) {
        let store = self.opened.ended();
        let store_ended = async {
            match store {
                Some(ended) => drop(ended.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.everybody.closed() => {}
            () = self.operators.closed() => {}
            () = store_ended => tracing::error!("the store writes nothing further"),
        }
        self.not_serving().await;
    }

    async fn not_serving(&self) {
        if let Some(health) = &self.health {
            health.not_serving().await;
        }
    }

    /// Takes no further calls, ends those under way, commits what is queued, and is gone.
    pub async fn stop(mut self) {
        self.not_serving().await;
        // Streams would be waited for until the drain is over.
        self.hub.close();
        tokio::join!(self.everybody.close(), self.operators.close());
        if let Some(news) = self.news {
            news.close().await;
        }
        self.reloading.abort();
        self.tasks.stop().await;
        self.opened.close().await;
        if let Some(health) = self.health {
            health.close().await;
        }
    }
}

/// Waits for a door's end, and says why.
async fn closed(serving: &mut JoinHandle<Result<(), door::DoorError>>) {
    match serving.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the front door ended with an error"),
        Err(error) => tracing::error!(%error, "the front door ended by a panic"),
    }
}

/// What only a sandbox has: a clock that can be moved, messages that can be read, and shops.
struct Playground {
    clock: Arc<dyn MovableClock>,
    folder: Folder,
    seed: Seed,
}

impl Playground {
    fn prepare(settings: &Settings) -> Result<Option<Self>, StartError> {
        if settings.mode == Mode::Production {
            return Ok(None);
        }
        let seed = Seed::load(settings.seed.as_deref())?;
        let clock = if let Some(clock) = &settings.clock {
            Arc::clone(clock)
        } else {
            make_directory(&settings.data_dir)?;
            Arc::new(SandboxClock::open(&settings.data_dir.join("clock"))?) as Arc<dyn MovableClock>
        };
        let messages = settings.messages.clone().unwrap_or_else(|| settings.data_dir.join("messages"));
        Ok(Some(Self { clock, folder: Folder::new(messages), seed }))
    }

    /// Its shops are part of the ledger.
    async fn seeded(self, gate: &Gate) -> Result<rpc::Sandbox, StartError> {
        let registered = self.seed.commands().into_iter().map(|command| gate.system(command));
        futures_util::future::try_join_all(registered).await?;
        Ok(rpc::Sandbox { clock: self.clock, folder: self.folder, shops: self.seed.shops() })
    }
}

fn clock(sandbox: Option<&Playground>) -> Arc<dyn Clock> {
    match sandbox {
        Some(sandbox) => Arc::clone(&sandbox.clock) as Arc<_>,
        None => Arc::new(SystemClock),
    }
}

/// Limits and marks of reads: in Redis for all processes, or in this one for itself.
fn limits(settings: &Settings, tools: &Tools) -> Limits {
    let redis = settings.redis.as_ref().map(|redis| Arc::new(Redis::new(redis)));
    if let Some(redis) = redis.clone() {
        tokio::spawn(said_if_away(redis, Arc::clone(&tools.clock)));
    }
    let sources = Sources::new(redis);
    // A key of its own, made from the requests': none more has to be kept.
    let origin_tags = MacKey::new(tools.keys.request.tag(&[b"origins in the log"]));
    Limits::new(settings.limits.clone(), sources, origin_tags)
}

/// A Redis that is away is no reason not to start, and is said before anybody calls.
async fn said_if_away(redis: Arc<Redis>, clock: Arc<dyn Clock>) {
    if let Err(why) = redis.probe(clock.now_us()).await {
        tracing::warn!(why, "Redis is away at the start: what needs it is UNAVAILABLE until it is there");
    }
}

/// A database that was used must not be given new keys; a first start that was cut short may.
async fn keys(at: &KeysAt, entropy: &dyn Entropy, store: &Store) -> Result<Keyring, StartError> {
    match at {
        KeysAt::Files(files) => Ok(Keyring::load(files)?),
        KeysAt::Directory { path, may_create } => {
            let may_create = *may_create && !was_used(store).await?;
            Ok(Keyring::load_or_create(path, entropy, may_create)?)
        }
    }
}

fn certificates(settings: &Settings) -> Result<(Identity, Arc<Certificates>), StartError> {
    let identity = match &settings.certificate {
        CertificateAt::Generated(dir) => {
            make_directory(&settings.data_dir)?;
            SandboxIdentity::load_or_create(dir)?
        }
        CertificateAt::Files(files) => Identity::from_files(&files.chain, &files.key)?,
    };
    let certificates = Arc::new(Certificates::new(&identity)?);
    Ok((identity, certificates))
}

/// Whether there is any row in the journal.
async fn was_used(store: &Store) -> Result<bool, StartError> {
    let scan = Scan::All { table: Table::Journal, after: None, limit: 1 };
    Ok(!store.fetch(Query::scan(scan)).await?.scanned.is_empty())
}

/// Every lane ends where a server of this deployment left it.
async fn heads(gate: &Gate, store: &Store) -> Result<(), StartError> {
    let public = gate.tools().keys.system.public();
    let scan = Scan::All { table: Table::Lane, after: None, limit: i64::MAX };
    let fetched = store.fetch(Query::scan(scan)).await?;
    match fetched.scanned::<Lane>().find(|lane| !is_signed_by(lane, &public)) {
        Some(lane) => Err(StartError::ForeignHead(lane.lane)),
        None => Ok(()),
    }
}

/// The journal names deployment and key before anything else; a server with another key must not go
/// on. Of two that start at once on an empty database, one writes it and the other finds it.
async fn genesis(gate: &Gate, store: &Store, data_dir: &Path) -> Result<(), StartError> {
    let tools = gate.tools();
    let (system_key, audience) = (tools.keys.system.public(), tools.audience.clone());
    let expected = Outcome::Genesis { system_key, audience: audience.clone() };
    let action = SystemAction::Genesis { system_key, audience };
    let own = RowKey::Finished(action.request_id(), system_key_id(&system_key));
    let known = store.fetch(Query::row(own)).await?;
    match known.get::<Finished>() {
        Some(row) if row.outcome == expected.encode() => Ok(()),
        Some(_) => Err(StartError::ForeignKeys(data_dir.to_owned())),
        None if was_used(store).await? => Err(StartError::ForeignKeys(data_dir.to_owned())),
        None => match gate.system(action).await? {
            Answer::Final(outcome) if outcome == expected => Ok(()),
            Answer::Final(_) | Answer::Open(_) | Answer::Kept | Answer::Stale(_) | Answer::Nothing(_) => {
                Err(StartError::ForeignKeys(data_dir.to_owned()))
            }
        },
    }
}
