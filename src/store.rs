//! The store: `execute` a command, `fetch` rows, hear what was committed. Nothing else.
//!
//! A call has one `execute`. Once queued, the command is the writer's: it commits whoever hangs up.
//! Decisions fall inside the transaction, many commands to one durable commit.

mod adopt;
mod backend;
pub mod batch;
pub mod heads;
pub mod moment;
pub mod pending;
pub mod postgres;
pub mod query;
pub mod sqlite;
pub mod tagged;
#[cfg(test)]
pub(crate) mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::domain::command::Command;
use crate::domain::decide::{Stale, Traceless};
use crate::domain::outcome::{OpenAnswer, Outcome};
use batch::Job;
use query::{Fetched, Query};

/// What a command came to, after its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Final; stored for good.
    Final(Outcome),
    /// Open; its counters are stored.
    Open(OpenAnswer),
    /// House kept.
    Kept,
    /// Read ahead and moved: prepare again.
    Stale(Stale),
    /// Without a trace.
    Nothing(Traceless),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The queue is full: nothing was done.
    Busy,
    /// The database cannot be reached or written, or the process is stopping. Whether the command
    /// was done may be unknown: the same request id answers it.
    Unavailable,
    /// This command broke a constraint or a rule of the store: rolled back and logged.
    Defect,
}

/// Why a database could not be taken as it is.
#[derive(Debug)]
pub enum AdoptError {
    /// The data directory cannot be opened.
    Embedded(sqlite::OpenError),
    /// The PostgreSQL database cannot be opened.
    Remote(postgres::OpenError),
    /// A server holds a lane of it.
    InUse,
    /// Reading or writing broke off; nothing was changed.
    BrokeOff,
}

impl std::fmt::Display for AdoptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(error) => error.fmt(f),
            Self::Remote(error) => error.fmt(f),
            Self::InUse => f.write_str(
                "a server works on this database, or did so half a minute ago; stop all servers, wait half a \
                 minute, and run the command again",
            ),
            Self::BrokeOff => {
                f.write_str("the database broke off, and nothing was changed; run the command again")
            }
        }
    }
}

impl std::error::Error for AdoptError {}

impl From<sqlite::OpenError> for AdoptError {
    fn from(error: sqlite::OpenError) -> Self {
        Self::Embedded(error)
    }
}

impl From<postgres::OpenError> for AdoptError {
    fn from(error: postgres::OpenError) -> Self {
        Self::Remote(error)
    }
}

impl From<backend::BackendError> for AdoptError {
    fn from(_error: backend::BackendError) -> Self {
        Self::BrokeOff
    }
}

/// A row of the journal that was just committed by this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its lane.
    pub lane: i64,
    /// Its place.
    pub sequence: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// What it is about: `journal::Kind`.
    pub kind: crate::domain::journal::Kind,
    /// The customer's account that it touched.
    pub account_id: Option<crate::domain::id::AccountId>,
    /// The merchant's order that it touched.
    pub order: Option<(crate::domain::id::MerchantId, String)>,
}

/// A boxed future, so that a store can be named without its type.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads rows in one snapshot.
pub trait Reader: Send + Sync {
    /// Answers a query.
    fn fetch(&self, query: Query) -> Later<'_, Result<Fetched, StoreError>>;
}

/// The store of this process: one writer's queue, and a reader.
pub struct Store {
    queue: mpsc::Sender<Job>,
    reader: Arc<dyn Reader>,
    committed: broadcast::Sender<Arc<[Committed]>>,
}

impl Store {
    /// Over a writer that takes from the other end of `queue`.
    fn new(
        queue: mpsc::Sender<Job>,
        reader: Arc<dyn Reader>,
        committed: broadcast::Sender<Arc<[Committed]>>,
    ) -> Self {
        Self { queue, reader, committed }
    }

    /// Decides a command and commits what it came to. Past the queue's bound: `Busy`, at once.
    pub async fn execute(&self, command: Command) -> Result<Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job { command, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable,
        })?;
        // The writer is gone only when the process stops; what it did then is unknown here.
        answer.await.unwrap_or(Err(StoreError::Unavailable))
    }

    /// Reads rows in one snapshot.
    pub async fn fetch(&self, query: Query) -> Result<Fetched, StoreError> {
        self.reader.fetch(query).await
    }

    /// Hears of every commit of this process from now on.
    pub fn tail(&self) -> broadcast::Receiver<Arc<[Committed]>> {
        self.committed.subscribe()
    }
}
