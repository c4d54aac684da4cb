//! Kline intervals and where their bars begin.

const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// The epoch was a Thursday; weeks begin on Monday, four days later.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// The intervals of Binance (enums.md, "Kline/Candlestick chart intervals").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    Second1,
    Minute1,
    Minute3,
    Minute5,
    Minute15,
    Minute30,
    Hour1,
    Hour2,
    Hour4,
    Hour6,
    Hour8,
    Hour12,
    Day1,
    Day3,
    Week1,
    Month1,
}

impl Interval {
    pub const ALL: [Self; 16] = [
        Self::Second1,
        Self::Minute1,
        Self::Minute3,
        Self::Minute5,
        Self::Minute15,
        Self::Minute30,
        Self::Hour1,
        Self::Hour2,
        Self::Hour4,
        Self::Hour6,
        Self::Hour8,
        Self::Hour12,
        Self::Day1,
        Self::Day3,
        Self::Week1,
        Self::Month1,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Second1 => "1s",
            Self::Minute1 => "1m",
            Self::Minute3 => "3m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Minute30 => "30m",
            Self::Hour1 => "1h",
            Self::Hour2 => "2h",
            Self::Hour4 => "4h",
            Self::Hour6 => "6h",
            Self::Hour8 => "8h",
            Self::Hour12 => "12h",
            Self::Day1 => "1d",
            Self::Day3 => "3d",
            Self::Week1 => "1w",
            Self::Month1 => "1M",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.name() == name)
    }

    /// Length in milliseconds; `None` for months, which differ.
    pub fn length_ms(self) -> Option<i64> {
        let length = match self {
            Self::Second1 => SECOND_MS,
            Self::Minute1 => MINUTE_MS,
            Self::Minute3 => 3 * MINUTE_MS,
            Self::Minute5 => 5 * MINUTE_MS,
            Self::Minute15 => 15 * MINUTE_MS,
            Self::Minute30 => 30 * MINUTE_MS,
            Self::Hour1 => HOUR_MS,
            Self::Hour2 => 2 * HOUR_MS,
            Self::Hour4 => 4 * HOUR_MS,
            Self::Hour6 => 6 * HOUR_MS,
            Self::Hour8 => 8 * HOUR_MS,
            Self::Hour12 => 12 * HOUR_MS,
            Self::Day1 => DAY_MS,
            Self::Day3 => 3 * DAY_MS,
            Self::Week1 => 7 * DAY_MS,
            Self::Month1 => return None,
        };
        Some(length)
    }

    /// Begin and end of the bar that holds `at`, for days that begin `offset_ms` east of UTC.
    ///
    /// Bars of fixed length are multiples of their length since the epoch, weeks since a Monday.
    pub fn span(self, at: i64, offset_ms: i64) -> (i64, i64) {
        let local = at + offset_ms;
        let Some(length) = self.length_ms() else {
            let (begin, end) = month(local);
            return (begin - offset_ms, end - offset_ms);
        };
        let origin = if self == Self::Week1 {
            FIRST_MONDAY_MS
        } else {
            0
        };
        let begin = local - (local - origin).rem_euclid(length) - offset_ms;
        (begin, begin + length)
    }

    /// Whether an offset moves the bars at all.
    pub fn is_moved_by(self, offset_ms: i64) -> bool {
        self.length_ms()
            .is_none_or(|length| offset_ms.rem_euclid(length) != 0)
    }
}

/// Begin and end of the calendar month of `at`.
fn month(at: i64) -> (i64, i64) {
    let (year, month) = civil(at.div_euclid(DAY_MS));
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    (
        first_of(year, month) * DAY_MS,
        first_of(next_year, next_month) * DAY_MS,
    )
}

/// Year and month of a day counted from the epoch (proleptic Gregorian calendar).
///
/// Years are counted from March, so that the leap day is the last of its year: a 400-year era has
/// 146 097 days, and month m from March on begins at day (153 m + 2) / 5.
fn civil(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month)
}

/// The first day of a month, counted from the epoch.
fn first_of(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Milliseconds of a `timeZone` parameter (`8`, `-1:00`, `05:45`); -12:00 to +14:00.
pub fn offset_ms(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let number = |text: &str| {
        let is_short = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_short.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let offset = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
    let is_legal = minutes < 60 && (-12 * HOUR_MS..=14 * HOUR_MS).contains(&offset);
    is_legal.then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bars_begin_where_the_calendar_says() {
        // 2024-08-08 23:54:15.208 UTC, a Thursday.
        let at = 1_723_161_255_208;
        let begin = |interval: Interval, offset| interval.span(at, offset).0;
        assert_eq!(begin(Interval::Second1, 0), 1_723_161_255_000);
        assert_eq!(begin(Interval::Minute5, 0), 1_723_161_000_000);
        assert_eq!(begin(Interval::Day1, 0), 1_723_075_200_000);
        assert_eq!(begin(Interval::Week1, 0), 1_722_816_000_000);
        assert_eq!(
            Interval::Month1.span(at, 0),
            (1_722_470_400_000, 1_725_148_800_000)
        );
        // 07:54 of 9 August in UTC+8.
        assert_eq!(begin(Interval::Day1, 8 * HOUR_MS), 1_723_132_800_000);
        assert!(!Interval::Hour4.is_moved_by(8 * HOUR_MS));
        assert!(Interval::Hour6.is_moved_by(8 * HOUR_MS));
        // February of a leap year.
        let (begin, end) = Interval::Month1.span(1_709_164_800_000, 0);
        assert_eq!((end - begin) / DAY_MS, 29);
    }

    #[test]
    fn time_zones_as_documented() {
        for (text, minutes) in [
            ("0", Some(0)),
            ("8", Some(480)),
            ("-1:00", Some(-60)),
            ("05:45", Some(345)),
            ("+08:00", Some(480)),
            ("-12:00", Some(-720)),
            ("14", Some(840)),
            ("14:01", None),
            ("-13", None),
            ("5:60", None),
            ("", None),
            ("UTC", None),
            ("5:", None),
        ] {
            assert_eq!(
                offset_ms(text),
                minutes.map(|minutes| minutes * MINUTE_MS),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn spans_tile_the_time_line(
            at in 0_i64..4_102_444_800_000,
            index in 0_usize..16,
            offset in -12_i64..=14,
        ) {
            let interval = Interval::ALL[index];
            let offset = offset * HOUR_MS;
            let (begin, end) = interval.span(at, offset);
            prop_assert!(begin <= at && at < end);
            prop_assert_eq!(interval.span(end - 1, offset), (begin, end));
            prop_assert_eq!(interval.span(end, offset).0, end);
        }
    }
}
