//! A tag in every row that power or money depends on: HMAC-SHA-256 over the table and all columns, under a
//! key that is not in the database. So a row that somebody else wrote is no row: reading it is a defect, and
//! the command that needs it fails.
//!
//! A tag says that a server wrote this row, not that it is the newest one: a row that is put back as it was
//! carries its old tag. That is what versions, the journal and `saifu verify` are for.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::crypto::integrity::{Integrity, RowTag};
use crate::domain::record::{ColumnType, Corrupt, Value};
use crate::domain::rows::{Row, Table};

/// The column.
const TAG: &str = "tag";

/// A column that came after rows had tags, and what it holds in rows from before.
struct Later {
    table: Table,
    column: &'static str,
    before: Value<'static>,
}

/// As long as it holds what it held before, such a column is no part of the tag: so a row from before has
/// the tag that it had.
const LATER: [Later; 10] = [
    Later { table: Table::Account, column: "code_failures_ever", before: Value::Int(0) },
    Later { table: Table::RecoveryTarget, column: "totp_guesses", before: Value::Int(0) },
    Later { table: Table::RecoveryTarget, column: "totp_guesses_proved", before: Value::Int(0) },
    Later { table: Table::Device, column: "code_failures", before: Value::Int(0) },
    Later { table: Table::Device, column: "code_failures_day", before: Value::Int(0) },
    Later { table: Table::Device, column: "code_failures_today", before: Value::Int(0) },
    Later { table: Table::Device, column: "code_blocked_until", before: Value::Int(0) },
    Later { table: Table::Device, column: "code_failures_ever", before: Value::Int(0) },
    Later { table: Table::RecoveryTarget, column: "locators", before: Value::Bytes(Cow::Borrowed(&[0; 4])) },
    Later {
        table: Table::RecoveryCase,
        column: "contact_index",
        before: Value::Bytes(Cow::Borrowed(&[0; 32])),
    },
];

/// A table's columns as the database has them.
struct Stored {
    columns: Vec<&'static str>,
    types: Vec<ColumnType>,
}

static STORED: LazyLock<Vec<Stored>> = LazyLock::new(|| {
    let stored = |table: &Table| {
        let (mut columns, mut types) = (table.columns().to_vec(), table.column_types().to_vec());
        if table.is_tagged() {
            columns.push(TAG);
            types.push(ColumnType::Bytes);
        }
        Stored { columns, types }
    };
    Table::ALL.iter().map(stored).collect()
});

fn of(table: Table) -> &'static Stored {
    let place = Table::ALL.iter().position(|one| *one == table).expect("every table is in ALL");
    &STORED[place]
}

/// The columns of a table, the tag's last.
pub fn columns(table: Table) -> &'static [&'static str] {
    &of(table).columns
}

/// What they hold.
pub fn types(table: Table) -> &'static [ColumnType] {
    &of(table).types
}

/// A row's values, its tag last. Without keys nothing can be written.
pub fn values<'a>(row: &'a Row, integrity: Option<&Integrity>) -> Result<Vec<Value<'a>>, Corrupt> {
    let mut values = row.values();
    if row.table().is_tagged() {
        let tag = integrity.ok_or(Corrupt)?.tag(&content(row.table(), &values));
        values.push(Value::Bytes(tag.to_vec().into()));
    }
    Ok(values)
}

/// A row as it lies in the database, and its tag.
pub(super) type Read = (Row, Option<RowTag>);

/// The row, when a server wrote it.
pub(super) fn checked((row, tag): Read, integrity: Option<&Integrity>) -> Result<Row, Corrupt> {
    if is_tag_of(&row, tag, integrity) { Ok(row) } else { Err(Corrupt) }
}

/// Whether a server wrote a row.
pub fn is_tag_of(row: &Row, tag: Option<RowTag>, integrity: Option<&Integrity>) -> bool {
    if !row.table().is_tagged() {
        return true;
    }
    let (Some(integrity), Some(tag)) = (integrity, tag) else { return false };
    integrity.is_tag(&content(row.table(), &row.values()), &tag)
}

/// What a row's tag is of: all of its values, but for later columns that hold what they held before. No two
/// rows have the same content.
fn content<'a>(table: Table, values: &'a [Value<'a>]) -> Vec<u8> {
    let columns = table.columns();
    let part = |(place, value): (usize, &'a Value<'a>)| {
        let is_this = |later: &&Later| later.table == table && columns.get(place) == Some(&later.column);
        match LATER.iter().find(is_this) {
            Some(later) if later.before == *value => None,
            Some(later) => Some((Some(later.column), value)),
            None => Some((None, value)),
        }
    };
    encoded(table, values.iter().enumerate().filter_map(part))
}

/// The table's name and each value behind its kind and length; before a later column's the column's name.
fn encoded<'a>(table: Table, parts: impl Iterator<Item = (Option<&'static str>, &'a Value<'a>)>) -> Vec<u8> {
    let mut content = Vec::with_capacity(512);
    let mut put = |kind: u8, bytes: &[u8]| {
        content.push(kind);
        content.extend((bytes.len() as u64).to_be_bytes());
        content.extend(bytes);
    };
    put(0, table.name().as_bytes());
    for (column, value) in parts {
        if let Some(column) = column {
            put(5, column.as_bytes());
        }
        match value {
            Value::Int(int) => put(1, &int.to_be_bytes()),
            Value::Bytes(bytes) => put(2, bytes),
            Value::Text(text) => put(3, text.as_bytes()),
            Value::Null => put(4, &[]),
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Record as _;
    use crate::domain::rows::Device;
    use crate::domain::tests::fixture::Ledger;
    use crate::domain::time::Timestamp;
    use crate::store::tests::examples::{changed_account, further_rows};

    #[test]
    fn a_row_is_read_with_its_own_tag_alone() {
        let (own, other) = (Integrity::of(&[7; 32]), Integrity::of(&[8; 32]));
        let rows = further_rows();
        for row in rows.iter().filter(|row| row.table().is_tagged()) {
            let values = values(row, Some(&own)).expect("there are keys");
            let Some(Value::Bytes(tag)) = values.last() else { panic!("no tag: {row:?}") };
            let tag = Some(RowTag::try_from(&tag[..]).expect("16 bytes"));
            assert_eq!(values.len(), columns(row.table()).len());
            assert!(is_tag_of(row, tag, Some(&own)), "{row:?}");
            assert!(!is_tag_of(row, tag, Some(&other)) && !is_tag_of(row, tag, None));
            assert!(!is_tag_of(row, None, Some(&own)) && !is_tag_of(row, Some([0; 16]), Some(&own)));
            for another in rows.iter().filter(|another| another.key() != row.key()) {
                assert!(!another.table().is_tagged() || !is_tag_of(another, tag, Some(&own)));
            }
        }
    }

    #[test]
    fn a_row_from_before_a_column_keeps_its_tag_and_what_the_column_holds_by_now_is_tagged() {
        let ledger = Ledger::parse("alice 500 jpy");
        let device = Device {
            code_failures: 1,
            code_failures_day: 2,
            code_failures_today: 3,
            code_blocked_until: Timestamp(4),
            code_failures_ever: 5,
            ..ledger.device_of("alice").clone()
        };
        let mut rows = further_rows();
        rows.extend([changed_account(&ledger).into_row(), device.into_row()]);
        for Later { table, column, .. } in &LATER {
            let row = rows.iter().find(|row| row.table() == *table).expect("an example of each table");
            let place = |column| table.columns().iter().position(|one| *one == column).expect("a column");
            let now = row.values();
            let (mut then, mut known) = (now.clone(), vec![true; now.len()]);
            for later in LATER.iter().filter(|later| later.table == *table) {
                assert!(now[place(later.column)] != later.before, "the example has none: {}", later.column);
                then[place(later.column)] = later.before.clone();
                known[place(later.column)] = false;
            }
            let of_then = then.iter().zip(&known).filter(|(_, known)| **known);
            let of_then = of_then.map(|(value, _)| (None, value));
            assert_eq!(content(*table, &then), encoded(*table, of_then), "{column}");
            // Each of them is tagged as soon as it holds something else.
            let mut one = then.clone();
            one[place(column)] = now[place(column)].clone();
            assert_ne!(content(*table, &one), content(*table, &then), "{column}");
        }
    }

    #[test]
    fn where_one_value_ends_and_the_next_begins_is_part_of_the_tag() {
        let text = |text: &'static str| Value::Text(text.into());
        let contents = [
            content(Table::Store, &[text("ab"), text("c")]),
            content(Table::Store, &[text("a"), text("bc")]),
            content(Table::Store, &[text("a"), Value::Bytes(b"bc".to_vec().into())]),
            content(Table::Store, &[text("a"), text("bc"), Value::Null]),
            content(Table::Terminal, &[text("a"), text("bc")]),
        ];
        for (at, one) in contents.iter().enumerate() {
            assert!(!contents[..at].contains(one), "{at}");
        }
    }
}
