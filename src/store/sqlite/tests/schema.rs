//! Records and migrations say the same, and the schema refuses what `decide` promises not to do.

use std::collections::BTreeSet;

use rusqlite::{Connection, ErrorCode, params_from_iter};
use tempfile::TempDir;

use super::rig::{insert, seed};
use crate::domain::id::RequestId;
use crate::domain::lots::Legs;
use crate::domain::money::Asset;
use crate::domain::record::{Record as _, Value};
use crate::domain::rows::{Finished, Payment, Table};
use crate::domain::tests::fixture::{Ledger, key_id, ledger_account_id};
use crate::store::sqlite::connection::{self, Parameter};
use crate::store::sqlite::{DATABASE_FILE, read};
use crate::store::tagged;
use crate::store::tests::examples::{broken, changed_account, further_rows, payment};
use crate::store::tests::rig::integrity;

fn database() -> (TempDir, Connection) {
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &Ledger::parse("alice 500 jpy fresh card | bob 0 jpy | bakery"));
    let connection = connection::writer(&directory.path().join(DATABASE_FILE)).expect("it opens");
    (directory, connection)
}

fn columns(connection: &Connection, table: &str) -> Vec<(String, String, i64)> {
    let mut statement =
        connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1)").expect("the pragma is there");
    let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    columns.expect("it lists").collect::<Result<_, _>>().expect("it reads")
}

#[test]
fn every_record_has_exactly_its_tables_columns_and_key() {
    let (_directory, connection) = database();
    for table in Table::ALL {
        let stored = columns(&connection, table.name());
        let names: BTreeSet<&str> = stored.iter().map(|(name, ..)| name.as_str()).collect();
        let record: BTreeSet<&str> = tagged::columns(*table).iter().copied().collect();
        if *table == Table::Finished {
            // The journal by its other key.
            assert!(record.is_subset(&names), "{table:?}");
            continue;
        }
        assert_eq!(record, names, "{table:?}");
        let mut key: Vec<_> = stored.iter().filter(|(.., place)| *place > 0).collect();
        key.sort_by_key(|(.., place)| *place);
        let key: Vec<&str> = key.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(key, table.key_columns(), "{table:?}");
    }
}

#[test]
fn the_database_has_no_table_that_is_not_a_record_but_these() {
    let (_directory, connection) = database();
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .expect("it compiles");
    let stored: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .expect("it lists")
        .collect::<Result<_, _>>()
        .expect("it reads");
    let mut expected: BTreeSet<String> = Table::ALL.iter().map(|table| table.name().to_owned()).collect();
    expected.extend(["asset".to_owned(), "refinery_schema_history".to_owned()]);
    assert_eq!(stored, expected);
}

#[test]
fn the_seeded_assets_are_those_that_the_program_knows() {
    let (_directory, connection) = database();
    let assets: Vec<(i64, String, i64)> = connection
        .prepare("SELECT asset, code, exponent FROM asset")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .expect("it reads");
    assert_eq!(assets, [(1, "JPY".to_owned(), 0)]);
    assert_eq!(Asset::from_number(1).map(Asset::code), Ok("JPY"));
}

#[test]
fn every_record_comes_back_as_it_was_stored() {
    let (_directory, mut connection) = database();
    let seeded = Ledger::parse("alice 500 jpy fresh card | bob 0 jpy | bakery");
    let transaction = connection.transaction().expect("a transaction");
    let further = further_rows();
    for row in &further {
        assert_eq!(insert(&transaction, row), Ok(1), "{row:?}");
    }
    let mut covered: BTreeSet<Table> = BTreeSet::from([Table::Finished]);
    for row in seeded.rows().chain(&further) {
        assert_eq!(read::row(&transaction, &row.key(), integrity().get()).as_ref(), Ok(&Some(row.clone())));
        covered.insert(row.table());
    }
    assert_eq!(covered, Table::ALL.iter().copied().collect(), "every table has its example");
    let finished = Finished {
        request_id: RequestId([2; 16]),
        key_id: key_id("alice"),
        digest: [3; 32],
        outcome: vec![4],
    };
    let finished = finished.into_row();
    assert_eq!(read::row(&transaction, &finished.key(), integrity().get()), Ok(Some(finished)));
    transaction.commit().expect("the examples keep to the schema");
}

#[test]
fn optional_columns_come_back_empty() {
    let (_directory, connection) = database();
    let empty = Payment {
        terminal_id: None,
        order_id: None,
        external_reference: None,
        receipt_line: None,
        closing_reason: None,
        legs: Legs::default(),
        tax_lines: Vec::new(),
        ..payment()
    };
    let row = empty.into_row();
    assert_eq!(insert(&connection, &row), Ok(1));
    assert_eq!(read::row(&connection, &row.key(), integrity().get()), Ok(Some(row)));
}

#[test]
fn an_update_writes_every_column_that_may_change() {
    let (_directory, connection) = database();
    let account = changed_account(&Ledger::parse("alice 500 jpy"));
    let row = account.into_row();
    let slot = integrity();
    let values = tagged::values(&row, slot.get()).expect("there are keys");
    let parameters = params_from_iter(values.into_iter().map(Parameter));
    let changed = connection.execute(&connection::of(Table::Account).update, parameters);
    assert_eq!(changed, Ok(1));
    assert_eq!(read::row(&connection, &row.key(), integrity().get()), Ok(Some(row)));
}

#[test]
fn every_update_names_all_columns_but_the_key_and_those_that_never_change() {
    for table in Table::ALL {
        let text = &connection::of(*table).update;
        let set = text.split(" WHERE ").next().expect("a split yields something");
        for column in tagged::columns(*table) {
            let written = set.contains(&format!(" {column} = ?"));
            let fixed = table.key_columns().contains(column) || table.fixed_columns().contains(column);
            assert_eq!(written, !fixed, "{table:?}.{column}");
        }
    }
}

#[test]
fn a_row_that_something_else_wrote_is_corrupt_not_misread() {
    let (_directory, connection) = database();
    let account = Table::Account.columns().iter().position(|column| *column == "asset");
    let place = account.expect("an account has an asset");
    let read = |table: Table, values: Vec<Value<'static>>| {
        let mut values = values.into_iter();
        table.read(|| values.next().ok_or(crate::domain::record::Corrupt))
    };
    let row = Ledger::parse("alice 500 jpy").account_of("alice").clone().into_row();
    let mut values: Vec<Value<'static>> = row
        .values()
        .into_iter()
        .map(|value| match value {
            Value::Int(int) => Value::Int(int),
            Value::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
            Value::Text(text) => Value::Text(text.into_owned().into()),
            Value::Null => Value::Null,
        })
        .collect();
    assert_eq!(read(Table::Account, values.clone()), Ok(row));
    values[place] = Value::Int(2);
    assert_eq!(read(Table::Account, values), Err(crate::domain::record::Corrupt));
    assert!(connection.execute("UPDATE account SET state = 'active'", []).is_err(), "columns are strict");
}

/// Runs the texts as one transaction of their own, and says whether a constraint refused it.
fn is_refused(connection: &Connection, texts: &str) -> bool {
    let result = connection.execute_batch(&format!("BEGIN; {texts}; COMMIT"));
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").expect("it rolls back");
    }
    match result {
        Ok(()) => false,
        Err(error) => {
            assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation), "{texts}: {error}");
            true
        }
    }
}

#[test]
fn the_schema_refuses_what_decide_promises_not_to_do() {
    let (_directory, connection) = database();
    for row in further_rows() {
        assert_eq!(insert(&connection, &row), Ok(1));
    }
    let copy = |table: &str, changed: &[(&str, &str)]| {
        let stored = columns(&connection, table);
        let values: Vec<String> = stored
            .iter()
            .map(|(name, ..)| {
                changed.iter().find(|(one, _)| one == name).map_or(name.clone(), |(_, to)| (*to).to_owned())
            })
            .collect();
        format!("INSERT INTO {table} SELECT {} FROM {table} LIMIT 1", values.join(", "))
    };
    for texts in broken(&copy, &|digits| format!("x'{digits}'")) {
        assert!(is_refused(&connection, &texts), "{texts}");
    }
    // The clearing account may be below zero, and a row that keeps to everything is taken.
    assert!(!is_refused(&connection, "UPDATE ledger_account SET debits_posted_minor = 9 WHERE kind = 3"));
    let other = "x'00000000000000000000000000000001'";
    let good = copy("payment", &[("payment_id", other), ("order_id", "NULL")]);
    assert!(!is_refused(&connection, &good));
    let account = ledger_account_id("alice");
    assert_eq!(
        read::row(&connection, &crate::domain::rows::RowKey::LedgerAccount(account), integrity().get()),
        Ok(None)
    );
}
