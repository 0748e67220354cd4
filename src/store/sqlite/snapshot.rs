//! One long look at a whole database, also while a server writes to it: everything that is read
//! through a snapshot is as of one moment.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{DATABASE_FILE, OpenError, connection, known_schema, open_error, read};
use crate::crypto::integrity::RowTag;
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::query::Scan;

const PAGE: i64 = 1_000;

/// An open look; ends when dropped.
pub struct Snapshot {
    path: PathBuf,
    connection: Connection,
}

impl Snapshot {
    /// Of a data directory. Nothing is locked, and nothing is written.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(DATABASE_FILE);
        if !path.exists() {
            return Err(OpenError::Absent(path));
        }
        let mut connection = connection::reader(&path).map_err(|error| open_error(&path, error))?;
        if !known_schema(&mut connection, &path)? {
            return Err(OpenError::OldSchema(path));
        }
        let begun = connection.execute_batch("BEGIN").and_then(|()| {
            // The transaction begins with its first read.
            connection.query_row("SELECT count(*) FROM lane", [], |_| Ok(()))
        });
        begun.map_err(|error| open_error(&path, error))?;
        Ok(Self { path, connection })
    }

    /// What SQLite itself finds wrong with the file's structure; nothing when it is sound.
    pub fn structure(&self) -> Result<Option<String>, OpenError> {
        let words: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| open_error(&self.path, error))?;
        Ok((words != "ok").then_some(words))
    }

    /// The rows of a table that come after `after`, by key; none at its end.
    pub fn page(&self, table: Table, after: Option<RowKey>) -> Result<Vec<Row>, OpenError> {
        Ok(self.tagged_page(table, after)?.into_iter().map(|(row, _)| row).collect())
    }

    /// The same, each with its tag: whoever asks judges it.
    pub fn tagged_page(
        &self,
        table: Table,
        after: Option<RowKey>,
    ) -> Result<Vec<(Row, Option<RowTag>)>, OpenError> {
        let scan = Scan::All { table, after, limit: PAGE };
        read::scanned(&self.connection, &scan, connection::read_row)
            .map_err(|error| open_error(&self.path, error))
    }
}
