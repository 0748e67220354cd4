//! The writer's side: a batch is one round of locking reads (a second one where those name further
//! rows), one round of writes, and the commit.
//!
//! READ COMMITTED: what a command may change is locked as it is read, and each later statement sees
//! what was committed while it waited for those locks. So tables come in one order and rows by key,
//! and request ids are looked up after the locks.

use std::collections::HashMap;
use std::sync::Arc;

use super::cells::{Parameter, arrays, checked_row};
use super::connection::{Ask, Connection, Connector, Reply, Round};
use super::failure::Failure;
use super::lease::Lease;
use super::statements::{self, CREDIT, LOCK_CREDITED};
use crate::crypto::integrity::{Integrity, IntegritySlot};
use crate::domain::record::{ColumnType, Corrupt, Value};
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::backend::{Backend, BackendError, Change, Net, Place};
use crate::store::tagged;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The one session that writes, made anew when it is lost.
pub(super) struct Postgres {
    connector: Arc<Connector>,
    holder: [u8; 16],
    integrity: IntegritySlot,
    connection: Option<Connection>,
    lease: Option<Lease>,
    transaction: Transaction,
}

/// How far the transaction is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// It is begun together with the first read.
    Due,
    Open,
}

impl Postgres {
    /// As `holder`, which no other process calls itself.
    pub(super) fn new(connector: Arc<Connector>, holder: [u8; 16], integrity: IntegritySlot) -> Self {
        let transaction = Transaction::None;
        Self { connector, holder, integrity, connection: None, lease: None, transaction }
    }

    /// A usable connection and a lane.
    pub(super) async fn ready(&mut self) -> Result<Place, Failure> {
        if self.connection.as_ref().is_none_or(Connection::is_closed) {
            self.connection = None;
            self.connection = Some(self.connector.connect().await?);
        }
        let connection = self.connection.as_mut().ok_or(Failure::Away)?;
        if self.lease.is_none() {
            self.lease = Some(Lease::take(connection, self.holder).await?);
        }
        self.lease.as_ref().map(Lease::place).ok_or(Failure::LaneLost)
    }

    /// Nobody else appends to any lane until this transaction ends: whoever does locks their head first.
    pub(super) async fn exclude_others(&mut self) -> Result<(), BackendError> {
        self.load(&[]).await?;
        let round = Round { before: Some("LOCK TABLE lane IN EXCLUSIVE MODE"), ..Round::default() };
        self.round(&round).await.map(drop).map_err(|failure| self.failed(&failure))
    }

    async fn locked(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Failure> {
        let mut round = Round::default();
        let is_first = self.transaction == Transaction::Due;
        if is_first {
            round.before = Some(BEGIN);
            round.asks.extend(self.lease.as_ref().map(Lease::ask));
        }
        let runs: Vec<&[RowKey]> = keys.chunk_by(|one, other| one.table() == other.table()).collect();
        for run in &runs {
            let table = run[0].table();
            round.asks.push(Ask { text: &statements::of(table).lock, parameters: by_key(table, run) });
        }
        self.transaction = Transaction::Open;
        let mut replies = self.round(&round).await?.into_iter();
        if is_first {
            let heard = replies.next().ok_or(Failure::Silent)?;
            self.lease.as_mut().ok_or(Failure::LaneLost)?.heard(&heard)?;
        }
        let mut found = HashMap::with_capacity(keys.len());
        for (run, reply) in runs.iter().zip(replies) {
            for row in &reply.rows {
                let row = checked_row(run[0].table(), row, self.integrity.get())?;
                found.insert(row.key(), row);
            }
        }
        Ok(keys.iter().map(|key| found.remove(key)).collect())
    }

    async fn write(&mut self, net: &Net) -> Result<(), Failure> {
        let integrity = self.integrity.clone();
        let (asks, expected) = writes(net, integrity.get())?;
        let replies = self.round(&Round { asks, ..Round::default() }).await?;
        let counts = replies.iter().map(|reply| reply.affected);
        // What `decide` promised: the row was there, or was not, as it said.
        if counts.eq(expected) { Ok(()) } else { Err(Failure::Count) }
    }

    async fn round(&mut self, round: &Round<'_>) -> Result<Vec<Reply>, Failure> {
        self.connection.as_mut().ok_or(Failure::Away)?.round(round).await
    }

    /// What a failure means, and what of this session is still good after it.
    fn failed(&mut self, failure: &Failure) -> BackendError {
        tracing::warn!(%failure, "the database refused");
        if failure.ends_connection() {
            self.connection = None;
            self.transaction = Transaction::None;
        }
        if matches!(failure, Failure::LaneLost) {
            self.lease = None;
        }
        failure.meaning()
    }
}

/// The keys of one table as arrays of their columns.
pub(super) fn by_key(table: Table, keys: &[RowKey]) -> Vec<Parameter<'_>> {
    let types = &table.column_types()[..table.key_columns().len()];
    arrays(types, keys.iter().map(RowKey::values).collect())
}

/// The statements of a batch, and how many rows each is about: what goes, what comes, what changes,
/// and at last the accounts that others add to as well, so that their locks are held as shortly as
/// can be.
fn writes<'a>(net: &'a Net, integrity: Option<&Integrity>) -> Result<(Vec<Ask<'a>>, Vec<u64>), Corrupt> {
    let (mut inserted, mut updated, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    for change in &net.changes {
        match change {
            Change::Insert(row) => inserted.push(row),
            Change::Update(row) => updated.push(row),
            Change::Delete(key) => deleted.push(key.clone()),
        }
    }
    inserted.sort_by_key(|row| statements::write_order(row.table()));
    let mut asks = Vec::new();
    let mut expected = Vec::new();
    for keys in deleted.chunk_by(|one, other| one.table() == other.table()).rev() {
        let table = keys[0].table();
        let rows = keys.iter().map(|key| key.values().into_iter().map(owned).collect()).collect();
        let types = &table.column_types()[..table.key_columns().len()];
        asks.push(Ask { text: &statements::of(table).delete, parameters: arrays(types, rows) });
        expected.push(keys.len() as u64);
    }
    for rows in inserted.chunk_by(|one, other| one.table() == other.table()) {
        let table = rows[0].table();
        let values = rows.iter().map(|row| tagged::values(row, integrity)).collect::<Result<_, _>>()?;
        let parameters = arrays(tagged::types(table), values);
        asks.push(Ask { text: &statements::of(table).insert, parameters });
        expected.push(rows.len() as u64);
    }
    for rows in updated.chunk_by(|one, other| one.table() == other.table()) {
        let table = rows[0].table();
        asks.push(Ask { text: &statements::of(table).update, parameters: changed(table, rows, integrity)? });
        expected.push(rows.len() as u64);
    }
    if !net.credits.is_empty() {
        let accounts = net.credits.len() as u64;
        let ids = net.credits.iter().map(|(id, ..)| vec![Value::Bytes((&id.0[..]).into())]).collect();
        asks.push(Ask { text: LOCK_CREDITED, parameters: arrays(&[ColumnType::Bytes], ids) });
        let sums = net.credits.iter().map(|(id, debits_minor, credits_minor)| {
            vec![Value::Bytes((&id.0[..]).into()), Value::Int(*debits_minor), Value::Int(*credits_minor)]
        });
        let types = [ColumnType::Bytes, ColumnType::Int, ColumnType::Int];
        asks.push(Ask { text: CREDIT, parameters: arrays(&types, sums.collect()) });
        expected.extend([accounts, accounts]);
    }
    Ok((asks, expected))
}

fn changed<'a>(
    table: Table,
    rows: &[&'a Row],
    integrity: Option<&Integrity>,
) -> Result<Vec<Parameter<'a>>, Corrupt> {
    let places: Vec<usize> = statements::updated_columns(table).collect();
    let types: Vec<ColumnType> = places.iter().map(|place| tagged::types(table)[*place]).collect();
    let values = rows.iter().map(|row| {
        let values = tagged::values(row, integrity)?;
        let mut values: Vec<Option<Value<'a>>> = values.into_iter().map(Some).collect();
        Ok(places.iter().filter_map(|place| values[*place].take()).collect())
    });
    Ok(arrays(&types, values.collect::<Result<_, _>>()?))
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Int(int) => Value::Int(int),
        Value::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
        Value::Text(text) => Value::Text(text.into_owned().into()),
        Value::Null => Value::Null,
    }
}

impl Backend for Postgres {
    const EXCLUSIVE: bool = false;

    async fn begin(&mut self) -> Result<Place, BackendError> {
        let place = self.ready().await.map_err(|failure| self.failed(&failure))?;
        self.transaction = Transaction::Due;
        if let Some(lease) = &mut self.lease {
            lease.clock_us = None;
        }
        Ok(place)
    }

    async fn load(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, BackendError> {
        self.locked(keys).await.map_err(|failure| self.failed(&failure))
    }

    async fn load_all(&mut self, table: Table) -> Result<Vec<Row>, BackendError> {
        let text = format!("SELECT {} FROM {}", tagged::columns(table).join(", "), table.name());
        let round = Round { asks: vec![Ask { text: &text, parameters: Vec::new() }], ..Round::default() };
        let replies = self.round(&round).await.map_err(|failure| self.failed(&failure))?;
        let rows = replies.iter().flat_map(|reply| &reply.rows);
        rows.map(|row| checked_row(table, row, self.integrity.get()))
            .collect::<Result<_, _>>()
            .map_err(|corrupt| self.failed(&corrupt.into()))
    }

    async fn apply(&mut self, net: &Net) -> Result<(), BackendError> {
        self.write(net).await.map_err(|failure| self.failed(&failure))
    }

    fn clock_us(&self) -> Option<i64> {
        self.lease.as_ref().and_then(|lease| lease.clock_us)
    }

    async fn commit(&mut self) -> Result<(), BackendError> {
        let round = Round { after: Some("COMMIT"), ..Round::default() };
        self.round(&round).await.map_err(|failure| self.failed(&failure))?;
        self.transaction = Transaction::None;
        Ok(())
    }

    async fn rollback(&mut self) {
        let transaction = std::mem::replace(&mut self.transaction, Transaction::None);
        if transaction == Transaction::Open {
            let round = Round { after: Some("ROLLBACK"), ..Round::default() };
            if let Err(failure) = self.round(&round).await {
                tracing::warn!(%failure, "a rollback failed");
                // Without its connection a transaction ends as well.
                self.connection = None;
            }
        }
    }

    async fn release(&mut self) {
        if let (Some(connection), Some(lease)) = (&mut self.connection, &self.lease)
            && let Err(failure) = lease.release(connection).await
        {
            tracing::warn!(%failure, "the lane stays this process's until its lease is over");
        }
    }
}
