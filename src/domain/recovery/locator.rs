//! What is asked of an account by one of its contacts before anything is proved. Counted for each contact
//! apart: so two contacts of one account are answered like two of two accounts, and like two of none.

use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::ContactIndex;
use crate::domain::record::{ColumnType, Corrupt, Field, Value};
use crate::domain::time::Timestamp;

/// Of one contact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Locator {
    contact_index: ContactIndex,
    /// Attempts of its target's day.
    attempts: i64,
    /// Messages of that day.
    messages: i64,
    /// Until when each of the phones counts that asked to join.
    joining: Vec<Timestamp>,
}

/// Of all contacts that were named of late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Locators(Vec<Locator>);

impl Locators {
    /// Attempts of the day by this contact.
    pub fn attempts(&self, contact_index: ContactIndex) -> i64 {
        self.of(contact_index).map_or(0, |locator| locator.attempts)
    }

    /// Messages of the day by this contact.
    pub fn messages(&self, contact_index: ContactIndex) -> i64 {
        self.of(contact_index).map_or(0, |locator| locator.messages)
    }

    /// Another attempt.
    pub fn spend_attempt(&mut self, contact_index: ContactIndex) {
        self.entry(contact_index).attempts += 1;
    }

    /// Another message.
    pub fn spend_message(&mut self, contact_index: ContactIndex) {
        self.entry(contact_index).messages += 1;
    }

    /// A phone asks to join by this contact, unless as many do as may. It counts until its time is over,
    /// whatever becomes of it.
    pub fn ask_to_join(
        &mut self,
        contact_index: ContactIndex,
        most: usize,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let joining = &mut self.entry(contact_index).joining;
        joining.retain(|until| now < *until);
        let may = joining.len() < most;
        if may {
            joining.push(expires_at);
        }
        may
    }

    /// The day's counters begin anew.
    pub fn new_day(&mut self, now: Timestamp) {
        for locator in &mut self.0 {
            (locator.attempts, locator.messages) = (0, 0);
            locator.joining.retain(|until| now < *until);
        }
        self.0.retain(|locator| !locator.joining.is_empty());
    }

    fn of(&self, contact_index: ContactIndex) -> Option<&Locator> {
        self.0.iter().find(|locator| locator.contact_index == contact_index)
    }

    fn entry(&mut self, contact_index: ContactIndex) -> &mut Locator {
        let place = self.0.iter().position(|locator| locator.contact_index == contact_index);
        let place = place.unwrap_or_else(|| {
            self.0.push(Locator { contact_index, attempts: 0, messages: 0, joining: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[place]
    }
}

impl Field for Locators {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let bytes = Encoder::new()
            .list(&self.0, |encoder, locator| {
                encoder
                    .fixed(&locator.contact_index.0)
                    .int(locator.attempts)
                    .int(locator.messages)
                    .list(&locator.joining, |encoder, until| encoder.int(until.0))
            })
            .finish();
        Value::Bytes(bytes.into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let locators = decoder.list(|decoder| {
            Ok(Locator {
                contact_index: ContactIndex(decoder.fixed()?),
                attempts: decoder.int()?,
                messages: decoder.int()?,
                joining: decoder.list(|decoder| Ok(Timestamp(decoder.int()?)))?,
            })
        })?;
        decoder.finish()?;
        Ok(Self(locators))
    }
}
