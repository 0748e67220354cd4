//! The embedded store: one SQLite database in a data directory that one process at a time owns.
//!
//! WAL with `synchronous=FULL`: what was acknowledged survives a crash of process and machine. One
//! writer thread, a small pool of readers, and checkpoints on a thread of their own, off the commit
//! path.

mod checkpoint;
mod connection;
mod read;
pub mod snapshot;
#[cfg(test)]
pub(super) mod tests;
mod write;

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::backend::Backend as _;
use super::batch::{BATCH_BOUND, BatchOptions, QUEUE_BOUND, Writer};
use super::moment::ClockBounds;
use super::{AdoptError, Store, adopt};
use crate::crypto::integrity::{Integrity, IntegritySlot};
use crate::domain::policy::Policy;
use crate::domain::rows::{Row, RowKey, Table};
use crate::env::clock::Clock;

/// The database's file in the data directory.
pub const DATABASE_FILE: &str = "saifu.db";
const LOCK_FILE: &str = "lock";
/// Says in the file's header that it is ours: "saif".
const APPLICATION_ID: i32 = 0x7361_6966;

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Why a data directory cannot be opened. Each is one sentence that says what to do.
#[derive(Debug)]
pub enum OpenError {
    /// It cannot be made or read.
    Directory(PathBuf, std::io::Error),
    /// Another process has it.
    InUse(PathBuf),
    /// The file is not ours, or damaged.
    Corrupt(PathBuf),
    /// It is older than this program, which only looks at it.
    OldSchema(PathBuf),
    /// A newer saifu made it.
    FutureSchema(PathBuf),
    /// The disk is full.
    DiskFull(PathBuf),
    /// Something else, by SQLite's own words.
    Sqlite(PathBuf, rusqlite::Error),
    /// The schema could not be brought up to date, by the tool's own words.
    Migration(PathBuf, Box<refinery::Error>),
    /// There is no database to read.
    Absent(PathBuf),
    /// This machine's clock is not believed, and why.
    Clock(String),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path, error) => {
                write!(f, "the data directory {} cannot be used: {error}", path.display())
            }
            Self::InUse(path) => write!(
                f,
                "the data directory {} is in use by another saifu; stop that one, or name another directory \
                 with --data-dir",
                path.display()
            ),
            Self::Corrupt(path) => write!(
                f,
                "{} is damaged or not a saifu database; nothing was changed: restore it from a \
                 backup, or name another directory with --data-dir",
                path.display()
            ),
            Self::OldSchema(path) => write!(
                f,
                "the schema of {} is older than this saifu; bring it up to date with saifu migrate",
                path.display()
            ),
            Self::FutureSchema(path) => write!(
                f,
                "{} was made by a newer saifu, whose schema this one does not know; nothing was changed: \
                 run that newer version",
                path.display()
            ),
            Self::DiskFull(path) => {
                write!(
                    f,
                    "the disk that holds {} is full; nothing was changed: make room, and start again",
                    path.display()
                )
            }
            Self::Sqlite(path, error) => write!(f, "{} cannot be opened: {error}", path.display()),
            Self::Migration(path, error) => {
                write!(f, "the schema of {} cannot be brought up to date: {error}", path.display())
            }
            Self::Absent(path) => write!(
                f,
                "there is no saifu database at {}; name the data directory of a server with --data-dir",
                path.display()
            ),
            Self::Clock(why) => write!(f, "the time cannot be told, and nothing was written: {why}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// What the embedded store is opened with.
pub struct Options {
    /// The rules' figures.
    pub policy: Arc<Policy>,
    /// Tells the time of a batch.
    pub clock: Arc<dyn Clock>,
    /// The keys that are not in the database; nothing is written before they are known.
    pub integrity: IntegritySlot,
    /// Commands to a commit at most: `BATCH_BOUND`, or 1 to measure what batching gains.
    pub batch_bound: usize,
    /// How far clocks may be apart.
    pub clocks: ClockBounds,
}

impl Options {
    /// As a server wants it.
    pub fn new(policy: Arc<Policy>, clock: Arc<dyn Clock>, integrity: IntegritySlot) -> Self {
        Self { policy, clock, clocks: ClockBounds::standard(), integrity, batch_bound: BATCH_BOUND }
    }
}

/// The open data directory. Close it to wait for the last commit.
pub struct Embedded {
    store: Arc<Store>,
    stop: oneshot::Sender<()>,
    ended: Option<oneshot::Receiver<()>>,
    clocks: watch::Receiver<bool>,
    writer: thread::JoinHandle<()>,
    checkpoints: checkpoint::Checkpointer,
    _lock: File,
}

impl Embedded {
    /// Opens a data directory, makes it where it is missing, and locks it.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let lock = lock(directory)?;
        let path = directory.join(DATABASE_FILE);
        let mut connection = connection::writer(&path).map_err(|error| open_error(&path, error))?;
        migrate(&mut connection, &path)?;
        let checkpoints = checkpoint::Checkpointer::start(&path).map_err(|error| open_error(&path, error))?;
        let reader =
            read::Pool::open(&path, options.integrity.clone()).map_err(|error| open_error(&path, error))?;
        let (queue, waiting) = mpsc::channel(QUEUE_BOUND);
        let (committed, _) = broadcast::channel(256);
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let backend = write::Sqlite::new(connection, options.integrity.clone());
        let Options { policy, clock, clocks, integrity, batch_bound } = options;
        let options = BatchOptions { policy, clock, clocks, integrity, batch_bound };
        let mut writer = Writer::new(backend, options, committed.clone());
        let clocks = writer.agreement();
        let (looked, found) = std::sync::mpsc::sync_channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| OpenError::Directory(directory.to_owned(), error))?;
        let writer = thread::Builder::new()
            .name("saifu-writer".into())
            .spawn(move || {
                runtime.block_on(async move {
                    let found = writer.look().await;
                    // Whoever opens it waits for this.
                    if looked.send(found).is_ok() && found.is_none() {
                        writer.run(waiting, stopped).await;
                    }
                });
                drop(end);
            })
            .map_err(|error| OpenError::Directory(directory.to_owned(), error))?;
        // Without a word its thread ended by a panic, and the first command finds that out.
        if let Ok(Some(why)) = found.recv() {
            checkpoints.stop();
            return Err(OpenError::Clock(why.to_string()));
        }
        let store = Arc::new(Store::new(queue, Arc::new(reader), committed));
        Ok(Self { store, stop, ended: Some(ended), clocks, writer, checkpoints, _lock: lock })
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

    /// Takes no further command, and waits until every queued one is committed.
    pub fn close(self) {
        drop(self.stop);
        if self.writer.join().is_err() {
            tracing::error!("the writer ended by a panic");
        }
        self.checkpoints.stop();
    }
}

/// Signs and tags what is in a data directory as it is. How many rows there were.
pub async fn adopt(directory: &Path, integrity: Arc<Integrity>) -> Result<u64, AdoptError> {
    let _lock = lock(directory)?;
    let mut pages = snapshot::Snapshot::open(directory)?;
    let path = directory.join(DATABASE_FILE);
    let connection = connection::writer(&path).map_err(|error| open_error(&path, error))?;
    let mut backend = write::Sqlite::new(connection, IntegritySlot::filled(Arc::clone(&integrity)));
    backend.begin().await?;
    adopt::adopt(&mut backend, &mut pages, &integrity).await
}

impl adopt::Pages for snapshot::Snapshot {
    async fn page(&mut self, table: Table, after: Option<RowKey>) -> Result<Vec<Row>, AdoptError> {
        Ok(Self::page(self, table, after)?)
    }
}

/// Makes a data directory for its owner alone; one that is there keeps its mode.
pub fn make_directory(directory: &Path) -> Result<(), OpenError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| OpenError::Directory(directory.to_owned(), error))
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::Directory(directory.to_owned(), error);
    make_directory(directory)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(LOCK_FILE))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let id: i32 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| open_error(path, error))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(|error| open_error(path, error))?;
    match (id, tables) {
        (APPLICATION_ID, _) => {}
        (0, 0) => connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(|error| open_error(path, error))?,
        (_, _) => return Err(OpenError::Corrupt(path.to_owned())),
    }
    // One that is up to date was looked at when it was brought there.
    let is_current = tables == 0 || known_schema(connection, path)?;
    if !is_current {
        // Migrations rebuild tables with foreign keys off, so references are checked first. A database that
        // is refused is refused at every start.
        let dangling: i64 = connection
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .map_err(|error| open_error(path, error))?;
        if dangling > 0 {
            return Err(OpenError::Corrupt(path.to_owned()));
        }
    }
    let references = |connection: &mut Connection, are_kept: bool| {
        connection.pragma_update(None, "foreign_keys", are_kept).map_err(|error| open_error(path, error))
    };
    references(connection, false)?;
    let migrated = migrations::migrations::runner().run(connection);
    references(connection, true)?;
    migrated.map(drop).map_err(|error| OpenError::Migration(path.to_owned(), Box::new(error)))
}

/// Whether it is up to date. A schema with a migration that this program does not have is from the future.
fn known_schema(connection: &mut Connection, path: &Path) -> Result<bool, OpenError> {
    let runner = migrations::migrations::runner();
    let newest_known = runner.get_migrations().iter().map(refinery::Migration::version).max();
    let newest_applied = runner
        .get_last_applied_migration(connection)
        .map_err(|_| OpenError::Corrupt(path.to_owned()))?
        .map(|migration| migration.version());
    if newest_applied > newest_known {
        return Err(OpenError::FutureSchema(path.to_owned()));
    }
    Ok(newest_applied == newest_known)
}

fn open_error(path: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Corrupt(path.to_owned()),
        Some(ErrorCode::DiskFull) => OpenError::DiskFull(path.to_owned()),
        Some(_) | None => OpenError::Sqlite(path.to_owned(), error),
    }
}
