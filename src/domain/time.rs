//! Moments and spans, in microseconds. Nothing here reads a clock.

use super::record::{ColumnType, Corrupt, Field, Value};

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds in an hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in a day.
pub const DAY_US: i64 = 24 * HOUR_US;

/// A moment: microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment and `span_us` more, or the end of time.
    #[must_use]
    pub fn plus_us(self, span_us: i64) -> Self {
        Self(self.0.saturating_add(span_us))
    }

    /// Microseconds from `earlier` to this moment; negative when it is the other way round.
    pub fn since_us(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The hour it lies in, counted from the epoch.
    pub fn hour(self) -> i64 {
        self.0.div_euclid(HOUR_US)
    }

    /// The day (UTC) it lies in, counted from the epoch.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_US)
    }
}

impl Field for Timestamp {
    const COLUMN: ColumnType = ColumnType::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(self.0)
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        i64::read(value).map(Self)
    }
}

/// A day counted from 1970-01-01, as ISO 8601 writes it.
pub fn date(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day that [`date`] writes so; nothing for any other text.
pub fn day_of(text: &str) -> Option<i64> {
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (1970..=9999, 1..=12, 1..=31) = (year, month, day) else { return None };
    // No year has more than 366 days: so the day is one of those from here, and its own date finds it.
    let from = (year - 1970) * 365 + (month - 1) * 28;
    (from..from + 2_100).find(|one| civil(*one) == (year, month, day)).filter(|one| date(*one) == text)
}

/// The date of a day counted from 1970-01-01 in the proleptic Gregorian calendar, by the era of 400 years.
pub fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_and_dates_are_days() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_454, "2026-01-01"),
            (20_453, "2025-12-31"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(day), expected);
            if day >= 0 {
                assert_eq!(day_of(expected), Some(day));
            }
        }
        for (day, text) in (0..60_000).step_by(7).map(|day| (day, date(day))) {
            assert_eq!(day_of(&text), Some(day));
        }
        for wrong in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "20260101",
            "2026-01-01-01",
            "+2026-01-01",
            "1969-12-31",
        ] {
            assert_eq!(day_of(wrong), None, "{wrong}");
        }
    }
}
