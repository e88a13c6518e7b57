//! Fresh identifiers.

use p2p_application::ports::Ids;
use uuid::Uuid;

/// UUIDv7: milliseconds first, then a counter within the millisecond, then randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidIds;

impl Ids for UuidIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that the ban points to"
    )]
    fn next(&self) -> u128 {
        Uuid::now_v7().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend() {
        let ids: Vec<u128> = (0..10_000).map(|_| UuidIds.next()).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
    }
}
