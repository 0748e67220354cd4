//! Phones that ask to join an account: a short list in its target's row, so that how many there are, and that
//! no two show one number, is decided in the commit of each.

use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::AdditionId;
use crate::domain::record::{ColumnType, Corrupt, Field, Value};
use crate::domain::time::Timestamp;

/// Numbers are below.
const NUMBERS: i64 = 10_000;

/// One that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asking {
    /// Which.
    pub addition_id: AdditionId,
    /// The number that it shows.
    pub number: i64,
    /// Gone, then.
    pub expires_at: Timestamp,
}

/// All that ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Additions(Vec<Asking>);

impl Additions {
    /// Those that are not gone.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &Asking> {
        self.0.iter().filter(move |asking| now < asking.expires_at)
    }

    /// Puts one in, with the next number that no other shows. How many there may be, is counted for each
    /// contact by which they ask (`locator.rs`).
    #[must_use]
    pub fn ask(&mut self, asking: Asking, now: Timestamp) -> Asking {
        self.0.retain(|one| now < one.expires_at);
        let mut asking = asking;
        while self.0.iter().any(|one| one.number == asking.number) {
            asking.number = (asking.number + 1) % NUMBERS;
        }
        self.0.push(asking);
        asking
    }

    /// All are gone: the account was recovered, or a recovery stands.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// One was approved.
    pub fn spend(&mut self, addition_id: AdditionId) {
        self.0.retain(|one| one.addition_id != addition_id);
    }
}

impl Field for Additions {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let bytes = Encoder::new()
            .list(&self.0, |encoder, asking| {
                encoder.fixed(&asking.addition_id.0).int(asking.number).int(asking.expires_at.0)
            })
            .finish();
        Value::Bytes(bytes.into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let additions = decoder.list(|decoder| {
            Ok(Asking {
                addition_id: AdditionId(decoder.fixed()?),
                number: decoder.int()?,
                expires_at: Timestamp(decoder.int()?),
            })
        })?;
        decoder.finish()?;
        Ok(Self(additions))
    }
}
