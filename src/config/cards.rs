//! `[funding.cards]`: how cards are charged, where it is not as documented.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::Because;
use super::refusal::within;
use crate::domain::time::SECOND_US;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardsSection {
    pub accounts: Option<i64>,
    pub day_yen: Option<i64>,
    pub day_count: Option<i64>,
    pub new_seconds: Option<i64>,
    pub new_day_yen: Option<i64>,
    pub challenge_yen: Option<i64>,
}

/// What was written of how cards are charged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardsAt {
    /// One card is in so many accounts at the most.
    pub accounts: Option<usize>,
    /// One card brings in so much in 24 hours.
    pub day_minor: Option<i64>,
    /// And so often.
    pub day_count: Option<i64>,
    /// A source is new for so long.
    pub new_us: Option<i64>,
    /// And brings in no more than this in 24 hours.
    pub new_day_minor: Option<i64>,
    /// 3-D Secure is done from this amount on.
    pub challenge_minor: Option<i64>,
}

impl CardsSection {
    pub(super) fn given(&self) -> Result<CardsAt, Because> {
        const YEN: RangeInclusive<i64> = 1..=10_000_000;
        const ACCOUNTS: Because = Because::OutOfRange("[funding.cards] accounts", "1 to 100");
        const COUNT: Because = Because::OutOfRange("[funding.cards] day_count", "1 to 100");
        const NEW: Because = Because::OutOfRange("[funding.cards] new_seconds", "0 to 2592000");
        let yen = |given, key| within(given, YEN, Because::OutOfRange(key, "1 to 10000000"));
        let accounts = within(self.accounts, 1..=100, ACCOUNTS)?;
        let new_seconds = within(self.new_seconds, 0..=2_592_000, NEW)?;
        Ok(CardsAt {
            accounts: accounts.and_then(|accounts| usize::try_from(accounts).ok()),
            day_minor: yen(self.day_yen, "[funding.cards] day_yen")?,
            day_count: within(self.day_count, 1..=100, COUNT)?,
            new_us: new_seconds.map(|seconds| seconds * SECOND_US),
            new_day_minor: yen(self.new_day_yen, "[funding.cards] new_day_yen")?,
            challenge_minor: yen(self.challenge_yen, "[funding.cards] challenge_yen")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<CardsAt, Because> {
        toml::from_str::<CardsSection>(lines).expect("known keys").given()
    }

    #[test]
    fn how_cards_are_charged_is_as_documented_unless_it_is_written() {
        assert_eq!(read("").ok(), Some(CardsAt::default()));
        let all = "accounts = 1\nday_yen = 2\nday_count = 3\nnew_seconds = 4\nnew_day_yen = 5\n\
                   challenge_yen = 6";
        let written = CardsAt {
            accounts: Some(1),
            day_minor: Some(2),
            day_count: Some(3),
            new_us: Some(4_000_000),
            new_day_minor: Some(5),
            challenge_minor: Some(6),
        };
        assert_eq!(read(all).ok(), Some(written));
        for key in ["accounts", "day_yen", "day_count", "new_seconds", "new_day_yen", "challenge_yen"] {
            for wrong in [-1, 10_000_001] {
                let Err(Because::OutOfRange(named, _)) = read(&format!("{key} = {wrong}")) else {
                    panic!("{key} = {wrong} is taken")
                };
                assert_eq!(named, format!("[funding.cards] {key}"));
            }
        }
    }
}
