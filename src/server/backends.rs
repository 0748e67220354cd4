//! The backends that the configuration names, opened.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Settings, StartError};
use crate::config::StoreAt;
use crate::config::url::PostgresUrl;
use crate::domain::policy::Policy;
use crate::env::clock::Clock;
use crate::store::Store;
use crate::store::sqlite::{Embedded, Options};

/// The open store.
pub enum Opened {
    /// SQLite in this process.
    Embedded(Embedded),
}

impl Opened {
    /// Opens the store, and brings its schema up to date where it belongs to this process alone.
    pub fn open(at: &StoreAt, options: Options) -> Result<Self, StartError> {
        match at {
            StoreAt::Sqlite(directory) => Ok(Self::Embedded(Embedded::open(directory, options)?)),
            StoreAt::Postgres(url, ca_file) => open_postgres(url, ca_file.as_deref(), options),
        }
    }

    /// The store.
    pub fn store(&self) -> Arc<Store> {
        match self {
            Self::Embedded(embedded) => embedded.store(),
        }
    }

    /// Resolves when nothing can be written any more. Once.
    pub fn ended(&mut self) -> Option<oneshot::Receiver<()>> {
        match self {
            Self::Embedded(embedded) => embedded.ended(),
        }
    }

    /// Takes no further command, and waits until every queued one is committed.
    pub async fn close(self) {
        let closed = match self {
            Self::Embedded(embedded) => tokio::task::spawn_blocking(move || embedded.close()).await,
        };
        if closed.is_err() {
            tracing::error!("closing the store ended by a panic");
        }
    }
}

/// Brings the schema up to date and does nothing else. A second one at the same time is told that the
/// first is at it.
pub async fn migrate(at: &StoreAt, policy: Arc<Policy>, clock: Arc<dyn Clock>) -> Result<(), StartError> {
    match at {
        StoreAt::Sqlite(directory) => {
            Opened::Embedded(Embedded::open(directory, Options::new(policy, clock))?).close().await;
            Ok(())
        }
        StoreAt::Postgres(url, ca_file) => migrate_postgres(url, ca_file.as_deref()),
    }
}

/// A store on a PostgreSQL server.
fn open_postgres(
    _url: &PostgresUrl,
    _ca_file: Option<&Path>,
    _options: Options,
) -> Result<Opened, StartError> {
    Err(StartError::NoPostgres)
}

/// A PostgreSQL server's schema.
fn migrate_postgres(_url: &PostgresUrl, _ca_file: Option<&Path>) -> Result<(), StartError> {
    Err(StartError::NoPostgres)
}

/// Whether these settings name nothing that cannot be opened.
pub(super) fn check(settings: &Settings) -> Result<(), StartError> {
    if let StoreAt::Postgres(..) = settings.store {
        return Err(StartError::NoPostgres);
    }
    Ok(())
}
