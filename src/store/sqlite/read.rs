//! Readers: each query is one snapshot, on a thread that may block.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Row as SqlRow, params_from_iter};
use tokio::sync::Semaphore;

use super::connection::{self, Parameter, checked_row};
use crate::crypto::integrity::{Integrity, IntegritySlot};
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::query::{Fetched, Query, Scan, Standing};
use crate::store::{Later, Reader, StoreError, tagged};

const CONNECTIONS: usize = 4;

/// A few connections that cannot write.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    idle: Mutex<Vec<Connection>>,
    integrity: IntegritySlot,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn open(path: &Path, integrity: IntegritySlot) -> rusqlite::Result<Self> {
        let idle = (0..CONNECTIONS).map(|_| connection::reader(path)).collect::<Result<Vec<_>, _>>()?;
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Self { shared: Arc::new(Shared { idle: Mutex::new(idle), integrity, permits }) })
    }

    async fn run(&self, query: Query) -> Result<Fetched, StoreError> {
        let shared = Arc::clone(&self.shared);
        let permit = Arc::clone(&self.shared.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut idle = shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let mut connection = idle.pop().ok_or(StoreError::Unavailable)?;
            drop(idle);
            let read = snapshot(&mut connection, &query, shared.integrity.get()).map_err(|error| {
                tracing::error!(%error, "a read failed");
                StoreError::Unavailable
            });
            shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            // Only now, and here: a caller that hangs up must not free a place that is still taken.
            drop(permit);
            read
        });
        read.await.map_err(|_| StoreError::Unavailable)?
    }
}

impl Reader for Pool {
    fn fetch(&self, query: Query) -> Later<'_, Result<Fetched, StoreError>> {
        Box::pin(self.run(query))
    }
}

fn snapshot(
    connection: &mut Connection,
    query: &Query,
    integrity: Option<&Integrity>,
) -> rusqlite::Result<Fetched> {
    let transaction = connection.transaction()?;
    let mut fetched = Fetched { caller: Standing::Good, ..Fetched::default() };
    if let Some(caller) = &query.caller {
        for key in caller.keys() {
            fetched.rows.extend(row(&transaction, &key, integrity)?);
        }
        fetched.caller = caller.standing(&fetched.rows);
        if fetched.caller != Standing::Good {
            return Ok(Fetched { caller: fetched.caller, ..Fetched::default() });
        }
    }
    for key in &query.rows {
        fetched.rows.extend(row(&transaction, key, integrity)?);
    }
    if let Some(scan) = &query.scan {
        fetched.scanned = scanned(&transaction, scan, |table, row| checked_row(table, row, integrity))?;
    }
    Ok(fetched)
}

/// The row of a key.
pub(super) fn row(
    connection: &Connection,
    key: &RowKey,
    integrity: Option<&Integrity>,
) -> rusqlite::Result<Option<Row>> {
    let table = key.table();
    let mut statement = connection.prepare_cached(&connection::of(table).select)?;
    let mut rows = statement.query(params_from_iter(key.values().into_iter().map(Parameter)))?;
    rows.next()?.map(|row| checked_row(table, row, integrity)).transpose()
}

/// The rows of a scan, each as it is read.
pub(super) fn scanned<T>(
    connection: &Connection,
    scan: &Scan,
    mut read: impl FnMut(Table, &SqlRow<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let (table, condition, parameters) = scan.sql();
    let columns = tagged::columns(table).join(", ");
    let text = format!("SELECT {columns} FROM {} WHERE {condition}", table.name());
    let mut statement = connection.prepare_cached(&text)?;
    let parameters = params_from_iter(parameters.into_iter().map(Parameter));
    statement.query_map(parameters, |row| read(table, row))?.collect()
}
