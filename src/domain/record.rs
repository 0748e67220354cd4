//! The shape of a stored row, written once: a struct, its table, its key and its columns.
//!
//! Columns have four types, whatever the database: integer, bytes, text, null. So both stores load
//! and write every row with the same few lines, and `View` can hold all of them in one map.

use std::borrow::Cow;

/// A column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A 64-bit integer: amounts, counts, microseconds, states.
    Int(i64),
    /// Bytes: ids, hashes, ciphertexts, encoded lists.
    Bytes(Cow<'a, [u8]>),
    /// UTF-8 text.
    Text(Cow<'a, str>),
    /// Nothing.
    Null,
}

/// What a column holds when it is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A 64-bit integer.
    Int,
    /// Bytes.
    Bytes,
    /// UTF-8 text.
    Text,
}

/// A stored value that is not what its column holds. The database was written by something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stored row cannot be read: the database was changed by something else than saifu")
    }
}

impl std::error::Error for Corrupt {}

/// Something that fits into one column.
pub trait Field: Sized {
    /// What its column holds.
    const COLUMN: ColumnType;
    /// As the column's value.
    fn value(&self) -> Value<'_>;
    /// Back from the column's value.
    fn read(value: Value<'_>) -> Result<Self, Corrupt>;
}

impl Field for i64 {
    const COLUMN: ColumnType = ColumnType::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(*self)
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        match value {
            Value::Int(int) => Ok(int),
            Value::Bytes(_) | Value::Text(_) | Value::Null => Err(Corrupt),
        }
    }
}

impl Field for bool {
    const COLUMN: ColumnType = ColumnType::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        match i64::read(value)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Corrupt),
        }
    }
}

impl Field for Vec<u8> {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.into_owned()),
            Value::Int(_) | Value::Text(_) | Value::Null => Err(Corrupt),
        }
    }
}

impl<const N: usize> Field for [u8; N] {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        match value {
            Value::Bytes(bytes) => bytes.as_ref().try_into().map_err(|_| Corrupt),
            Value::Int(_) | Value::Text(_) | Value::Null => Err(Corrupt),
        }
    }
}

impl Field for String {
    const COLUMN: ColumnType = ColumnType::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        match value {
            Value::Text(text) => Ok(text.into_owned()),
            Value::Int(_) | Value::Bytes(_) | Value::Null => Err(Corrupt),
        }
    }
}

impl<T: Field> Field for Option<T> {
    const COLUMN: ColumnType = T::COLUMN;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Field::value)
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        match value {
            Value::Null => Ok(None),
            Value::Int(_) | Value::Bytes(_) | Value::Text(_) => T::read(value).map(Some),
        }
    }
}

/// A row type: what the [`records!`] macro makes of a table.
pub trait Record: Clone + 'static {
    /// The columns of its key.
    type Key;
    /// The key that names a row of this type.
    fn row_key(key: Self::Key) -> super::rows::RowKey;
    /// The row, if it is of this type.
    fn of(row: &super::rows::Row) -> Option<&Self>;
    /// As a row of any type.
    fn into_row(self) -> super::rows::Row;
}

/// An enum that is stored as a small integer; an unknown number is corrupt.
macro_rules! stored_enum {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $number:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// The number it is stored as.
            pub fn number(self) -> i64 {
                match self { $(Self::$variant => $number),+ }
            }

            /// Back from its number.
            pub fn from_number(number: i64) -> Result<Self, $crate::domain::record::Corrupt> {
                match number { $($number => Ok(Self::$variant),)+ _ => Err($crate::domain::record::Corrupt) }
            }
        }

        impl $crate::domain::record::Field for $name {
            const COLUMN: $crate::domain::record::ColumnType = $crate::domain::record::ColumnType::Int;

            fn value(&self) -> $crate::domain::record::Value<'_> {
                $crate::domain::record::Value::Int(self.number())
            }

            fn read(
                value: $crate::domain::record::Value<'_>,
            ) -> Result<Self, $crate::domain::record::Corrupt> {
                Self::from_number(i64::read(value)?)
            }
        }
    };
}
pub(crate) use stored_enum;

/// Tables as structs: `Name: "table" [key: Type] { column: Type }`.
macro_rules! records {
    ($($(#[$meta:meta])* $name:ident: $table:literal [$($key:ident: $key_type:ty),+] {
        $($(#[$field_meta:meta])* $field:ident: $field_type:ty),* $(,)?
    })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name {
                $(#[doc = concat!("Part of the key of `", $table, "`.")] pub $key: $key_type,)+
                $($(#[$field_meta])* pub $field: $field_type,)*
            }

            impl $crate::domain::record::Record for $name {
                type Key = ($($key_type,)+);

                fn row_key(($($key,)+): Self::Key) -> RowKey {
                    RowKey::$name($($key),+)
                }

                fn of(row: &Row) -> Option<&Self> {
                    match row { Row::$name(record) => Some(record), _ => None }
                }

                fn into_row(self) -> Row {
                    Row::$name(Box::new(self))
                }
            }
        )+

        /// Every table, in the order in which rows are locked and written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table { $(#[doc = concat!("`", $table, "`")] $name),+ }

        /// Names one row.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RowKey { $(#[doc = concat!("Of `", $table, "`.")] $name($($key_type),+)),+ }

        /// One row.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Row { $(#[doc = concat!("Of `", $table, "`.")] $name(Box<$name>)),+ }

        impl Table {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in the database.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $table),+ }
            }

            /// The columns of its key.
            pub fn key_columns(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($key)),+]),+ }
            }

            /// All columns, the key's first.
            pub fn columns(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($key),)+ $(stringify!($field)),*]),+ }
            }

            /// What the columns hold, in the order of [`Table::columns`].
            pub fn column_types(self) -> &'static [$crate::domain::record::ColumnType] {
                match self {
                    $(Self::$name => &[
                        $(<$key_type as $crate::domain::record::Field>::COLUMN,)+
                        $(<$field_type as $crate::domain::record::Field>::COLUMN),*
                    ]),+
                }
            }

            /// Reads a row whose values come in the order of [`Table::columns`].
            pub fn read<'a>(
                self,
                mut next: impl FnMut() -> Result<
                    $crate::domain::record::Value<'a>,
                    $crate::domain::record::Corrupt,
                >,
            ) -> Result<Row, $crate::domain::record::Corrupt> {
                match self {
                    $(Self::$name => Ok(Row::$name(Box::new($name {
                        $($key: $crate::domain::record::Field::read(next()?)?,)+
                        $($field: $crate::domain::record::Field::read(next()?)?,)*
                    })))),+
                }
            }
        }

        impl RowKey {
            /// The table it names a row of.
            pub fn table(&self) -> Table {
                match self { $(Self::$name(..) => Table::$name),+ }
            }

            /// The key's values, in the order of [`Table::key_columns`].
            pub fn values(&self) -> Vec<$crate::domain::record::Value<'_>> {
                match self {
                    $(Self::$name($($key),+) => vec![$($crate::domain::record::Field::value($key)),+]),+
                }
            }
        }

        impl Row {
            /// The table it belongs to.
            pub fn table(&self) -> Table {
                match self { $(Self::$name(_) => Table::$name),+ }
            }

            /// Its key.
            pub fn key(&self) -> RowKey {
                match self { $(Self::$name(record) => RowKey::$name($(record.$key.clone()),+)),+ }
            }

            /// Its values, in the order of [`Table::columns`].
            pub fn values(&self) -> Vec<$crate::domain::record::Value<'_>> {
                match self {
                    $(Self::$name(record) => vec![
                        $($crate::domain::record::Field::value(&record.$key),)+
                        $($crate::domain::record::Field::value(&record.$field)),*
                    ]),+
                }
            }
        }
    };
}
pub(crate) use records;
