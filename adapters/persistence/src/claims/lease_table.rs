//! The messages that are under lease on SQLite, which one process has to itself.

use std::collections::HashSet;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use p2p_domain::EventId;
use tokio::sync::{Mutex, MutexGuard as ScanGuard};

/// The ids of leased messages. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeaseTable {
    scanning: Arc<Mutex<()>>,
    ids: Arc<StdMutex<HashSet<EventId>>>,
}

impl LeaseTable {
    /// Waits for a scan that is under way, and lets none begin while the guard lives. An acknowledged message leaves the
    /// table under this guard only: a scan may have read its row before it was deleted.
    pub(crate) async fn no_scan(&self) -> ScanGuard<'_, ()> {
        self.scanning.lock().await
    }

    // Nothing panics while it holds the lock.
    pub(crate) fn ids(&self) -> MutexGuard<'_, HashSet<EventId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
