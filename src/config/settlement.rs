//! How merchants are paid, where it is not as documented.

use serde::Deserialize;

use super::Because;
use super::refusal::within;
use crate::domain::time::MINUTE_US;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettlementSection {
    pub utc_offset_minutes: Option<i64>,
    pub payable_floor_yen: Option<i64>,
}

/// What was written of how merchants are paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettlementAt {
    /// A settlement's day begins so long before midnight UTC.
    pub utc_offset_us: Option<i64>,
    /// Refunds take what a merchant is owed down to this and not further.
    pub payable_floor_minor: Option<i64>,
}

impl SettlementSection {
    pub(super) fn given(&self) -> Result<SettlementAt, Because> {
        const OFFSET: Because =
            Because::OutOfRange("[settlement] utc_offset_minutes", "-720 to 840; 540 in Japan");
        const FLOOR: Because = Because::OutOfRange("[settlement] payable_floor_yen", "-1000000000 to 0");
        let offset_minutes = within(self.utc_offset_minutes, -720..=840, OFFSET)?;
        Ok(SettlementAt {
            utc_offset_us: offset_minutes.map(|minutes| minutes * MINUTE_US),
            payable_floor_minor: within(self.payable_floor_yen, -1_000_000_000..=0, FLOOR)?,
        })
    }
}
