//! Ids that come in the same sequence every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use p2p_application::ports::Ids;

/// UUIDv7-shaped ids that count up: the n-th is the same in every run. Clones go on in one sequence.
#[derive(Debug, Clone)]
pub struct SequentialIds(Arc<AtomicU64>);

impl SequentialIds {
    /// Ids from the `first` one on; two sequences that share a store must be far apart.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        Self(Arc::new(AtomicU64::new(first)))
    }
}

impl Default for SequentialIds {
    fn default() -> Self {
        Self::starting_at(1)
    }
}

impl Ids for SequentialIds {
    fn next(&self) -> u128 {
        const VERSION_7: u128 = 7 << 76;
        const VARIANT: u128 = 2 << 62;
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        // The 48 bits of the milliseconds, then the version.
        (u128::from(count) << 80) | VERSION_7 | VARIANT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_and_clones_share_one_sequence() {
        let ids = SequentialIds::default();
        let other = ids.clone();
        let drawn = [ids.next(), other.next(), ids.next()];
        assert!(drawn.is_sorted_by(|a, b| a < b));
        assert_eq!(drawn[0], SequentialIds::default().next());
    }
}
