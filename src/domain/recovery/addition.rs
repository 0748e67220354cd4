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

    /// Puts one in, unless there are as many as there may be; with the next number that no other shows.
    pub fn ask(&mut self, asking: Asking, most: usize, now: Timestamp) -> Option<Asking> {
        self.0.retain(|one| now < one.expires_at);
        if self.0.len() >= most {
            return None;
        }
        let mut asking = asking;
        while self.0.iter().any(|one| one.number == asking.number) {
            asking.number = (asking.number + 1) % NUMBERS;
        }
        self.0.push(asking);
        Some(asking)
    }

    /// All are gone: the account was recovered, or a recovery stands.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// One was approved. It goes on counting among those that asked, until its time is over.
    pub fn spend(&mut self, addition_id: AdditionId) {
        if let Some(asking) = self.0.iter_mut().find(|one| one.addition_id == addition_id) {
            asking.addition_id = AdditionId([0; 16]);
        }
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
