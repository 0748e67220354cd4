//! Moves committed pages from the write-ahead log into the database, on a thread of its own.
//!
//! The log is reused, never truncated: its file keeps its size, so a commit never waits for the
//! file system to grow it.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::connection;

const INTERVAL: Duration = Duration::from_millis(500);
/// So long the writer may be kept waiting for a reader that is in the log's way.
const BUSY: Duration = Duration::from_millis(20);
/// Past so many pages in the log (64 MiB), the checkpointer waits for the writer to start it over.
const RESTART_PAGES: i64 = 16_384;

/// The checkpointer's thread.
pub(super) struct Checkpointer {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path) -> rusqlite::Result<Self> {
        let connection = connection::writer(path)?;
        // RESTART waits for readers with the write lock in hand: never for long.
        connection.busy_timeout(BUSY)?;
        let (stop, stopped) = mpsc::channel();
        let work = move || {
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                checkpoint(&connection);
            }
            checkpoint(&connection);
        };
        let thread = thread::Builder::new()
            .name("saifu-checkpoint".into())
            .spawn(work)
            .map_err(|_| rusqlite::Error::InvalidQuery)?;
        Ok(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the checkpointer ended by a panic");
        }
    }
}

fn checkpoint(connection: &Connection) {
    let run = |mode: &str| {
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(1))
    };
    let pages =
        run("PASSIVE").and_then(|pages| if pages > RESTART_PAGES { run("RESTART") } else { Ok(pages) });
    if let Err(error) = pages {
        tracing::warn!(%error, "a checkpoint was not done; the next one does its work");
    }
}
