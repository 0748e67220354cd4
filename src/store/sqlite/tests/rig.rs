//! The embedded store as a kind of database, and its file looked at beside it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use crate::domain::rows::Row;
use crate::domain::tests::fixture::Ledger;
use crate::store::sqlite::connection::{self, Parameter};
use crate::store::sqlite::write::Sqlite;
use crate::store::sqlite::{DATABASE_FILE, migrate, read};
use crate::store::tagged;
use crate::store::tests::rig::{Kind, Made, integrity};

/// The embedded store.
pub(in crate::store) struct Embeddable;

impl Kind for Embeddable {
    type Backend = Sqlite;
    type Place = TempDir;

    async fn make(&self) -> Made<Self> {
        let place = TempDir::new().expect("a temporary directory");
        let path = place.path().join(DATABASE_FILE);
        let backend = Sqlite::new(migrated(place.path()), integrity());
        Made { backend, reader: Arc::new(read::Pool::open(&path, integrity()).expect("readers open")), place }
    }

    async fn lose_ledger_accounts(&self, place: &TempDir) {
        let doctor = Connection::open(place.path().join(DATABASE_FILE)).expect("a second connection");
        doctor.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM ledger_account").expect("it is gone");
    }
}

fn migrated(directory: &Path) -> Connection {
    let path = directory.join(DATABASE_FILE);
    let mut connection = connection::writer(&path).expect("a new database");
    migrate(&mut connection, &path).expect("the migrations run");
    connection
}

/// A database file with the ledger's rows.
pub(super) fn seed(directory: &Path, ledger: &Ledger) {
    let mut connection = migrated(directory);
    let transaction = connection.transaction().expect("a transaction");
    for row in ledger.rows() {
        assert_eq!(insert(&transaction, row), Ok(1));
    }
    transaction.commit().expect("the ledger's rows keep to the schema");
}

pub(super) fn insert(connection: &Connection, row: &Row) -> rusqlite::Result<usize> {
    let (slot, row) = (integrity(), row.clone());
    let values = tagged::values(&row, slot.get()).expect("there are keys");
    connection
        .prepare_cached(&connection::of(row.table()).insert)?
        .execute(params_from_iter(values.into_iter().map(Parameter)))
}

/// A reader of the file beside the store.
pub(super) fn reader(place: &TempDir) -> Connection {
    connection::reader(&place.path().join(DATABASE_FILE)).expect("a reader opens")
}

pub(super) fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
}
