//! The payment codes of an account that a till may charge now: a short list in the account's row.
//!
//! A code is live exactly as long as it is in here and not expired. So freezing, revoking its device
//! or stepping the epoch kills it by taking it out, in the same commit, and nothing has to be looked
//! up to know that it is dead.

use super::codec::{Decoder, Encoder};
use super::id::{DeviceId, PaymentCodeId};
use super::record::{ColumnType, Corrupt, Field, Value};
use super::rows::CodePurpose;
use super::time::Timestamp;

/// One live code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LiveCode {
    /// Its name in the journal.
    pub code_id: PaymentCodeId,
    /// The device that asked for it.
    pub device_id: DeviceId,
    /// What it is for.
    pub purpose: CodePurpose,
    /// It pays at most this, in minor units.
    pub cap_minor: i64,
    /// Dead, then.
    pub expires_at: Timestamp,
}

/// An account's live codes; at most one a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LiveCodes(Vec<LiveCode>);

/// What live codes may still take out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outstanding {
    /// The sum of their caps, in minor units.
    pub caps_minor: i64,
    /// How many they are.
    pub count: i64,
}

impl LiveCodes {
    /// Puts a new code in; it kills the one its device had.
    pub fn issue(&mut self, code: LiveCode, now: Timestamp) {
        self.0.retain(|live| now < live.expires_at && live.device_id != code.device_id);
        self.0.push(code);
    }

    /// A code, if it is live.
    pub fn find(&self, code_id: PaymentCodeId, now: Timestamp) -> Option<LiveCode> {
        self.0.iter().find(|live| live.code_id == code_id && now < live.expires_at).copied()
    }

    /// A code was used: it is gone.
    pub fn remove(&mut self, code_id: PaymentCodeId) {
        self.0.retain(|live| live.code_id != code_id);
    }

    /// A device signs no more: its code is gone.
    pub fn remove_device(&mut self, device_id: DeviceId) {
        self.0.retain(|live| live.device_id != device_id);
    }

    /// Nothing may leave the account any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What the live codes for paying may still take out, besides the one that `replaced_by`'s next
    /// code would kill.
    pub fn outstanding(&self, now: Timestamp, replaced_by: Option<DeviceId>) -> Outstanding {
        self.0
            .iter()
            .filter(|live| live.purpose == CodePurpose::Pay && now < live.expires_at)
            .filter(|live| Some(live.device_id) != replaced_by)
            .fold(Outstanding::default(), |sum, live| Outstanding {
                caps_minor: sum.caps_minor.saturating_add(live.cap_minor),
                count: sum.count.saturating_add(1),
            })
    }
}

impl Field for LiveCodes {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let write = |encoder: Encoder, live: &LiveCode| {
            encoder
                .fixed(&live.code_id.0)
                .fixed(&live.device_id.0)
                .int(live.purpose.number())
                .int(live.cap_minor)
                .int(live.expires_at.0)
        };
        Value::Bytes(Encoder::new().list(&self.0, write).finish().into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::<u8>::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let codes = decoder.list(|decoder| {
            Ok(LiveCode {
                code_id: PaymentCodeId(decoder.fixed()?),
                device_id: DeviceId(decoder.fixed()?),
                purpose: CodePurpose::from_number(decoder.int()?)?,
                cap_minor: decoder.int()?,
                expires_at: Timestamp(decoder.int()?),
            })
        })?;
        decoder.finish()?;
        Ok(Self(codes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: u8, device: u8, purpose: CodePurpose, expires_at: i64) -> LiveCode {
        LiveCode {
            code_id: PaymentCodeId([number; 16]),
            device_id: DeviceId([device; 16]),
            purpose,
            cap_minor: 1_000,
            expires_at: Timestamp(expires_at),
        }
    }

    #[test]
    fn a_device_has_one_live_code_and_time_ends_it() {
        let mut codes = LiveCodes::default();
        codes.issue(code(1, 1, CodePurpose::Pay, 60), Timestamp(0));
        codes.issue(code(2, 2, CodePurpose::Pay, 70), Timestamp(0));
        codes.issue(code(3, 1, CodePurpose::Pay, 80), Timestamp(0));
        let live = |codes: &LiveCodes, number, now| codes.find(PaymentCodeId([number; 16]), now).is_some();
        let at = [1, 2, 3].map(|number| live(&codes, number, Timestamp(69)));
        assert_eq!(at, [false, true, true], "the first device's second code killed its first");
        assert!(!live(&codes, 2, Timestamp(70)), "over at its expiry, not after it");
        assert_eq!(LiveCodes::read(codes.value()), Ok(codes));
    }

    #[test]
    fn outstanding_are_the_caps_of_what_can_still_be_charged() {
        let mut codes = LiveCodes::default();
        codes.issue(code(1, 1, CodePurpose::Pay, 60), Timestamp(0));
        codes.issue(code(2, 2, CodePurpose::Pay, 70), Timestamp(0));
        codes.issue(code(3, 3, CodePurpose::TopUp, 70), Timestamp(0));
        let caps = |now, but| codes.outstanding(Timestamp(now), but).caps_minor;
        assert_eq!(caps(59, None), 2_000);
        assert_eq!(caps(59, Some(DeviceId([1; 16]))), 1_000);
        assert_eq!(caps(60, None), 1_000);
        assert_eq!(codes.outstanding(Timestamp(70), None), Outstanding::default());
    }
}
