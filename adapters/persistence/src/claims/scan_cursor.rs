//! Where the next scan for messages begins on PostgreSQL.
//!
//! Deleted rows stay in the index until they are vacuumed, and as long as an older snapshot is open (a backup, say) each
//! scan would walk through all of them. So a scan begins a little before the first message of the last one. A full scan,
//! from the beginning, follows from time to time: messages may be committed late, and out of order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// An id begins with the milliseconds of its making. Messages that were made within this time of one another may be
/// committed in any order, and are found at once all the same.
const COMMIT_SKEW_MILLIS: u128 = 2_000;

/// A message that is committed later yet is found within about this time.
const FULL_SCAN_INTERVAL: Duration = Duration::from_secs(1);

/// Full scans take at most one part in so many of the time, however long each of them takes.
const FULL_SCAN_SHARE: u32 = 10;

/// Where the next scan begins. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScanCursor(Arc<Mutex<ScanState>>);

#[derive(Debug, Default)]
struct ScanState {
    from: Option<Uuid>,
    /// When the next full scan is due.
    whole_at: Option<Instant>,
}

/// A scan that is under way.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    scan_cursor: &'a ScanCursor,
    from: Option<Uuid>,
    begun: Instant,
}

impl ScanCursor {
    pub(crate) fn scan(&self) -> Scan<'_> {
        self.scan_at(Instant::now())
    }

    fn scan_at(&self, now: Instant) -> Scan<'_> {
        let mut state = self.state();
        let whole = state.whole_at.is_none_or(|due| due <= now);
        if whole {
            // Other scans need not begin as early meanwhile.
            state.whole_at = Some(now + FULL_SCAN_INTERVAL);
        }
        Scan {
            scan_cursor: self,
            from: state.from.filter(|_| !whole),
            begun: now,
        }
    }

    // Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, ScanState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scan<'_> {
    /// Where it begins; `None`: from the beginning.
    pub(crate) const fn from(&self) -> Option<Uuid> {
        self.from
    }

    /// Records the first message that it found.
    pub(crate) fn found(self, first: Option<Uuid>) {
        let now = Instant::now();
        self.found_at(first, now);
    }

    fn found_at(self, first: Option<Uuid>, now: Instant) {
        let mut state = self.scan_cursor.state();
        if self.from.is_none() {
            let pause = (now - self.begun)
                .saturating_mul(FULL_SCAN_SHARE)
                .max(FULL_SCAN_INTERVAL);
            state.whole_at = Some(now + pause);
        }
        if let Some(first) = first {
            let made = first.as_u128() >> 80;
            state.from = Some(Uuid::from_u128(
                made.saturating_sub(COMMIT_SKEW_MILLIS) << 80,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_at(millis: u128) -> Uuid {
        Uuid::from_u128((millis << 80) | 7)
    }

    #[test]
    fn scans_begin_at_the_last_found_message_and_from_time_to_time_at_the_beginning() {
        let scan_cursor = ScanCursor::default();
        let start = Instant::now();
        let first = scan_cursor.scan_at(start);
        assert_eq!(first.from(), None);
        // While it is under way the others don't go as far; there is no place to begin yet.
        assert_eq!(scan_cursor.scan_at(start).from(), None);
        first.found_at(Some(made_at(10_000)), start);

        let soon = start + FULL_SCAN_INTERVAL / 2;
        let near = scan_cursor.scan_at(soon);
        assert_eq!(near.from(), Some(Uuid::from_u128(8_000 << 80)));
        near.found_at(None, soon);
        assert!(scan_cursor.scan_at(soon).from().is_some(), "nothing found");

        let later = start + FULL_SCAN_INTERVAL;
        let whole = scan_cursor.scan_at(later);
        assert_eq!(whole.from(), None);
        assert!(scan_cursor.scan_at(later).from().is_some());
        // One that takes long is not made again soon, and may find what is older.
        whole.found_at(Some(made_at(5)), later + FULL_SCAN_INTERVAL);
        let next = scan_cursor.scan_at(later + FULL_SCAN_INTERVAL * FULL_SCAN_SHARE);
        assert_eq!(next.from(), Some(Uuid::nil()));
        assert_eq!(
            scan_cursor
                .scan_at(later + FULL_SCAN_INTERVAL * (FULL_SCAN_SHARE + 1))
                .from(),
            None
        );
    }
}
