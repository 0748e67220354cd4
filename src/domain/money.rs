//! Amounts and assets. Minor units in `i64`, checked arithmetic only.

use super::record::{ColumnType, Corrupt, Field, Value, stored_enum};

stored_enum! {
    /// What is moved. A row of the table `asset` says what law makes of it; assets never mix.
    Asset {
        /// Prepaid value in Japanese yen, exponent 0.
        PrepaidJpy = 1,
    }
}

impl Asset {
    /// Its ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::PrepaidJpy => "JPY",
        }
    }

    /// The asset that customers hold in this currency.
    pub fn of_code(code: &str) -> Option<Self> {
        (code == "JPY").then_some(Self::PrepaidJpy)
    }
}

/// A positive number of minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// The largest amount of one movement: far above every limit, far below what could overflow a
    /// sum over all accounts.
    pub const MAX_MINOR: i64 = 1_000_000_000_000;

    /// At least 1, at most [`Amount::MAX_MINOR`]; nothing otherwise.
    pub fn new(minor: i64) -> Option<Self> {
        (1..=Self::MAX_MINOR).contains(&minor).then_some(Self(minor))
    }

    /// In minor units.
    pub fn minor(self) -> i64 {
        self.0
    }
}

impl Field for Amount {
    const COLUMN: ColumnType = ColumnType::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(self.0)
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        Self::new(i64::read(value)?).ok_or(Corrupt)
    }
}
