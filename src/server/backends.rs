//! The backends that the configuration names, opened.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::StartError;
use crate::config::url::PostgresUrl;
use crate::config::{Standby, StoreAt};
use crate::crypto::integrity::IntegritySlot;
use crate::domain::policy::Policy;
use crate::env::clock::Clock;
use crate::env::entropy::{Entropy, bytes16};
use crate::store::Store;
use crate::store::postgres::{self, Remote};
use crate::store::sqlite::{Embedded, Options};

/// The open store.
pub enum Opened {
    /// SQLite in this process.
    Embedded(Embedded),
    /// A PostgreSQL server, for any number of processes.
    Remote(Remote),
}

impl Opened {
    /// Opens the store, and brings its schema up to date where it belongs to this process alone.
    pub async fn open(
        at: &StoreAt,
        mut options: Options,
        batch_bound: Option<usize>,
        entropy: &dyn Entropy,
    ) -> Result<Self, StartError> {
        match at {
            StoreAt::Sqlite(directory) => {
                options.batch_bound = batch_bound.unwrap_or(options.batch_bound);
                Ok(Self::Embedded(Embedded::open(directory, options)?))
            }
            StoreAt::Postgres(url, ca_file, standby) => {
                let settings = postgres_settings(url, ca_file.as_deref(), *standby)?;
                let mut theirs = postgres::Options::new(
                    options.policy,
                    options.clock,
                    options.integrity,
                    bytes16(entropy),
                );
                theirs.clocks = options.clocks;
                theirs.batch_bound = batch_bound.unwrap_or(theirs.batch_bound);
                Ok(Self::Remote(Remote::open(settings, theirs).await?))
            }
        }
    }

    /// Whether other processes may work on it too.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Embedded(_) => false,
            Self::Remote(_) => true,
        }
    }

    /// The store.
    pub fn store(&self) -> Arc<Store> {
        match self {
            Self::Embedded(embedded) => embedded.store(),
            Self::Remote(remote) => remote.store(),
        }
    }

    /// Whether this machine's clock is believed, from now on.
    pub fn clocks(&self) -> watch::Receiver<bool> {
        match self {
            Self::Embedded(embedded) => embedded.clocks(),
            Self::Remote(remote) => remote.clocks(),
        }
    }

    /// Resolves when nothing can be written any more. Once.
    pub fn ended(&mut self) -> Option<oneshot::Receiver<()>> {
        match self {
            Self::Embedded(embedded) => embedded.ended(),
            Self::Remote(remote) => remote.ended(),
        }
    }

    /// Takes no further command, and waits until every queued one is committed.
    pub async fn close(self) {
        let closed = match self {
            Self::Embedded(embedded) => tokio::task::spawn_blocking(move || embedded.close()).await,
            Self::Remote(remote) => tokio::spawn(remote.close()).await,
        };
        if closed.is_err() {
            tracing::error!("closing the store ended by a panic");
        }
    }
}

/// Whether a server works on the database. An embedded one is locked while somebody does.
pub(super) async fn is_worked_on(at: &StoreAt) -> Result<bool, StartError> {
    match at {
        StoreAt::Sqlite(_) => Ok(false),
        StoreAt::Postgres(url, ca_file, standby) => {
            Ok(postgres::is_worked_on(postgres_settings(url, ca_file.as_deref(), *standby)?).await?)
        }
    }
}

/// Brings the schema up to date and does nothing else. A second one at the same time is told that the
/// first is at it.
pub async fn migrate(at: &StoreAt, policy: Arc<Policy>, clock: Arc<dyn Clock>) -> Result<(), StartError> {
    match at {
        StoreAt::Sqlite(directory) => {
            Opened::Embedded(Embedded::open(
                directory,
                Options::new(policy, clock, IntegritySlot::default()),
            )?)
            .close()
            .await;
            Ok(())
        }
        StoreAt::Postgres(url, ca_file, standby) => {
            let settings = postgres_settings(url, ca_file.as_deref(), *standby)?;
            Ok(postgres::migrate(&settings).await?)
        }
    }
}

/// What is asked of a PostgreSQL server.
pub(super) fn postgres_settings(
    url: &PostgresUrl,
    ca_file: Option<&Path>,
    standby: Standby,
) -> Result<postgres::settings::Settings, StartError> {
    let mut settings = postgres::settings::Settings::parse(url.url.expose(), ca_file)?;
    settings.is_replicated = match standby {
        Standby::None => false,
        Standby::Synchronous => true,
    };
    Ok(settings)
}
