//! Values as PostgreSQL's parameters, and rows back from its answers.

use tokio_postgres::Row as SqlRow;
use tokio_postgres::types::ToSql;

use crate::crypto::integrity::Integrity;
use crate::domain::record::{ColumnType, Corrupt, Value};
use crate::domain::rows::{Row, Table};
use crate::store::tagged::{self, Read};

/// A parameter of a statement.
pub(super) type Parameter<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// One value.
pub(super) fn scalar(value: Value<'_>) -> Parameter<'_> {
    match value {
        Value::Int(int) => Box::new(int),
        Value::Bytes(bytes) => Box::new(bytes),
        Value::Text(text) => Box::new(text),
        Value::Null => Box::new(None::<i64>),
    }
}

/// Rows of values as arrays, one a column. The types are those of the columns.
pub(super) fn arrays<'a>(types: &[ColumnType], rows: Vec<Vec<Value<'a>>>) -> Vec<Parameter<'a>> {
    let mut columns: Vec<Vec<Value<'a>>> = types.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        debug_assert_eq!(row.len(), columns.len());
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    types.iter().zip(columns).map(|(column_type, values)| array(*column_type, values)).collect()
}

fn array(column_type: ColumnType, values: Vec<Value<'_>>) -> Parameter<'_> {
    // A field says what its column holds, and gives just that or nothing.
    match column_type {
        ColumnType::Int => Box::new(elements(values, |value| match value {
            Value::Int(int) => Some(int),
            Value::Bytes(_) | Value::Text(_) | Value::Null => None,
        })),
        ColumnType::Bytes => Box::new(elements(values, |value| match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Int(_) | Value::Text(_) | Value::Null => None,
        })),
        ColumnType::Text => Box::new(elements(values, |value| match value {
            Value::Text(text) => Some(text),
            Value::Int(_) | Value::Bytes(_) | Value::Null => None,
        })),
    }
}

fn elements<'a, T>(values: Vec<Value<'a>>, element: fn(Value<'a>) -> Option<T>) -> Vec<Option<T>> {
    values.into_iter().map(element).collect()
}

/// A row of a statement that selects a table's columns in their order, and its tag.
pub(super) fn read_row(table: Table, row: &SqlRow) -> Result<Read, Corrupt> {
    let mut columns = table.column_types().iter().enumerate();
    let read = table.read(|| {
        let (place, column_type) = columns.next().ok_or(Corrupt)?;
        let value = match column_type {
            ColumnType::Int => row.try_get::<_, Option<i64>>(place).map(|int| int.map(Value::Int)),
            ColumnType::Bytes => row
                .try_get::<_, Option<&[u8]>>(place)
                .map(|bytes| bytes.map(|bytes| Value::Bytes(bytes.into()))),
            ColumnType::Text => {
                row.try_get::<_, Option<&str>>(place).map(|text| text.map(|text| Value::Text(text.into())))
            }
        };
        Ok(value.map_err(|_| Corrupt)?.unwrap_or(Value::Null))
    })?;
    let tag = if table.is_tagged() {
        row.try_get::<_, Option<&[u8]>>(table.columns().len()).map_err(|_| Corrupt)?
    } else {
        None
    };
    Ok((read, tag.and_then(|tag| tag.try_into().ok())))
}

/// The row, when a server wrote it.
pub(super) fn checked_row(table: Table, row: &SqlRow, integrity: Option<&Integrity>) -> Result<Row, Corrupt> {
    tagged::checked(read_row(table, row)?, integrity)
}
