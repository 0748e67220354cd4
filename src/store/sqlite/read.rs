//! Readers: each query is one snapshot, on a thread that may block.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, params_from_iter};
use tokio::sync::Semaphore;

use super::connection::{self, Parameter, read_row};
use crate::domain::rows::{Row, RowKey};
use crate::store::query::{Fetched, Query, Scan, Standing};
use crate::store::{Later, Reader, StoreError};

const CONNECTIONS: usize = 4;

/// A few connections that cannot write.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let idle = (0..CONNECTIONS).map(|_| connection::reader(path)).collect::<Result<Vec<_>, _>>()?;
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Self { shared: Arc::new(Shared { idle: Mutex::new(idle), permits }) })
    }

    async fn run(&self, query: Query) -> Result<Fetched, StoreError> {
        let shared = Arc::clone(&self.shared);
        let permit = Arc::clone(&self.shared.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut idle = shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let mut connection = idle.pop().ok_or(StoreError::Unavailable)?;
            drop(idle);
            let read = snapshot(&mut connection, &query).map_err(|error| {
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

fn snapshot(connection: &mut Connection, query: &Query) -> rusqlite::Result<Fetched> {
    let transaction = connection.transaction()?;
    let mut fetched = Fetched { caller: Standing::Good, ..Fetched::default() };
    if let Some(caller) = &query.caller {
        for key in caller.keys() {
            fetched.rows.extend(row(&transaction, &key)?);
        }
        fetched.caller = caller.standing(&fetched.rows);
        if fetched.caller != Standing::Good {
            return Ok(Fetched { caller: fetched.caller, ..Fetched::default() });
        }
    }
    for key in &query.rows {
        fetched.rows.extend(row(&transaction, key)?);
    }
    if let Some(scan) = &query.scan {
        fetched.scanned = scanned(&transaction, scan)?;
    }
    Ok(fetched)
}

/// The row of a key.
pub(super) fn row(connection: &Connection, key: &RowKey) -> rusqlite::Result<Option<Row>> {
    let table = key.table();
    let mut statement = connection.prepare_cached(&connection::of(table).select)?;
    let mut rows = statement.query(params_from_iter(key.values().into_iter().map(Parameter)))?;
    rows.next()?.map(|row| read_row(table, row)).transpose()
}

/// The rows of a scan.
pub(super) fn scanned(connection: &Connection, scan: &Scan) -> rusqlite::Result<Vec<Row>> {
    let (table, condition, parameters) = scan.sql();
    let text = format!("SELECT {} FROM {} WHERE {condition}", table.columns().join(", "), table.name());
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement
        .query_map(params_from_iter(parameters.into_iter().map(Parameter)), |row| read_row(table, row))?;
    rows.collect()
}
