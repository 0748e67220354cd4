//! A PostgreSQL cluster, and as many databases in it as a test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::services::{PostgresServer, Wanted};
use crate::domain::tests::fixture::{Ledger, NOW};
use crate::env::clock::ManualClock;
use crate::env::pause;
use crate::store::postgres::connection::{Connection, Connector};
use crate::store::postgres::settings::Settings;
use crate::store::postgres::write::Postgres;
use crate::store::postgres::{Options, Remote, migrate, read};
use crate::store::tests::rig::{self, Kind, Made, integrity};

/// The database that others are copies of.
const PATTERN: &str = "pattern";

/// A cluster.
pub(super) struct Cluster {
    pub server: PostgresServer,
    made: AtomicU32,
}

impl Cluster {
    /// Started, with a migrated database to copy.
    pub(super) async fn start(wanted: Wanted<'_>) -> Self {
        let cluster = Self { server: PostgresServer::start(wanted), made: AtomicU32::new(0) };
        cluster.sql("postgres", &format!("CREATE DATABASE {PATTERN}")).await;
        migrate(&cluster.settings(PATTERN)).await.expect("the migrations run");
        cluster
    }

    /// A new name.
    fn name(&self) -> String {
        format!("case_{}", self.made.fetch_add(1, Ordering::SeqCst))
    }

    /// An empty database.
    pub(super) async fn empty(&self) -> String {
        let name = self.name();
        self.sql("postgres", &format!("CREATE DATABASE {name}")).await;
        name
    }

    /// A migrated database.
    pub(super) async fn database(&self) -> String {
        let name = self.name();
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {PATTERN}")).await;
        name
    }

    /// A migrated database with the ledger's rows.
    pub(super) async fn seeded(&self, ledger: &Ledger) -> String {
        let name = self.database().await;
        let mut backend = self.backend(&name, 0);
        rig::seed(&mut backend, ledger).await;
        crate::store::backend::Backend::release(&mut backend).await;
        name
    }

    pub(super) fn settings(&self, database: &str) -> Settings {
        Settings::parse(&self.server.url(database), None).expect("an address")
    }

    pub(super) fn backend(&self, database: &str, holder: u8) -> Postgres {
        Postgres::new(Arc::new(Connector::new(self.settings(database))), [holder; 16], integrity())
    }

    /// A server process's store, by its number.
    pub(super) async fn open(&self, database: &str, ledger: &Ledger, number: u8) -> Remote {
        self.open_with(self.settings(database), ledger, number).await
    }

    pub(super) async fn open_with(&self, settings: Settings, ledger: &Ledger, number: u8) -> Remote {
        let clock = Arc::new(ManualClock::new(NOW.0));
        let options = Options::new(Arc::new(ledger.policy.clone()), clock, integrity(), [number; 16]);
        Remote::open(settings, options).await.expect("the database opens")
    }

    /// Another session.
    pub(super) async fn session(&self, database: &str) -> Connection {
        Connection::open(&self.settings(database)).await.expect("another session")
    }

    pub(super) async fn sql(&self, database: &str, text: &str) {
        let mut session = self.session(database).await;
        session.client().batch_execute(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
}

/// Asks until the answer is yes.
pub(super) async fn until(cluster: &Cluster, what: &str, question: &str) {
    let mut session = cluster.session("postgres").await;
    for _ in 0..10_000 {
        let row = session.client().query_one(question, &[]).await.expect("it answers");
        if row.get(0) {
            return;
        }
        pause(Duration::from_millis(1)).await;
    }
    panic!("not in time: {what}");
}

impl Kind for Cluster {
    type Backend = Postgres;
    type Place = String;

    async fn make(&self) -> Made<Self> {
        let place = self.database().await;
        let connector = Arc::new(Connector::new(self.settings(&place)));
        let backend = Postgres::new(Arc::clone(&connector), [1; 16], integrity());
        Made { backend, reader: Arc::new(read::Pool::new(connector, integrity())), place }
    }

    async fn lose_ledger_accounts(&self, place: &String) {
        let text = "ALTER TABLE merchant DROP CONSTRAINT merchant_ledger_account_id_fkey; \
                    DELETE FROM ledger_account";
        self.sql(place, text).await;
    }
}
