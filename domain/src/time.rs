//! Points in time, as microseconds since 1970 in UTC. The present comes in as an argument, never from here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A point in time: whole microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This long after; stays at the far end rather than overflow.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// This long before; stays at the near end rather than overflow.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long ago `earlier` was, zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC: `2025-04-18T15:00:00Z`, with six decimals where there is a fraction of a second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400;
        let (seconds, fraction) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}",
            second % 60
        )?;
        if fraction != 0 {
            write!(f, ".{fraction:06}")?;
        }
        f.write_str("Z")
    }
}

/// Not a time as this module writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATime;

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time like 2025-04-18T15:00:00Z")
    }
}

impl std::error::Error for NotATime {}

/// Reads what `Display` writes, and nothing else.
impl FromStr for Timestamp {
    type Err = NotATime;
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let part = |from: usize, to: usize| -> Result<i64, NotATime> {
            let digits = text.get(from..to).ok_or(NotATime)?;
            digits.parse().map_err(|_| NotATime)
        };
        let days = days(part(0, 4)?, part(5, 7)?, part(8, 10)?);
        let seconds = part(11, 13)? * 3_600 + part(14, 16)? * 60 + part(17, 19)?;
        let fraction = if text.len() > 20 { part(20, 26)? } else { 0 };
        let time = Self((days * 86_400 + seconds) * 1_000_000 + fraction);
        // Whatever is no date, or is written otherwise, does not come back as it was.
        if time.to_string() == text {
            Ok(time)
        } else {
            Err(NotATime)
        }
    }
}

/// The other way round of [`civil`].
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of the proleptic Gregorian calendar, from days since 1970-01-01. Counted in eras of 400 years
/// that begin on the first of March, so that the leap day is the last of its year.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_744_988_400, "2025-04-18T15:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(
                Timestamp::from_micros(seconds * 1_000_000).to_string(),
                text
            );
        }
        assert_eq!(
            Timestamp::from_micros(1_500).to_string(),
            "1970-01-01T00:00:00.001500Z"
        );
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else() {
        for micros in [
            0,
            1,
            -1,
            951_782_400_000_000,
            1_744_988_400_000_001,
            4_107_542_399_999_999,
        ] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for bad in [
            "",
            "2025-04-18",
            "2025-02-30T00:00:00Z",
            "2025-04-18T15:00:00+02:00",
            "2025-04-18T15:00:60Z",
            "２025-04-18T15:00:00Z",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(NotATime), "{bad}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let now = Timestamp::from_micros(10);
        assert_eq!(
            now.after(Duration::from_micros(5)),
            Timestamp::from_micros(15)
        );
        assert_eq!(now.after(Duration::MAX), Timestamp::from_micros(i64::MAX));
        assert_eq!(
            now.since(Timestamp::from_micros(3)),
            Duration::from_micros(7)
        );
        assert_eq!(Timestamp::from_micros(3).since(now), Duration::ZERO);
    }
}
