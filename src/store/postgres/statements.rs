//! The texts of the statements, written once a table: many rows to a statement, by arrays of their
//! columns.
//!
//! Within what CockroachDB, YugabyteDB and Citus also speak; a test looks for what is not.

use std::sync::LazyLock;

use crate::domain::record::ColumnType;
use crate::domain::rows::Table;
use crate::store::tagged;

/// Read in a batch, and changed seldom or by nobody: shared, so that servers do not wait for each
/// other at a store that all of them are paid at. A decision that does change such a row upgrades its
/// lock; where two do so at once one of them is a deadlock's victim, and decided anew. Two
/// revocations of one key are not that: they meet at their account's row first.
const SHARED: [Table; 3] = [Table::SigningKey, Table::Merchant, Table::Store];

/// Never changed once written: nothing to lock.
const NEVER_CHANGED: [Table; 2] = [Table::Journal, Table::Finished];

/// What names another is written after it. In the order of `Table` that is so but for these: the
/// first must be there before the second is.
const PARENTS: [(Table, Table); 2] =
    [(Table::SigningKey, Table::Device), (Table::LedgerAccount, Table::Merchant)];

/// The statements of one table. Parameters are arrays, one a column.
pub(super) struct Statements {
    /// Rows by key.
    pub select: String,
    /// Rows by key, in its order, locked as a batch needs them.
    pub lock: String,
    pub insert: String,
    pub update: String,
    pub delete: String,
}

/// Locks the accounts that a batch adds to, by id: two batches would otherwise deadlock.
pub(super) const LOCK_CREDITED: &str = "SELECT ledger_account_id FROM ledger_account \
     WHERE ledger_account_id = ANY($1::bytea[]) ORDER BY ledger_account_id FOR UPDATE";

/// Adds to them.
pub(super) const CREDIT: &str = "UPDATE ledger_account SET \
     debits_posted_minor = ledger_account.debits_posted_minor + changed.debits_posted_minor, \
     credits_posted_minor = ledger_account.credits_posted_minor + changed.credits_posted_minor \
     FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[]) \
     AS changed (ledger_account_id, debits_posted_minor, credits_posted_minor) \
     WHERE ledger_account.ledger_account_id = changed.ledger_account_id";

static STATEMENTS: LazyLock<Vec<Statements>> =
    LazyLock::new(|| Table::ALL.iter().map(|table| statements(*table)).collect());

/// The statements of a table.
pub(super) fn of(table: Table) -> &'static Statements {
    &STATEMENTS[place(table)]
}

/// Where in the order of writing a table stands.
pub(super) fn write_order(table: Table) -> (usize, bool) {
    match PARENTS.iter().find(|(parent, _)| *parent == table) {
        Some((_, child)) => (place(*child), false),
        None => (place(table), true),
    }
}

/// A column's type in the database.
pub(super) fn type_name(column: ColumnType) -> &'static str {
    match column {
        ColumnType::Int => "bigint",
        ColumnType::Bytes => "bytea",
        ColumnType::Text => "text",
    }
}

/// The columns that an update is given: the key, and what may change.
pub(super) fn updated_columns(table: Table) -> impl Iterator<Item = usize> {
    let fixed = table.fixed_columns();
    let columns = tagged::columns(table);
    (0..columns.len()).filter(move |place| !fixed.contains(&columns[*place]))
}

fn place(table: Table) -> usize {
    Table::ALL.iter().position(|one| *one == table).expect("every table is in ALL")
}

fn statements(table: Table) -> Statements {
    let (name, columns, keys) = (table.name(), tagged::columns(table), table.key_columns());
    let of_table = |column: &&str| format!("{name}.{column}");
    let list = |columns: &[&str], each: &dyn Fn(&&str) -> String, between: &str| {
        columns.iter().map(each).collect::<Vec<_>>().join(between)
    };
    let all: Vec<usize> = (0..columns.len()).collect();
    let key_places = &all[..keys.len()];
    let updated: Vec<usize> = updated_columns(table).collect();
    let updated_names: Vec<&str> = updated.iter().map(|place| columns[*place]).collect();
    let same_key = |other: &str| list(keys, &|column| format!("{name}.{column} = {other}.{column}"), " AND ");
    let changing = list(&updated_names[keys.len()..], &|column| format!("{column} = changed.{column}"), ", ");
    let select = format!(
        "SELECT {} FROM UNNEST({}) AS wanted ({}) JOIN {name} ON {}",
        list(columns, &of_table, ", "),
        arrays(table, key_places),
        keys.join(", "),
        same_key("wanted"),
    );
    Statements {
        lock: format!("{select} ORDER BY {}{}", list(keys, &of_table, ", "), lock_clause(table)),
        select,
        insert: format!(
            "INSERT INTO {name} ({}) SELECT * FROM UNNEST({})",
            columns.join(", "),
            arrays(table, &all)
        ),
        update: format!(
            "UPDATE {name} SET {changing} FROM UNNEST({}) AS changed ({}) WHERE {}",
            arrays(table, &updated),
            updated_names.join(", "),
            same_key("changed"),
        ),
        delete: format!(
            "DELETE FROM {name} USING UNNEST({}) AS gone ({}) WHERE {}",
            arrays(table, key_places),
            keys.join(", "),
            same_key("gone"),
        ),
    }
}

/// `$1::bytea[], $2::bigint[]`, for these columns of a table.
fn arrays(table: Table, places: &[usize]) -> String {
    let types = tagged::types(table);
    let arrays: Vec<String> = (1..)
        .zip(places)
        .map(|(number, place)| format!("${number}::{}[]", type_name(types[*place])))
        .collect();
    arrays.join(", ")
}

fn lock_clause(table: Table) -> String {
    if NEVER_CHANGED.contains(&table) {
        String::new()
    } else if SHARED.contains(&table) {
        format!(" FOR SHARE OF {}", table.name())
    } else {
        format!(" FOR UPDATE OF {}", table.name())
    }
}
