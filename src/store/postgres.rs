//! The store of several server processes: one PostgreSQL database, one batching writer a process,
//! each with a lane of the journal of its own.
//!
//! Between batches nothing is remembered: every row that a command may change is locked as it is
//! read. What was acknowledged is as durable as the database's commit.

mod cells;
mod connection;
mod failure;
mod lease;
mod migrate;
mod read;
pub mod settings;
pub mod snapshot;
mod statements;
#[cfg(test)]
mod tests;
mod tls;
mod write;

use std::fmt;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use self::connection::Connector;
pub use self::migrate::migrate;
use self::settings::Settings;
use super::backend::Backend as _;
use super::batch::{BatchOptions, QUEUE_BOUND, Writer};
use super::moment::ClockBounds;
use super::{AdoptError, Store, adopt};
use crate::crypto::integrity::{Integrity, IntegritySlot};
use crate::domain::policy::Policy;
use crate::domain::rows::{Row, RowKey, Table};
use crate::env::clock::Clock;

/// As many commands share a commit at most. A batch costs its round trips and one flush however much is
/// in it, and the database works on other cores than the gate: so all that wait may come along. Not
/// more, or one batch would hold its rows' locks too long for the other servers. Twice as fast as
/// batches of 32 with 512 callers waiting (`cargo bench --bench store`).
pub const BATCH_BOUND: usize = 512;

/// Why a database cannot be opened. Each is one sentence that says what to do.
#[derive(Debug)]
pub enum OpenError {
    /// It cannot be reached, by the driver's or the server's own words.
    Unreachable(String, String),
    /// It is empty.
    NoSchema(String),
    /// It is older than this program.
    OldSchema(String),
    /// A newer saifu made it.
    FutureSchema(String),
    /// Somebody else's tables.
    Foreign(String),
    /// The schema could not be brought up to date, by the tool's own words.
    Migration(String, Box<refinery::Error>),
    /// This machine's clock is not believed, and why.
    Clock(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(place, why) => write!(f, "the database {place} cannot be used: {why}"),
            Self::NoSchema(place) => {
                write!(f, "the database {place} has no tables yet; make them with saifu migrate")
            }
            Self::OldSchema(place) => write!(
                f,
                "the schema of {place} is older than this saifu; bring it up to date with saifu migrate"
            ),
            Self::FutureSchema(place) => write!(
                f,
                "the schema of {place} was made by a newer saifu, and this one does not know it; nothing was \
                 changed: run that newer version, and its saifu migrate"
            ),
            Self::Foreign(place) => write!(
                f,
                "the database {place} holds tables of something else; nothing was changed: name an empty \
                 database, and run saifu migrate"
            ),
            Self::Migration(place, error) => {
                write!(f, "the schema of {place} cannot be brought up to date: {error}")
            }
            Self::Clock(why) => write!(f, "the time cannot be told, and nothing was written: {why}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// What the store is opened with.
pub struct Options {
    /// The rules' figures.
    pub policy: Arc<Policy>,
    /// Tells the time of a batch.
    pub clock: Arc<dyn Clock>,
    /// The keys that are not in the database; nothing is written before they are known.
    pub integrity: IntegritySlot,
    /// 16 random bytes that name this process; no other calls itself so.
    pub holder: [u8; 16],
    /// Commands to a commit at most: `BATCH_BOUND`, or 1 to measure what batching gains.
    pub batch_bound: usize,
    /// How far clocks may be apart.
    pub clocks: ClockBounds,
}

impl Options {
    /// As a server wants it.
    pub fn new(
        policy: Arc<Policy>,
        clock: Arc<dyn Clock>,
        integrity: IntegritySlot,
        holder: [u8; 16],
    ) -> Self {
        Self { policy, clock, clocks: ClockBounds::standard(), integrity, holder, batch_bound: BATCH_BOUND }
    }
}

/// Whether a server process works on a database.
pub async fn is_worked_on(settings: Settings) -> Result<bool, OpenError> {
    let connector = Connector::new(settings);
    let held = async {
        let mut connection = connector.connect().await?;
        lease::is_any_held(&mut connection).await
    };
    held.await.map_err(|failure| migrate::unreachable(&connector.settings, &failure))
}

/// Whether a server could open it: it is reached, and its schema is the one that this program knows.
pub async fn probe(settings: &Settings) -> Result<(), OpenError> {
    let connecting = connection::Connection::open(settings).await;
    let mut connection = connecting.map_err(|failure| migrate::unreachable(settings, &failure))?;
    migrate::check(&mut connection, settings).await
}

/// Signs and tags what is in a database as it is. How many rows there were.
pub async fn adopt(
    settings: Settings,
    integrity: Arc<Integrity>,
    holder: [u8; 16],
) -> Result<u64, AdoptError> {
    let connector = Arc::new(Connector::new(settings));
    let mut connection = connector.connect().await.map_err(|_away| AdoptError::BrokeOff)?;
    // What a server writes meanwhile would be written over.
    if lease::is_any_held(&mut connection).await.map_err(|_failed| AdoptError::BrokeOff)? {
        return Err(AdoptError::InUse);
    }
    let slot = IntegritySlot::filled(Arc::clone(&integrity));
    let mut backend = write::Postgres::new(Arc::clone(&connector), holder, slot);
    let adopted = adopt_alone(&mut backend, &connector.settings, &integrity).await;
    backend.rollback().await;
    backend.release().await;
    adopted
}

async fn adopt_alone(
    backend: &mut write::Postgres,
    settings: &Settings,
    integrity: &Integrity,
) -> Result<u64, AdoptError> {
    backend.begin().await?;
    // A server may hold no lease and yet be at work, or start right now.
    backend.exclude_others().await?;
    // What it wrote before is read.
    let mut pages = snapshot::Snapshot::open(settings).await?;
    adopt::adopt(backend, &mut pages, integrity).await
}

impl adopt::Pages for snapshot::Snapshot {
    async fn page(&mut self, table: Table, after: Option<RowKey>) -> Result<Vec<Row>, AdoptError> {
        Ok(Self::page(self, table, after).await?)
    }
}

/// The open database. Close it to wait for the last commit.
pub struct Remote {
    store: Arc<Store>,
    stop: oneshot::Sender<()>,
    ended: Option<oneshot::Receiver<()>>,
    clocks: watch::Receiver<bool>,
    writer: JoinHandle<()>,
}

impl Remote {
    /// Opens a database whose schema this program knows, and takes a lane of it.
    pub async fn open(settings: Settings, options: Options) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(settings));
        let settings = &connector.settings;
        let failed = |failure| migrate::unreachable(settings, &failure);
        let mut connection = connector.connect().await.map_err(failed)?;
        migrate::check(&mut connection, settings).await?;
        let mut backend =
            write::Postgres::new(Arc::clone(&connector), options.holder, options.integrity.clone());
        backend.ready().await.map_err(failed)?;
        let reader = read::Pool::new(Arc::clone(&connector), options.integrity.clone());
        let (queue, waiting) = mpsc::channel(QUEUE_BOUND);
        let (committed, _) = broadcast::channel(256);
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let Options { policy, clock, clocks, integrity, batch_bound, .. } = options;
        let options = BatchOptions { policy, clock, clocks, integrity, batch_bound };
        let mut writer = Writer::new(backend, options, committed.clone());
        if let Some(why) = writer.look().await {
            writer.release().await;
            return Err(OpenError::Clock(why.to_string()));
        }
        let clocks = writer.agreement();
        let writer = tokio::spawn(async move {
            writer.run(waiting, stopped).await;
            drop(end);
        });
        let store = Arc::new(Store::new(queue, Arc::new(reader), committed));
        Ok(Self { store, stop, ended: Some(ended), clocks, writer })
    }

    /// The store.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Whether this machine's clock is believed, from now on.
    pub fn clocks(&self) -> watch::Receiver<bool> {
        self.clocks.clone()
    }

    /// Resolves when the writer has ended, which by itself it does only when the database cannot be
    /// trusted any more. Once.
    pub fn ended(&mut self) -> Option<oneshot::Receiver<()>> {
        self.ended.take()
    }

    /// Takes no further command, waits until every queued one is committed, and lets the lane go.
    pub async fn close(self) {
        drop(self.stop);
        if self.writer.await.is_err() {
            tracing::error!("the writer ended by a panic");
        }
    }
}
