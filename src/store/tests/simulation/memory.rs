//! A backend in a map, as strict about rows as a database: what is inserted was not there, what is
//! updated or deleted was.
//!
//! `apply` writes through and remembers what was there before, as a database does; so a writer that
//! forgets to roll back is seen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::domain::record::Record as _;
use crate::domain::rows::{Finished, Lane, LedgerAccount, Row, RowKey, Table};
use crate::domain::time::Timestamp;
use crate::store::backend::{Backend, BackendError, Change, Net, Place};
use crate::store::query::{Fetched, Query, Scan, Standing};
use crate::store::tests::rig::{Kind, Made};
use crate::store::{Later, Reader, StoreError};

type Rows = Arc<Mutex<BTreeMap<RowKey, Row>>>;

/// The backend. `EXCLUSIVE` as the embedded store is, or shared as PostgreSQL is.
pub(crate) struct Memory<const EXCLUSIVE: bool> {
    rows: Rows,
    /// What there was before, in the order of the changes.
    undo: Vec<(RowKey, Option<Row>)>,
}

/// As a kind of database.
pub(crate) struct InMemory<const EXCLUSIVE: bool>;

/// Reads the same map.
struct MapReader(Rows);

fn locked(rows: &Rows) -> MutexGuard<'_, BTreeMap<RowKey, Row>> {
    rows.lock().expect("nobody panics while he holds the rows")
}

impl<const EXCLUSIVE: bool> Kind for InMemory<EXCLUSIVE> {
    type Backend = Memory<EXCLUSIVE>;
    type Place = Rows;

    async fn make(&self) -> Made<Self> {
        let lane = Lane { lane: 0, sequence: 0, hash: [0; 32], at: Timestamp(0), signature: None }.into_row();
        let rows = Arc::new(Mutex::new(BTreeMap::from([(lane.key(), lane)])));
        let backend = Memory { rows: Arc::clone(&rows), undo: Vec::new() };
        Made { backend, reader: Arc::new(MapReader(Arc::clone(&rows))), place: rows }
    }

    async fn lose_ledger_accounts(&self, place: &Rows) {
        locked(place).retain(|key, _| key.table() != Table::LedgerAccount);
    }
}

impl<const EXCLUSIVE: bool> Memory<EXCLUSIVE> {
    fn set(&mut self, key: RowKey, row: Option<Row>, expects: bool) -> Result<(), BackendError> {
        let mut rows = locked(&self.rows);
        if rows.contains_key(&key) != expects {
            return Err(BackendError::Constraint);
        }
        let before = match row {
            Some(row) => rows.insert(key.clone(), row),
            None => rows.remove(&key),
        };
        self.undo.push((key, before));
        Ok(())
    }

    fn insert(&mut self, row: &Row) -> Result<(), BackendError> {
        if let Row::Journal(journal) = row {
            let finished = Finished {
                request_id: journal.request_id,
                key_id: journal.key_id,
                digest: journal.digest,
                outcome: journal.outcome.clone(),
            };
            // The journal's other key is unique as well.
            self.set(RowKey::Finished(journal.request_id, journal.key_id), Some(finished.into_row()), false)?;
        }
        self.set(row.key(), Some(row.clone()), false)
    }
}

impl<const EXCLUSIVE: bool> Backend for Memory<EXCLUSIVE> {
    const EXCLUSIVE: bool = EXCLUSIVE;

    async fn begin(&mut self) -> Result<Place, BackendError> {
        // One that is still open goes on, as in a database: what was not rolled back would be committed.
        Ok(Place { lane: 0, token: 0 })
    }

    async fn load(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, BackendError> {
        let rows = locked(&self.rows);
        Ok(keys.iter().map(|key| rows.get(key).cloned()).collect())
    }

    async fn load_all(&mut self, table: Table) -> Result<Vec<Row>, BackendError> {
        Ok(of_table(&self.rows, table))
    }

    async fn apply(&mut self, net: &Net) -> Result<(), BackendError> {
        for change in &net.changes {
            match change {
                Change::Insert(row) => self.insert(row)?,
                Change::Update(row) => self.set(row.key(), Some(row.clone()), true)?,
                Change::Delete(key) => self.set(key.clone(), None, true)?,
            }
        }
        for (id, debits_minor, credits_minor) in &net.credits {
            let key = RowKey::LedgerAccount(*id);
            let account = locked(&self.rows).get(&key).and_then(LedgerAccount::of).cloned();
            let mut account = account.ok_or(BackendError::Constraint)?;
            account.debits_posted_minor += debits_minor;
            account.credits_posted_minor += credits_minor;
            self.set(key, Some(account.into_row()), true)?;
        }
        Ok(())
    }

    fn clock_us(&self) -> Option<i64> {
        None
    }

    async fn commit(&mut self) -> Result<(), BackendError> {
        self.undo.clear();
        Ok(())
    }

    async fn rollback(&mut self) {
        let mut rows = locked(&self.rows);
        for (key, before) in self.undo.drain(..).rev() {
            match before {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
    }

    async fn release(&mut self) {}
}

fn of_table(rows: &Rows, table: Table) -> Vec<Row> {
    let rows = locked(rows);
    rows.iter().filter(|(key, _)| key.table() == table).map(|(_, row)| row.clone()).collect()
}

impl Reader for MapReader {
    fn fetch(&self, query: Query) -> Later<'_, Result<Fetched, StoreError>> {
        let scanned = match query.scan {
            Some(Scan::All { table, after: None, .. }) => of_table(&self.0, table),
            Some(other) => panic!("no scan of the simulation's: {other:?}"),
            None => Vec::new(),
        };
        let rows = query.rows.iter().filter_map(|key| locked(&self.0).get(key).cloned()).collect();
        Box::pin(async move { Ok(Fetched { caller: Standing::Good, rows, scanned }) })
    }
}
