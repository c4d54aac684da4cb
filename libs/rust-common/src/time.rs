//! Points in time: UTC milliseconds, RFC 3339 on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::DomainError;

const MS_PER_DAY: i64 = 86_400_000;
/// 9999-12-31T23:59:59.999Z; four-digit years keep the text sortable.
const MAX_MS: i64 = 253_402_300_799_999;

/// Milliseconds since 1970-01-01T00:00:00Z. Prints as `2021-09-27T13:45:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// A time from its milliseconds; the years 1970 to 9999 are allowed.
    pub fn new(ms: i64) -> Result<Self, DomainError> {
        if (0..=MAX_MS).contains(&ms) {
            Ok(Self(ms))
        } else {
            Err(DomainError::out_of_range(
                "time in milliseconds",
                ms,
                "1970 to 9999",
            ))
        }
    }

    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// This time moved by `ms` milliseconds.
    pub fn checked_add_millis(self, ms: i64) -> Result<Self, DomainError> {
        let sum = self.0.checked_add(ms).ok_or(DomainError::Overflow {
            operation: "time + ms",
        })?;
        Self::new(sum)
    }

    /// 00:00 UTC of this day.
    #[must_use]
    pub fn day_start(self) -> Self {
        Self(self.0 - self.0.rem_euclid(MS_PER_DAY))
    }

    /// 00:00 UTC of the following day.
    #[must_use]
    pub fn next_day_start(self) -> Self {
        Self((self.day_start().0 + MS_PER_DAY).min(MAX_MS))
    }

    /// 00:00 UTC of the first day of this month.
    #[must_use]
    pub fn month_start(self) -> Self {
        let (year, month, _) = civil_from_days(self.0.div_euclid(MS_PER_DAY));
        Self(days_from_civil(year, month, 1) * MS_PER_DAY)
    }

    /// 00:00 UTC of the first day of the following month.
    #[must_use]
    pub fn next_month_start(self) -> Self {
        let (year, month, _) = civil_from_days(self.0.div_euclid(MS_PER_DAY));
        let (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        Self((days_from_civil(year, month, 1) * MS_PER_DAY).min(MAX_MS))
    }
}

/// Days before each month of a year that begins in March, so that the leap day comes last.
fn days_before_march_month(index: i64) -> i64 {
    (153 * index + 2) / 5
}

/// Days since 1970-01-01 of a proleptic Gregorian date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = days_before_march_month((month + 9) % 12) + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date (year, month, day) of a day count since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - days_before_march_month(march_month) + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(MS_PER_DAY));
        let ms = self.0.rem_euclid(MS_PER_DAY);
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, millis) = (ms / 1_000 % 60, ms % 1_000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

impl FromStr for UnixMillis {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let fail = || DomainError::InvalidTime {
            value: text.to_owned(),
        };
        let shape = b"dddd-dd-ddTdd:dd:dd.dddZ";
        let fits = text.len() == shape.len()
            && text.bytes().zip(shape).all(|(byte, want)| match want {
                b'd' => byte.is_ascii_digit(),
                _ => byte == *want,
            });
        if !fits {
            return Err(fail());
        }
        let number = |from: usize, to: usize| -> Result<i64, DomainError> {
            text.get(from..to)
                .and_then(|part| part.parse().ok())
                .ok_or_else(fail)
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute) = (number(11, 13)?, number(14, 16)?);
        let (second, millis) = (number(17, 19)?, number(20, 23)?);
        if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
            return Err(fail());
        }
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return Err(fail());
        }
        let seconds = (hour * 60 + minute) * 60 + second;
        Self::new(days * MS_PER_DAY + seconds * 1_000 + millis).map_err(|_| fail())
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> UnixMillis {
        text.parse().unwrap()
    }

    #[test]
    fn known_times() {
        assert_eq!(at("1970-01-01T00:00:00.000Z").as_millis(), 0);
        assert_eq!(
            at("2021-09-27T13:45:00.120Z").as_millis(),
            1_632_750_300_120
        );
        assert_eq!(at("2000-02-29T23:59:59.999Z").as_millis(), 951_868_799_999);
        assert_eq!(
            at("2021-09-27T13:45:00.120Z").to_string(),
            "2021-09-27T13:45:00.120Z"
        );
        assert_eq!(
            at("2021-12-31T23:59:59.999Z").next_month_start(),
            at("2022-01-01T00:00:00.000Z")
        );
        assert_eq!(
            at("2024-02-29T10:00:00.000Z").month_start(),
            at("2024-02-01T00:00:00.000Z")
        );
        assert_eq!(
            at("2024-02-29T00:00:00.000Z").next_day_start(),
            at("2024-03-01T00:00:00.000Z")
        );
    }

    #[test]
    fn impossible_times_are_refused() {
        for bad in [
            "2021-02-29T00:00:00.000Z",
            "2021-13-01T00:00:00.000Z",
            "2021-01-00T00:00:00.000Z",
            "2021-01-01T24:00:00.000Z",
            "2021-01-01T00:00:00Z",
            "2021-01-01T00:00:00.000+00:00",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert!(bad.parse::<UnixMillis>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_and_number_round_trip(ms in 0..=MAX_MS) {
            let time = UnixMillis::new(ms).unwrap();
            prop_assert_eq!(time.to_string().parse::<UnixMillis>().unwrap(), time);
            prop_assert!(time.month_start() <= time.day_start() && time.day_start() <= time);
        }
    }
}
