//! Where to begin looking for messages on PostgreSQL.
//!
//! Rows that were removed stay in the index until they are vacuumed, and as long as anybody has a snapshot of before (a
//! backup, say) each look would go through all of them. So a look begins a little before where the last one found
//! something. Now and then one begins at the very beginning: messages may come late, and out of order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// An id begins with the milliseconds of its making. Messages that were made within this time of one another may be
/// committed in any order, and are found at once all the same.
const MARGIN: u128 = 2_000;

/// What comes later yet is found within about this time.
const EVERY: Duration = Duration::from_secs(1);

/// Looks from the beginning take no more than this part of the time, however long they take.
const SHARE: u32 = 10;

/// Where to look next. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Place>>);

#[derive(Debug, Default)]
struct Place {
    from: Option<Uuid>,
    /// When to look from the beginning.
    whole_at: Option<Instant>,
}

/// A look that is under way.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    places: &'a Places,
    from: Option<Uuid>,
    begun: Instant,
}

impl Places {
    pub(crate) fn look(&self) -> Look<'_> {
        self.look_at(Instant::now())
    }

    fn look_at(&self, now: Instant) -> Look<'_> {
        let mut place = self.place();
        let whole = place.whole_at.is_none_or(|due| due <= now);
        if whole {
            // Nobody else need look as far meanwhile.
            place.whole_at = Some(now + EVERY);
        }
        Look {
            places: self,
            from: place.from.filter(|_| !whole),
            begun: now,
        }
    }

    // Nothing panics while it holds the lock.
    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look<'_> {
    /// Where it begins; `None`: at the very beginning.
    pub(crate) const fn from(&self) -> Option<Uuid> {
        self.from
    }

    /// What it came upon first.
    pub(crate) fn found(self, first: Option<Uuid>) {
        let now = Instant::now();
        self.found_at(first, now);
    }

    fn found_at(self, first: Option<Uuid>, now: Instant) {
        let mut place = self.places.place();
        if self.from.is_none() {
            let pause = (now - self.begun).saturating_mul(SHARE).max(EVERY);
            place.whole_at = Some(now + pause);
        }
        if let Some(first) = first {
            let made = first.as_u128() >> 80;
            place.from = Some(Uuid::from_u128(made.saturating_sub(MARGIN) << 80));
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
    fn looks_begin_where_something_was_found_and_now_and_then_at_the_beginning() {
        let places = Places::default();
        let start = Instant::now();
        let first = places.look_at(start);
        assert_eq!(first.from(), None);
        // While it is under way the others don't go as far; there is no place to begin yet.
        assert_eq!(places.look_at(start).from(), None);
        first.found_at(Some(made_at(10_000)), start);

        let soon = start + EVERY / 2;
        let near = places.look_at(soon);
        assert_eq!(near.from(), Some(Uuid::from_u128(8_000 << 80)));
        near.found_at(None, soon);
        assert!(places.look_at(soon).from().is_some(), "nothing found");

        let later = start + EVERY;
        let whole = places.look_at(later);
        assert_eq!(whole.from(), None);
        assert!(places.look_at(later).from().is_some());
        // One that takes long is not made again soon, and may find what is older.
        whole.found_at(Some(made_at(5)), later + EVERY);
        let next = places.look_at(later + EVERY * SHARE);
        assert_eq!(next.from(), Some(Uuid::nil()));
        assert_eq!(places.look_at(later + EVERY * (SHARE + 1)).from(), None);
    }
}
