//! The writer's side: one transaction a batch.

use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::connection::{self, Parameter, read_row};
use super::read;
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::batch::{Backend, BackendError, Change, Net};

/// The one connection that writes.
pub(super) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    fn change(&self, change: &Change) -> rusqlite::Result<usize> {
        match change {
            Change::Insert(row) => self.with_row(&connection::of(row.table()).insert, row),
            Change::Update(row) => self.with_row(&connection::of(row.table()).update, row),
            Change::Delete(key) => self
                .connection
                .prepare_cached(&connection::of(key.table()).delete)?
                .execute(params_from_iter(key.values().into_iter().map(Parameter))),
        }
    }

    fn with_row(&self, text: &str, row: &Row) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached(text)?
            .execute(params_from_iter(row.values().into_iter().map(Parameter)))
    }

    fn write(&self, net: &Net) -> Result<(), BackendError> {
        for change in &net.changes {
            ensure_one(self.change(change))?;
        }
        for (account, debits_minor, credits_minor) in &net.credits {
            let mut statement = self
                .connection
                .prepare_cached(
                    "UPDATE ledger_account SET debits_posted_minor = debits_posted_minor + ?2, \
                     credits_posted_minor = credits_posted_minor + ?3 WHERE ledger_account_id = ?1",
                )
                .map_err(|error| failed(&error))?;
            ensure_one(statement.execute((&account.0[..], debits_minor, credits_minor)))?;
        }
        Ok(())
    }
}

/// What `decide` promised: the row was there, or was not, as it said.
fn ensure_one(affected: rusqlite::Result<usize>) -> Result<(), BackendError> {
    match affected {
        Ok(1) => Ok(()),
        Ok(_) => Err(BackendError::Constraint),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &rusqlite::Error) -> BackendError {
    tracing::warn!(%error, "the database refused");
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => BackendError::Constraint,
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            BackendError::Broken
        }
        Some(_) => BackendError::Unavailable,
        // Not SQLite's word but ours: a row that cannot be read.
        None => BackendError::Broken,
    }
}

impl Backend for Sqlite {
    const EXCLUSIVE: bool = true;

    async fn begin(&mut self) -> Result<(), BackendError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| failed(&error))
    }

    async fn load(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, BackendError> {
        keys.iter()
            .map(|key| read::row(&self.connection, key))
            .collect::<Result<_, _>>()
            .map_err(|error| failed(&error))
    }

    async fn load_all(&mut self, table: Table) -> Result<Vec<Row>, BackendError> {
        let text = format!("SELECT {} FROM {}", table.columns().join(", "), table.name());
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = self.connection.prepare_cached(&text)?;
            let rows = statement.query_map([], |row| read_row(table, row))?;
            rows.collect()
        };
        read().map_err(|error| failed(&error))
    }

    async fn apply(&mut self, net: &Net) -> Result<(), BackendError> {
        self.write(net)
    }

    async fn commit(&mut self) -> Result<(), BackendError> {
        self.connection.execute_batch("COMMIT").map_err(|error| failed(&error))
    }

    async fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a rollback failed");
        }
    }
}
