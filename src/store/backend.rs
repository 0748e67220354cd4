//! A database behind the writer: loads and writes rows, and never learns what a command is.

use crate::domain::id::LedgerAccountId;
use crate::domain::rows::{Row, RowKey, Table};

/// Why a backend could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendError {
    /// A constraint of the database said no: what `decide` promised is not so.
    Constraint,
    /// Another writer got in the way, or the connection was lost: to be loaded and decided anew.
    ///
    /// That holds also when it was lost during the commit, so that nobody knows whether the batch is
    /// in: request ids are looked up again, so what was committed is found as a repetition and
    /// answered as such, a system's action like a device's. An open answer is found by its payload.
    /// A chore that was done finds nothing left to do; at worst a message counts one attempt twice.
    Conflict,
    /// The database cannot be reached or written. Nothing of the batch was done.
    Unavailable,
    /// This machine's clock is not believed: nothing may be stamped with it. Nothing of the batch was done.
    Clock,
    /// Whether the commit happened is unknown, or what is stored cannot be trusted. Nothing more
    /// may be written by this process.
    Broken,
}

/// The net change of one row over a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It did not exist before.
    Insert(Row),
    /// It existed, with other values.
    Update(Row),
    /// It existed.
    Delete(RowKey),
}

/// What a batch writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// One change a row, ordered by table and key.
    pub changes: Vec<Change>,
    /// Debits and credits of accounts that are only added to, ordered by account. Written last.
    pub credits: Vec<(LedgerAccountId, i64, i64)>,
}

/// The lane that a transaction may append to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub lane: i64,
    /// The same for as long as nobody else could append to it.
    pub token: i64,
}

/// A database behind the writer. All of it between `begin` and `commit` is one transaction.
pub(crate) trait Backend: Send + 'static {
    /// Whether nobody else writes: rows may be kept between batches.
    const EXCLUSIVE: bool;
    /// The lane that this transaction may append to.
    fn begin(&mut self) -> impl Future<Output = Result<Place, BackendError>> + Send;
    /// The rows of these keys, in their order.
    fn load(
        &mut self,
        keys: &[RowKey],
    ) -> impl Future<Output = Result<Vec<Option<Row>>, BackendError>> + Send;
    /// All rows of a table.
    fn load_all(&mut self, table: Table) -> impl Future<Output = Result<Vec<Row>, BackendError>> + Send;
    fn apply(&mut self, net: &Net) -> impl Future<Output = Result<(), BackendError>> + Send;
    /// What the database's clock showed when the transaction was begun, once its first rows are loaded;
    /// nothing where it has no clock but this process's.
    fn clock_us(&self) -> Option<i64>;
    fn commit(&mut self) -> impl Future<Output = Result<(), BackendError>> + Send;
    fn rollback(&mut self) -> impl Future<Output = ()> + Send;
    /// The writer has ended: what it held for itself is free for another.
    fn release(&mut self) -> impl Future<Output = ()> + Send;
}
