//! A real database with a ledger's rows in it, and a writer whose backend is looked at.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::crypto::integrity::{Integrity, IntegritySlot};
use crate::domain::command::Command;
use crate::domain::id::LedgerAccountId;
use crate::domain::rows::{LedgerAccount, Row, RowKey, Table};
use crate::domain::tests::fixture::{Ledger, NOW};
use crate::env::clock::ManualClock;
use crate::store::backend::{Backend, BackendError, Change, Net, Place};
use crate::store::batch::{BatchOptions, Job, Writer};
use crate::store::moment::ClockBounds;
use crate::store::query::{Query, Scan};
use crate::store::{Answer, Reader, Store, StoreError};

/// A kind of database that the cases run over.
pub(crate) trait Kind {
    /// What writes to it.
    type Backend: Backend;
    /// What it lies in; gone with it.
    type Place;
    /// A new database with its schema and no rows but those of the migrations.
    fn make(&self) -> impl Future<Output = Made<Self>>;
    /// Takes all rows of the ledger's accounts away, against every rule.
    fn lose_ledger_accounts(&self, place: &Self::Place) -> impl Future<Output = ()>;
}

/// A new database.
pub(crate) struct Made<K: Kind + ?Sized> {
    pub backend: K::Backend,
    pub reader: Arc<dyn Reader>,
    pub place: K::Place,
}

/// What a backend was asked to do.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub loads: Vec<Vec<RowKey>>,
    pub scans: Vec<Table>,
    pub nets: Vec<Net>,
    pub commits: usize,
    /// What the next commits come to.
    pub failures: Vec<BackendError>,
    /// As many of the next commits are done, and nobody hears of it.
    pub lost_commits: usize,
    /// As many of the next writes panic.
    pub panics: usize,
}

/// The real backend, with a log.
pub(crate) struct Watched<B> {
    inner: B,
    log: Arc<Mutex<Log>>,
}

impl<B> Watched<B> {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no test panics while it holds the log")
    }
}

impl<B: Backend> Backend for Watched<B> {
    const EXCLUSIVE: bool = B::EXCLUSIVE;

    async fn begin(&mut self) -> Result<Place, BackendError> {
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

    fn clock_us(&self) -> Option<i64> {
        self.inner.clock_us()
    }

    async fn commit(&mut self) -> Result<(), BackendError> {
        let failure = self.log().failures.pop();
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.log().commits += 1;
        self.inner.commit().await?;
        let mut log = self.log();
        if log.lost_commits > 0 {
            log.lost_commits -= 1;
            return Err(BackendError::Conflict);
        }
        Ok(())
    }

    async fn rollback(&mut self) {
        self.inner.rollback().await;
    }

    async fn release(&mut self) {
        self.inner.release().await;
    }
}

/// The keys that all tests' stores have.
pub(crate) fn integrity() -> IntegritySlot {
    IntegritySlot::filled(Arc::new(Integrity::of(&[9; 32])))
}

/// Writes a ledger's rows into an empty database.
pub(crate) async fn seed(backend: &mut impl Backend, ledger: &Ledger) {
    let mut changes: Vec<Change> = ledger.rows().cloned().map(Change::Insert).collect();
    changes.sort_by_key(|change| match change {
        Change::Insert(row) | Change::Update(row) => row.key(),
        Change::Delete(key) => key.clone(),
    });
    let lane = backend.begin().await.expect("a transaction").lane;
    backend.load(&[RowKey::Lane(lane)]).await.expect("the lane is there");
    backend.apply(&Net { changes, credits: Vec::new() }).await.expect("the ledger's rows keep to the schema");
    backend.commit().await.expect("the rows are committed");
}

/// Queues the commands in this order, all before any is awaited.
pub(crate) async fn all(
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

type Idle<B> = (Writer<Watched<B>>, mpsc::Receiver<Job>);

/// A store whose writer starts when it is told to, on the test's own thread: a batch is what was
/// queued before something was awaited.
pub(crate) struct Rig<K: Kind> {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub place: K::Place,
    log: Arc<Mutex<Log>>,
    idle: Mutex<Option<Idle<K::Backend>>>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    pub commits: broadcast::Receiver<Arc<[crate::store::Committed]>>,
}

impl<K: Kind> Rig<K> {
    pub(crate) async fn idle(kind: &K, ledger: &Ledger, queue_bound: usize, batch_bound: usize) -> Self {
        let mut made = kind.make().await;
        seed(&mut made.backend, ledger).await;
        let log = Arc::new(Mutex::new(Log::default()));
        let backend = Watched { inner: made.backend, log: Arc::clone(&log) };
        let clock = Arc::new(ManualClock::new(NOW.0));
        let (queue, waiting) = mpsc::channel(queue_bound);
        let (committed, commits) = broadcast::channel(256);
        let options = BatchOptions {
            policy: Arc::new(ledger.policy.clone()),
            clock: Arc::clone(&clock) as Arc<_>,
            clocks: ClockBounds::standard(),
            integrity: integrity(),
            batch_bound,
        };
        let writer = Writer::new(backend, options, committed.clone());
        Self {
            store: Store::new(queue, made.reader, committed),
            clock,
            place: made.place,
            log,
            idle: Mutex::new(Some((writer, waiting))),
            stop: Mutex::new(None),
            commits,
        }
    }

    pub(crate) fn start(&self) {
        let idle = self.idle.lock().expect("no test panics here").take();
        let (writer, waiting) = idle.expect("a writer starts once");
        let (stop, stopped) = oneshot::channel();
        *self.stop.lock().expect("no test panics here") = Some(stop);
        drop(tokio::spawn(writer.run(waiting, stopped)));
    }

    pub(crate) async fn running(kind: &K, ledger: &Ledger) -> Self {
        let rig = Self::idle(kind, ledger, 4_096, 1_024).await;
        rig.start();
        rig
    }

    pub(crate) async fn all(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Vec<Result<Answer, StoreError>> {
        all(&self.store, commands).await
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no test panics while it holds the log")
    }

    /// From now on.
    pub(crate) fn clear_log(&self) {
        *self.log() = Log::default();
    }

    pub(crate) async fn row(&self, key: &RowKey) -> Option<Row> {
        row(&self.store, key).await
    }

    /// Debits and credits of an account that is only added to.
    pub(crate) async fn sums(&self, id: LedgerAccountId) -> (i64, i64) {
        match self.row(&RowKey::LedgerAccount(id)).await {
            Some(Row::LedgerAccount(account)) => sums(&account),
            other => panic!("no ledger account: {other:?}"),
        }
    }

    pub(crate) async fn count(&self, table: Table) -> usize {
        table_rows(&self.store, table).await.len()
    }
}

pub(crate) async fn row(store: &Store, key: &RowKey) -> Option<Row> {
    store.fetch(Query::row(key.clone())).await.expect("the row reads").rows.pop()
}

pub(crate) async fn table_rows(store: &Store, table: Table) -> Vec<Row> {
    let scan = Scan::All { table, after: None, limit: i64::MAX };
    store.fetch(Query::scan(scan)).await.expect("the table reads").scanned
}

pub(crate) fn sums(account: &LedgerAccount) -> (i64, i64) {
    (account.debits_posted_minor, account.credits_posted_minor)
}
