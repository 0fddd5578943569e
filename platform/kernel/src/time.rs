use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A point in time in UTC, with the precision of both databases: a microsecond.
///
/// The text form is RFC 3339 with six fractional digits, so that texts sort like times. Parsing accepts any number of
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The current time by this machine's clock. Leases and schedules use the database's clock instead, because the
    /// clocks of nodes may differ.
    #[must_use]
    pub fn now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = jiff::Timestamp::now();
        Self::from_microsecond(now.as_microsecond()).unwrap_or(Self(jiff::Timestamp::MAX))
    }

    /// Converts microseconds since 1970-01-01T00:00:00Z. `None` outside the years -9999 to 9999.
    #[must_use]
    pub fn from_microsecond(microseconds: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(microseconds).ok().map(Self)
    }

    /// Reads a time in the form of RFC 3339, and drops what is below a microsecond. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_microsecond(text.parse::<jiff::Timestamp>().ok()?.as_microsecond())
    }

    /// This time plus a duration, at most the largest possible time.
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let later = self.as_microsecond().saturating_add(microseconds);
        Self::from_microsecond(later).unwrap_or(Self(jiff::Timestamp::MAX))
    }

    /// Whether this time is more than a minute ahead of `now`. If it has been stored, the clock was wrong then: waiting
    /// transactions and small corrections of a clock explain no more than a minute.
    #[must_use]
    pub fn is_ahead_of(self, now: Self) -> bool {
        self > now.plus(std::time::Duration::from_secs(60))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_microsecond(self) -> i64 {
        self.0.as_microsecond()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn time_is_kept_to_the_microsecond_and_shown_as_rfc_3339() {
        let at = Timestamp::from_microsecond(1_790_000_000_123_456).expect("in range");
        assert_eq!(at.to_string(), "2026-09-21T14:13:20.123456Z");
        assert_eq!(at.as_microsecond(), 1_790_000_000_123_456);
        assert_eq!(Timestamp::from_microsecond(i64::MAX), None);
    }

    #[test]
    fn it_always_shows_six_digits_and_reads_any_number_of_them() {
        for (microsecond, text) in [(0, "20.000000Z"), (500_000, "20.500000Z"), (1, "20.000001Z")] {
            let at = Timestamp::from_microsecond(1_790_000_000_000_000 + microsecond).expect("in range");
            assert_eq!(at.to_string(), format!("2026-09-21T14:13:{text}"));
            assert_eq!(serde_json::to_string(&at).expect("JSON"), format!("\"{at}\""));
        }
        for text in ["20Z", "20.0Z", "20.000Z", "20.000000Z"] {
            let read: Timestamp = serde_json::from_str(&format!("\"2026-09-21T14:13:{text}\"")).expect("a time");
            assert_eq!(read.as_microsecond(), 1_790_000_000_000_000, "{text}");
        }
    }

    #[test]
    fn a_text_is_parsed_to_the_microsecond_with_any_offset() {
        let at = Timestamp::from_microsecond(1_790_000_000_123_456);
        for text in ["2026-09-21T14:13:20.123456Z", "2026-09-21T16:13:20.123456999+02:00"] {
            assert_eq!(Timestamp::parse(text), at, "{text}");
        }
        for text in ["", "now", "2026-09-21", "2026-09-21T14:13:20"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn plus_moves_a_time_later_and_saturates() {
        let at = Timestamp::from_microsecond(1_790_000_000_000_000).expect("in range");
        let second = std::time::Duration::from_secs(1);
        assert_eq!(at.plus(second).as_microsecond(), 1_790_000_001_000_000);
        assert!(at.plus(std::time::Duration::MAX) > at.plus(second));
    }

    #[test]
    fn a_time_is_ahead_from_a_minute_on() {
        let now = Timestamp::from_microsecond(1_790_000_000_000_000).expect("in range");
        let minute = now.plus(std::time::Duration::from_secs(60));
        assert!(!now.is_ahead_of(now) && !now.is_ahead_of(minute) && !minute.is_ahead_of(now));
        assert!(minute.plus(std::time::Duration::from_micros(1)).is_ahead_of(now));
    }

    #[test]
    fn now_is_after_this_was_written_and_has_whole_microseconds() {
        let now = Timestamp::now();
        assert!(now > Timestamp::from_microsecond(1_760_000_000_000_000).expect("in range"));
        assert_eq!(Timestamp::from_microsecond(now.as_microsecond()), Some(now));
    }
}
