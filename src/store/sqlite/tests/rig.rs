//! A real database with a ledger's rows in it, and a writer whose backend is looked at.

use std::future::{Future as _, poll_fn};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::domain::command::Command;
use crate::domain::id::LedgerAccountId;
use crate::domain::rows::{LedgerAccount, Row, RowKey, Table};
use crate::domain::tests::fixture::{Ledger, NOW};
use crate::env::clock::ManualClock;
use crate::store::batch::{Backend, BackendError, Job, Net, Writer};
use crate::store::sqlite::connection::{self, Parameter};
use crate::store::sqlite::write::Sqlite;
use crate::store::sqlite::{DATABASE_FILE, migrate, read};
use crate::store::{Answer, Store, StoreError};

/// What a backend was asked to do.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub loads: Vec<Vec<RowKey>>,
    pub scans: Vec<Table>,
    pub nets: Vec<Net>,
    pub commits: usize,
    /// What the next commits come to.
    pub failures: Vec<BackendError>,
    /// As many of the next writes panic.
    pub panics: usize,
}

/// The real backend, with a log.
pub(super) struct Watched {
    inner: Sqlite,
    log: Arc<Mutex<Log>>,
}

impl Watched {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no test panics while it holds the log")
    }
}

impl Backend for Watched {
    const EXCLUSIVE: bool = true;

    async fn begin(&mut self) -> Result<i64, BackendError> {
        self.inner.begin().await
    }

    async fn load(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, BackendError> {
        self.log().loads.push(keys.to_vec());
        self.inner.load(keys).await
    }

    async fn load_all(&mut self, table: Table) -> Result<Vec<Row>, BackendError> {
        self.log().scans.push(table);
        self.inner.load_all(table).await
    }

    async fn apply(&mut self, net: &Net) -> Result<(), BackendError> {
        self.log().nets.push(net.clone());
        let panics = self.log().panics;
        if panics > 0 {
            self.log().panics = panics - 1;
            panic!("as the test wants it");
        }
        self.inner.apply(net).await
    }

    async fn commit(&mut self) -> Result<(), BackendError> {
        let failure = self.log().failures.pop();
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.log().commits += 1;
        self.inner.commit().await
    }

    async fn rollback(&mut self) {
        self.inner.rollback().await;
    }

    async fn release(&mut self) {
        self.inner.release().await;
    }
}

/// A database file with the ledger's rows.
pub(super) fn seed(directory: &Path, ledger: &Ledger) {
    let path = directory.join(DATABASE_FILE);
    let mut connection = connection::writer(&path).expect("a new database");
    migrate(&mut connection, &path).expect("the migrations run");
    let transaction = connection.transaction().expect("a transaction");
    for row in ledger.rows() {
        assert_eq!(insert(&transaction, row), Ok(1));
    }
    transaction.commit().expect("the ledger's rows keep to the schema");
}

pub(super) fn insert(connection: &Connection, row: &Row) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(&connection::of(row.table()).insert)?
        .execute(params_from_iter(row.values().into_iter().map(Parameter)))
}

/// Queues the commands in this order, all before any is awaited.
pub(super) async fn all(
    store: &Store,
    commands: impl IntoIterator<Item = Command>,
) -> Vec<Result<Answer, StoreError>> {
    let mut waiting = Vec::new();
    for command in commands {
        let mut execution = Box::pin(store.execute(command));
        let first = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
        waiting.push((execution, first));
    }
    let mut answers = Vec::new();
    for (execution, first) in waiting {
        answers.push(match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => execution.await,
        });
    }
    answers
}

/// A store whose writer starts when it is told to, on the test's own thread: a batch is what was
/// queued before something was awaited.
pub(super) struct Rig {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub directory: TempDir,
    log: Arc<Mutex<Log>>,
    idle: Mutex<Option<(Writer<Watched>, mpsc::Receiver<Job>)>>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    pub commits: broadcast::Receiver<Arc<[crate::store::Committed]>>,
}

impl Rig {
    pub(super) fn idle(ledger: &Ledger, queue_bound: usize, batch_bound: usize) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        seed(directory.path(), ledger);
        let path = directory.path().join(DATABASE_FILE);
        let connection = connection::writer(&path).expect("the database opens");
        let log = Arc::new(Mutex::new(Log::default()));
        let backend = Watched { inner: Sqlite::new(connection), log: Arc::clone(&log) };
        let clock = Arc::new(ManualClock::new(NOW.0));
        let (queue, waiting) = mpsc::channel(queue_bound);
        let (committed, commits) = broadcast::channel(256);
        let policy = Arc::new(ledger.policy.clone());
        let writer =
            Writer::new(backend, policy, Arc::clone(&clock) as Arc<_>, committed.clone(), batch_bound);
        let reader = Arc::new(read::Pool::open(&path).expect("readers open"));
        let store = Store::new(queue, reader, committed);
        Self {
            store,
            clock,
            directory,
            log,
            idle: Mutex::new(Some((writer, waiting))),
            stop: Mutex::new(None),
            commits,
        }
    }

    pub(super) fn start(&self) {
        let idle = self.idle.lock().expect("no test panics here").take();
        let (writer, waiting) = idle.expect("a writer starts once");
        let (stop, stopped) = oneshot::channel();
        *self.stop.lock().expect("no test panics here") = Some(stop);
        drop(tokio::spawn(writer.run(waiting, stopped)));
    }

    pub(super) fn running(ledger: &Ledger) -> Self {
        let rig = Self::idle(ledger, 4_096, 1_024);
        rig.start();
        rig
    }

    pub(super) async fn all(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Vec<Result<Answer, StoreError>> {
        all(&self.store, commands).await
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no test panics while it holds the log")
    }

    /// From now on.
    pub(super) fn clear_log(&self) {
        *self.log() = Log::default();
    }

    pub(super) fn connection(&self) -> Connection {
        connection::reader(&self.directory.path().join(DATABASE_FILE)).expect("a reader opens")
    }

    pub(super) fn row(&self, key: &RowKey) -> Option<Row> {
        read::row(&self.connection(), key).expect("the row reads")
    }

    /// Debits and credits of an account that is only added to.
    pub(super) fn sums(&self, id: LedgerAccountId) -> (i64, i64) {
        match self.row(&RowKey::LedgerAccount(id)) {
            Some(Row::LedgerAccount(account)) => sums(&account),
            other => panic!("no ledger account: {other:?}"),
        }
    }

    pub(super) fn journal_rows(&self) -> i64 {
        count(&self.connection(), "journal")
    }
}

pub(super) fn sums(account: &LedgerAccount) -> (i64, i64) {
    (account.debits_posted_minor, account.credits_posted_minor)
}

pub(super) fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
}
