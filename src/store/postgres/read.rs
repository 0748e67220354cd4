//! Readers: each query is one snapshot and one round trip.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::cells::{checked_row, scalar};
use super::connection::{Ask, Connection, Connector, Reply, Round};
use super::failure::Failure;
use super::{statements, write};
use crate::crypto::integrity::{Integrity, IntegritySlot};
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::query::{Fetched, Query, Scan, Standing};
use crate::store::{Later, Reader, StoreError, tagged};

const CONNECTIONS: usize = 8;
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A few connections, made when they are needed. They go where the writer's goes, so a process reads
/// what it committed.
pub(super) struct Pool {
    connector: Arc<Connector>,
    idle: Mutex<Vec<Connection>>,
    integrity: IntegritySlot,
    permits: Semaphore,
}

impl Pool {
    pub(super) fn new(connector: Arc<Connector>, integrity: IntegritySlot) -> Self {
        let permits = Semaphore::new(CONNECTIONS);
        Self { connector, idle: Mutex::new(Vec::new()), integrity, permits }
    }

    async fn run(&self, query: Query) -> Result<Fetched, StoreError> {
        let _permit = self.permits.acquire().await.map_err(|_| StoreError::Unavailable)?;
        let mut kept = self.idle().pop();
        loop {
            let is_fresh = kept.is_none();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.connector.connect().await.map_err(|_| StoreError::Unavailable)?,
            };
            // When this is dropped in the middle, so is the connection, and with it the transaction.
            match snapshot(&mut connection, &query, self.integrity.get()).await {
                Ok(fetched) => {
                    self.idle().push(connection);
                    return Ok(fetched);
                }
                // It may have been lost long ago. Reading twice does no harm.
                Err(failure) if !is_fresh && failure.ends_connection() => self.idle().clear(),
                Err(failure) => {
                    tracing::error!(%failure, "a read failed");
                    return Err(StoreError::Unavailable);
                }
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for Pool {
    fn fetch(&self, query: Query) -> Later<'_, Result<Fetched, StoreError>> {
        Box::pin(self.run(query))
    }
}

/// Everything is asked at once; what a caller who is not who he says asked for is thrown away unseen.
async fn snapshot(
    connection: &mut Connection,
    query: &Query,
    integrity: Option<&Integrity>,
) -> Result<Fetched, Failure> {
    let callers: Vec<RowKey> = query.caller.iter().flat_map(crate::store::query::Caller::keys).collect();
    let scan = query.scan.as_ref().map(ScanText::of);
    let mut round = Round { before: Some(BEGIN), asks: Vec::new(), after: Some("COMMIT") };
    for key in callers.iter().chain(&query.rows) {
        let parameters = write::by_key(key.table(), std::slice::from_ref(key));
        round.asks.push(Ask { text: &statements::of(key.table()).select, parameters });
    }
    round.asks.extend(scan.as_ref().map(ScanText::ask));
    let mut replies = connection.round(&round).await?.into_iter();
    let mut fetched = Fetched { caller: Standing::Good, ..Fetched::default() };
    for key in &callers {
        fetched.rows.extend(rows(key.table(), replies.next(), integrity)?);
    }
    if let Some(caller) = &query.caller {
        fetched.caller = caller.standing(&fetched.rows);
        if fetched.caller != Standing::Good {
            return Ok(Fetched { caller: fetched.caller, ..Fetched::default() });
        }
    }
    for key in &query.rows {
        fetched.rows.extend(rows(key.table(), replies.next(), integrity)?);
    }
    if let Some(scan) = &scan {
        fetched.scanned = rows(scan.table, replies.next(), integrity)?;
    }
    Ok(fetched)
}

fn rows(table: Table, reply: Option<Reply>, integrity: Option<&Integrity>) -> Result<Vec<Row>, Failure> {
    let reply = reply.ok_or(Failure::Silent)?;
    let rows = reply.rows.iter().map(|row| checked_row(table, row, integrity));
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A scan as PostgreSQL writes it.
pub(super) struct ScanText {
    pub table: Table,
    text: String,
    values: Vec<crate::domain::record::Value<'static>>,
}

impl ScanText {
    pub(super) fn of(scan: &Scan) -> Self {
        let (table, condition, values) = scan.sql();
        // The same places, otherwise marked.
        let condition = condition.replace('?', "$");
        let columns = tagged::columns(table).join(", ");
        let text = format!("SELECT {columns} FROM {} WHERE {condition}", table.name());
        Self { table, text, values }
    }

    pub(super) fn ask(&self) -> Ask<'_> {
        Ask { text: &self.text, parameters: self.values.iter().cloned().map(scalar).collect() }
    }
}
