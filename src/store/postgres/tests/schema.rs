//! Records and migrations say the same, the schema refuses what `decide` promises not to do, and every
//! row comes back as it was stored.

use std::collections::BTreeSet;

use super::rig::Cluster;
use super::services::Wanted;
use crate::domain::record::Record as _;
use crate::domain::rows::{Row, Table};
use crate::domain::tests::fixture::Ledger;
use crate::store::backend::{Backend, BackendError, Change, Net};
use crate::store::postgres::connection::Connection;
use crate::store::postgres::statements::type_name;
use crate::store::postgres::write::Postgres;
use crate::store::tagged;
use crate::store::tests::examples::{broken, changed_account, further_rows, payment};

const TEXT: &str = "alice 500 jpy fresh card | bob 0 jpy | bakery";

#[tokio::test]
async fn records_and_schema_agree() {
    let cluster = Cluster::start(Wanted::default()).await;
    let ledger = Ledger::parse(TEXT);
    let database = cluster.seeded(&ledger).await;
    let mut session = cluster.session(&database).await;
    every_record_has_exactly_its_tables_columns_types_and_key(&mut session).await;
    the_database_has_no_table_that_is_not_a_record_but_these(&mut session).await;
    let mut backend = cluster.backend(&database, 1);
    every_record_comes_back_as_it_was_stored(&mut backend, &ledger).await;
    an_update_writes_every_column_that_may_change(&mut backend).await;
    a_row_that_something_else_wrote_is_corrupt_not_misread(&mut backend, &mut session).await;
    the_schema_refuses_what_decide_promises_not_to_do(&mut session).await;
}

async fn columns(session: &mut Connection, table: &str) -> Vec<(String, String)> {
    let text = "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns \
                WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position";
    let rows = session.client().query(text, &[&table]).await.expect("the catalogue reads");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn key(session: &mut Connection, table: &str) -> Vec<String> {
    let text = "SELECT CAST(k.column_name AS TEXT) FROM information_schema.key_column_usage k \
                JOIN information_schema.table_constraints c USING (constraint_name, table_name) \
                WHERE c.constraint_type = 'PRIMARY KEY' AND table_name = $1 ORDER BY k.ordinal_position";
    let rows = session.client().query(text, &[&table]).await.expect("the catalogue reads");
    rows.iter().map(|row| row.get(0)).collect()
}

async fn every_record_has_exactly_its_tables_columns_types_and_key(session: &mut Connection) {
    for table in Table::ALL {
        let stored: BTreeSet<_> = columns(session, table.name()).await.into_iter().collect();
        let types = tagged::types(*table).iter().map(|column| type_name(*column).to_owned());
        let record: BTreeSet<_> =
            tagged::columns(*table).iter().map(|&name| name.to_owned()).zip(types).collect();
        if *table == Table::Finished {
            // The journal by its other key.
            assert!(record.is_subset(&stored), "{table:?}");
            continue;
        }
        assert_eq!(record, stored, "{table:?}");
        assert_eq!(key(session, table.name()).await, table.key_columns(), "{table:?}");
    }
}

async fn the_database_has_no_table_that_is_not_a_record_but_these(session: &mut Connection) {
    let text = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'";
    let rows = session.client().query(text, &[]).await.expect("the catalogue reads");
    let stored: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut expected: BTreeSet<String> = Table::ALL.iter().map(|table| table.name().to_owned()).collect();
    expected.extend(["asset", "refinery_schema_history", "migration_lock", "lane_lease"].map(str::to_owned));
    assert_eq!(stored, expected);
}

async fn write(backend: &mut Postgres, changes: Vec<Change>) -> Result<(), BackendError> {
    let lane = backend.begin().await?.lane;
    backend.load(&[crate::domain::rows::RowKey::Lane(lane)]).await?;
    backend.apply(&Net { changes, credits: Vec::new() }).await?;
    backend.commit().await
}

async fn read(backend: &mut Postgres, rows: &[Row]) -> Vec<Option<Row>> {
    let mut keys: Vec<_> = rows.iter().map(Row::key).collect();
    keys.sort();
    backend.begin().await.expect("a transaction");
    let mut loaded = backend.load(&keys).await.expect("the rows load");
    backend.rollback().await;
    rows.iter().map(|row| loaded[keys.binary_search(&row.key()).expect("it was asked for")].take()).collect()
}

async fn every_record_comes_back_as_it_was_stored(backend: &mut Postgres, ledger: &Ledger) {
    let mut further = further_rows();
    further.sort_by_key(Row::key);
    write(backend, further.iter().cloned().map(Change::Insert).collect()).await.expect("examples are good");
    let all: Vec<Row> = ledger.rows().chain(&further).cloned().collect();
    let mut covered: BTreeSet<Table> = all.iter().map(Row::table).collect();
    covered.insert(Table::Finished);
    assert_eq!(covered, Table::ALL.iter().copied().collect(), "every table has its example");
    for (row, stored) in all.iter().zip(read(backend, &all).await) {
        assert_eq!(stored.as_ref(), Some(row));
    }
    let empty = crate::domain::rows::Payment {
        payment_id: crate::domain::id::PaymentId([9; 16]),
        terminal_id: None,
        order_id: None,
        external_reference: None,
        receipt_line: None,
        closing_reason: None,
        tax_lines: Vec::new(),
        ..payment()
    };
    let empty = vec![empty.into_row()];
    write(backend, vec![Change::Insert(empty[0].clone())]).await.expect("optional columns may be empty");
    assert_eq!(read(backend, &empty).await, [Some(empty[0].clone())]);
}

async fn an_update_writes_every_column_that_may_change(backend: &mut Postgres) {
    let account = changed_account(&Ledger::parse(TEXT));
    let rows = vec![account.into_row()];
    write(backend, vec![Change::Update(rows[0].clone())]).await.expect("the account is there");
    assert_eq!(read(backend, &rows).await, [Some(rows[0].clone())]);
}

async fn a_row_that_something_else_wrote_is_corrupt_not_misread(
    backend: &mut Postgres,
    session: &mut Connection,
) {
    let store = Ledger::parse(TEXT).rows().find(|row| row.table() == Table::Store).cloned();
    let store = store.expect("the ledger has a store");
    let text = "ALTER TABLE store DROP CONSTRAINT store_standing_check; UPDATE store SET standing = 7";
    session.client().batch_execute(text).await.expect("somebody did that");
    backend.begin().await.expect("a transaction");
    assert_eq!(backend.load(&[store.key()]).await, Err(BackendError::Constraint));
    backend.rollback().await;
    let text = "UPDATE store SET standing = 1";
    session.client().batch_execute(text).await.expect("somebody mended it");
}

async fn the_schema_refuses_what_decide_promises_not_to_do(session: &mut Connection) {
    let mut names = std::collections::BTreeMap::new();
    for table in Table::ALL {
        names.insert(table.name(), columns(session, table.name()).await);
    }
    let copy = |table: &str, changed: &[(&str, &str)]| {
        let values: Vec<String> = names[table]
            .iter()
            .map(|(name, _)| {
                changed.iter().find(|(one, _)| one == name).map_or(name.clone(), |(_, to)| (*to).to_owned())
            })
            .collect();
        format!("INSERT INTO {table} SELECT {} FROM {table} LIMIT 1", values.join(", "))
    };
    let blob = |digits: &str| format!("decode('{digits}', 'hex')");
    let broken = broken(&copy, &blob);
    assert!(broken.len() > 30);
    for text in broken {
        let result = session.client().batch_execute(&text).await;
        let code = result.expect_err(&text).code().map(|code| code.code()[..2].to_owned());
        assert_eq!(code.as_deref(), Some("23"), "{text}");
    }
    let good = copy("payment", &[("payment_id", &blob(&format!("{:032}", 77))), ("order_id", "NULL")]);
    session.client().batch_execute(&good).await.expect("a row that keeps to everything is taken");
}
