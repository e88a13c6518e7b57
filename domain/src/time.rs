//! Points in time, as microseconds since 1970 in UTC. The present comes in as an argument, never from here.

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

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
