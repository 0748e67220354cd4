//! How long tills' calls reach back, where it is not as documented.

use serde::Deserialize;

use super::Because;
use super::refusal::within;
use crate::domain::policy::StaffRules;
use crate::domain::time::{HOUR_US, SECOND_US};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TillsSection {
    pub reversal_seconds: Option<i64>,
    pub cash_back_seconds: Option<i64>,
    pub close_day_hours: Option<i64>,
}

/// What was written of how long tills' calls reach back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TillsAt {
    /// What was captured is undone for so long.
    pub reversal_us: Option<i64>,
    /// Cash goes back for so long.
    pub cash_back_us: Option<i64>,
    /// A business day is closed for its till so long after its calendar day.
    pub close_day_us: Option<i64>,
}

impl TillsSection {
    pub(super) fn given(&self) -> Result<TillsAt, Because> {
        const REVERSAL: Because =
            Because::OutOfRange("[tills] reversal_seconds", "60 to 3600: an hour, for later there is Refund");
        const CASH: Because =
            Because::OutOfRange("[tills] cash_back_seconds", "0 to 600: ten minutes at most");
        const DAY: Because = Because::OutOfRange("[tills] close_day_hours", "1 to 24");
        let reversal_us = StaffRules::REVERSAL_SHORTEST_US..=StaffRules::REVERSAL_LONGEST_US;
        let cash_back_us = 0..=StaffRules::CASH_BACK_LONGEST_US;
        let us = |given: Option<i64>, unit_us| given.map(|number| number.saturating_mul(unit_us));
        Ok(TillsAt {
            reversal_us: within(us(self.reversal_seconds, SECOND_US), reversal_us, REVERSAL)?,
            cash_back_us: within(us(self.cash_back_seconds, SECOND_US), cash_back_us, CASH)?,
            close_day_us: within(us(self.close_day_hours, HOUR_US), StaffRules::CLOSE_DAY_US, DAY)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse;

    #[test]
    fn tills_reach_back_as_written_and_never_further_than_an_hour() {
        let read = |lines: &str| parse(&format!("mode = \"sandbox\"\n[tills]\n{lines}"));
        let given = |lines: &str| read(lines).expect("a configuration").tills;
        assert_eq!(given(""), TillsAt::default());
        let longest = "reversal_seconds = 3600\ncash_back_seconds = 600\nclose_day_hours = 24";
        let expected = TillsAt {
            reversal_us: Some(3_600_000_000),
            cash_back_us: Some(600_000_000),
            close_day_us: Some(86_400_000_000),
        };
        assert_eq!(given(longest), expected);
        for (wrong, right) in [
            ("reversal_seconds = 3601", "60 to 3600"),
            ("reversal_seconds = 59", "60 to 3600"),
            ("cash_back_seconds = 601", "0 to 600"),
            ("cash_back_seconds = -1", "0 to 600"),
            ("close_day_hours = 25", "1 to 24"),
            ("close_day_hours = 0", "1 to 24"),
        ] {
            let said = read(wrong).expect_err("out of range").to_string();
            assert!(said.contains("[tills]") && said.contains(right), "{wrong}: {said}");
        }
    }
}
