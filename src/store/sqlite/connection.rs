//! Connections as this store wants them, and the texts of its statements.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Row as SqlRow, ToSql};

use crate::crypto::integrity::Integrity;
use crate::domain::record::{Corrupt, Value};
use crate::domain::rows::{Row, Table};
use crate::store::tagged::{self, Read};

/// The one connection that writes.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Checkpoints have a thread of their own.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Opening is lazy: a damaged file is found here.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

/// The statements of one table.
pub(super) struct Statements {
    pub select: String,
    pub insert: String,
    pub update: String,
    pub delete: String,
}

static STATEMENTS: LazyLock<Vec<Statements>> =
    LazyLock::new(|| Table::ALL.iter().map(|table| statements(*table)).collect());

/// The statements of a table. Parameters are numbered in the order of its columns, the key's first.
pub(super) fn of(table: Table) -> &'static Statements {
    let place = Table::ALL.iter().position(|one| *one == table).expect("every table is in ALL");
    &STATEMENTS[place]
}

fn statements(table: Table) -> Statements {
    let (name, columns, keys) = (table.name(), tagged::columns(table), table.key_columns());
    let numbered = |wanted: &dyn Fn(&str) -> bool, between: &str| {
        let terms: Vec<String> = (1..)
            .zip(columns)
            .filter(|(_, column)| wanted(column))
            .map(|(place, column)| format!("{column} = ?{place}"))
            .collect();
        terms.join(between)
    };
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    let by_key = numbered(&|column| keys.contains(&column), " AND ");
    let fixed = table.fixed_columns();
    let changing = numbered(&|column| !keys.contains(&column) && !fixed.contains(&column), ", ");
    Statements {
        select: format!("SELECT {} FROM {name} WHERE {by_key}", columns.join(", ")),
        insert: format!("INSERT INTO {name} ({}) VALUES ({})", columns.join(", "), places.join(", ")),
        update: format!("UPDATE {name} SET {changing} WHERE {by_key}"),
        delete: format!("DELETE FROM {name} WHERE {by_key}"),
    }
}

/// A value as SQLite's parameter.
pub(super) struct Parameter<'a>(pub Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Null => ValueRef::Null,
        }))
    }
}

/// A row of a statement that selects a table's columns in their order, and its tag.
pub(super) fn read_row(table: Table, row: &SqlRow<'_>) -> rusqlite::Result<Read> {
    let mut place = 0;
    let read = table.read(|| {
        let value = match row.get_ref(place).map_err(|_| Corrupt)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(int) => Value::Int(int),
            ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
            ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(|_| Corrupt)?.into()),
            ValueRef::Real(_) => return Err(Corrupt),
        };
        place += 1;
        Ok(value)
    });
    let read = read.map_err(|corrupt| unreadable(place, corrupt))?;
    let tag = if table.is_tagged() { row.get_ref(table.columns().len())?.as_blob_or_null()? } else { None };
    Ok((read, tag.and_then(|tag| tag.try_into().ok())))
}

/// The row, when a server wrote it.
pub(super) fn checked_row(
    table: Table,
    row: &SqlRow<'_>,
    integrity: Option<&Integrity>,
) -> rusqlite::Result<Row> {
    tagged::checked(read_row(table, row)?, integrity).map_err(|corrupt| unreadable(0, corrupt))
}

/// Not SQLite's own word: what it gave is no row of ours.
fn unreadable(place: usize, corrupt: Corrupt) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, rusqlite::types::Type::Blob, Box::new(corrupt))
}
