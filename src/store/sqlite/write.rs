//! The writer's side: one transaction a batch.

use rusqlite::{CachedStatement, Connection, ErrorCode, params_from_iter};

use super::connection::{self, Parameter, checked_row};
use super::read;
use crate::crypto::integrity::IntegritySlot;
use crate::domain::record::Value;
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::backend::{Backend, BackendError, Change, Net, Place};
use crate::store::tagged;

/// The one writer's lane; nobody else ever has it.
const PLACE: Place = Place { lane: 0, token: 0 };

/// The one connection that writes.
pub(in crate::store) struct Sqlite {
    connection: Connection,
    integrity: IntegritySlot,
}

impl Sqlite {
    pub(super) fn new(connection: Connection, integrity: IntegritySlot) -> Self {
        Self { connection, integrity }
    }

    fn values<'a>(&self, row: &'a Row) -> Result<Vec<Value<'a>>, BackendError> {
        tagged::values(row, self.integrity.get()).map_err(|_no_keys| BackendError::Broken)
    }

    /// Changes come ordered by table: a statement is looked up once for a run of its own kind.
    fn write(&self, net: &Net) -> Result<(), BackendError> {
        let mut run: Option<(&'static str, CachedStatement<'_>)> = None;
        for change in &net.changes {
            let (text, values) = match change {
                Change::Insert(row) => (&connection::of(row.table()).insert, self.values(row)?),
                Change::Update(row) => (&connection::of(row.table()).update, self.values(row)?),
                Change::Delete(key) => (&connection::of(key.table()).delete, key.values()),
            };
            let mut statement = match run.take() {
                Some((same, statement)) if std::ptr::eq(same, text.as_str()) => statement,
                Some(_) | None => self.connection.prepare_cached(text).map_err(|error| failed(&error))?,
            };
            ensure_one(statement.execute(params_from_iter(values.into_iter().map(Parameter))))?;
            run = Some((text, statement));
        }
        drop(run);
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
        // Without a code it is not SQLite's word but ours: a row that cannot be read. Then, as with a
        // constraint, only the commands that name it fail.
        Some(ErrorCode::ConstraintViolation) | None => BackendError::Constraint,
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            BackendError::Broken
        }
        Some(_) => BackendError::Unavailable,
    }
}

impl Backend for Sqlite {
    const EXCLUSIVE: bool = true;

    async fn begin(&mut self) -> Result<Place, BackendError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| failed(&error))?;
        Ok(PLACE)
    }

    async fn load(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, BackendError> {
        keys.iter()
            .map(|key| read::row(&self.connection, key, self.integrity.get()))
            .collect::<Result<_, _>>()
            .map_err(|error| failed(&error))
    }

    async fn load_all(&mut self, table: Table) -> Result<Vec<Row>, BackendError> {
        let text = format!("SELECT {} FROM {}", tagged::columns(table).join(", "), table.name());
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = self.connection.prepare_cached(&text)?;
            let rows = statement.query_map([], |row| checked_row(table, row, self.integrity.get()))?;
            rows.collect()
        };
        read().map_err(|error| failed(&error))
    }

    async fn apply(&mut self, net: &Net) -> Result<(), BackendError> {
        self.write(net)
    }

    fn clock_us(&self) -> Option<i64> {
        None
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

    /// The data directory's lock is all it has, and that ends with the process.
    async fn release(&mut self) {}
}
