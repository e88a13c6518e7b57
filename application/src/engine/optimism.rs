//! Whether a lane reads without locking.

use p2p_domain::policy::Limits;

use super::read_set::ReadSet;
use crate::ports::SnapshotQuery;

/// Lets a lane read without locking until a commit meets a conflict; then it locks for a while. Under contention a locking
/// batch waits once, where an optimistic one may have to try again and again.
#[derive(Debug, Default)]
pub(super) struct OptimisticGate {
    /// Batches that are still to be locked.
    locked: u32,
}

/// How many batches are locked after a conflict.
const LOCKED_AFTER_CONFLICT: u32 = 256;

impl OptimisticGate {
    pub(super) fn snapshot_query(
        &mut self,
        reads: &ReadSet,
        limits: &Limits,
    ) -> Option<SnapshotQuery> {
        if self.locked > 0 {
            self.locked -= 1;
            return None;
        }
        reads.snapshot_query(limits)
    }

    pub(super) const fn back_off(&mut self) {
        self.locked = LOCKED_AFTER_CONFLICT;
    }
}
