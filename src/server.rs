//! Puts a server together, and takes it apart again: keys, store, gate, tasks, front door. A sandbox and
//! production are one assembly over different [`Settings`].

mod backends;
pub mod check;
mod error;
mod funding;
mod health;
mod inside;
mod listener;
mod messages;
mod news;
pub mod operators;
mod rollback;
pub mod seed;
mod settings;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinHandle};

pub use crate::config::SANDBOX_AUDIENCE;
use crate::config::{CertificateAt, Mode};
use crate::domain::id::WorkerId;
use crate::domain::time::Timestamp;
use crate::door::certificate::{Identity, Sandbox as SandboxIdentity};
use crate::door::reload::{Certificates, Reloader};
use crate::door::{self, Door};
use crate::env::clock::{MovableClock, SandboxClock};
use crate::env::entropy::bytes16;
use crate::gate::Gate;
use crate::gate::hub::Hub;
use crate::notify::folder::Folder;
use crate::rpc;
use crate::store::sqlite::make_directory;
use crate::tasks::Tasks;
use crate::tasks::webhook::Sender;
use backends::Opened;
pub use backends::migrate;
pub use error::StartError;
use health::HealthDoor;
use inside::Inside;
use listener::Listener;
use news::NewsDoor;
use rollback::Behind;
pub use rollback::RollbackError;
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
        let door = Door::bind(settings.listen, settings.door.clone())?.behind(settings.proxies.clone());
        let operators_door = Door::bind(settings.operators_listen, settings.door.clone())?;
        let health = settings.health_listen.map(health::bind).transpose()?;
        let (identity, certificates) = certificates(&settings)?;
        let tls = door::server_config(Arc::clone(&certificates))?;
        let Inside { opened, gate, notifier, .. } =
            Inside::open(&settings, sandbox.as_ref(), Behind::Refused).await?;
        let worker_id =
            WorkerId(if opened.is_shared() { bytes16(gate.tools().entropy.as_ref()) } else { [0; 16] });
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
        let checkpoints = settings.places();
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

    /// Takes a database that is older than its checkpoints as it is, or one whose last rows may be lost.
    /// Until when nothing but what stops something is changed. No server may run on it.
    pub async fn restore(settings: Settings) -> Result<Timestamp, StartError> {
        if backends::is_worked_on(&settings.store).await? {
            return Err(StartError::InUse);
        }
        let sandbox = Playground::prepare(&settings)?;
        Inside::open(&settings, sandbox.as_ref(), Behind::Accepted).await?.restore(&settings).await
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
