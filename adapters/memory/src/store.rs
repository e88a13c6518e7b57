//! The market in memory, and how its units of work take turns.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use p2p_application::offer::reads::snapshot;
use p2p_application::ports::{
    ChangeSet, Snapshot, SnapshotQuery, StorageError, Store, Transaction,
};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::faults::{Faults, Point};
use crate::outbox::LeaseTable;
use crate::snapshot::Readable;
use crate::tables::Tables;
use crate::unit::Unit;

/// A whole market in memory. Clones share it.
///
/// One unit of work at a time: beginning one waits until the one before has ended. Reads don't wait; they see what is
/// committed, as they would in a database with snapshots.
#[derive(Debug, Clone)]
pub struct Memory {
    turn: Arc<Mutex<()>>,
    tables: Arc<RwLock<Tables>>,
    faults: Faults,
    tally: Arc<watch::Sender<Tally>>,
    looks: bool,
    leases: LeaseTable,
}

/// What has been asked of the store so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Units of work that somebody asked for, whether or not it was their turn yet.
    pub asked: u64,
    /// Units of work that took effect.
    pub committed: u64,
    /// Units of work that were rolled back in so many words.
    pub rolled_back: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty market: only the system's own accounts are there.
    #[must_use]
    pub fn new() -> Self {
        Self {
            turn: Arc::new(Mutex::new(())),
            tables: Arc::new(RwLock::new(Tables::new())),
            faults: Faults::default(),
            tally: Arc::new(watch::Sender::new(Tally::default())),
            looks: false,
            leases: LeaseTable::default(),
        }
    }

    /// An empty market that can also be looked at without a unit of work, as PostgreSQL can.
    #[must_use]
    pub fn looking() -> Self {
        Self {
            looks: true,
            ..Self::new()
        }
    }

    /// The handle to make it fail with.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Everything that is committed, as it stands.
    #[must_use]
    pub fn tables(&self) -> Tables {
        self.read().clone()
    }

    /// Changes rows behind the market's back, as no sequence of commands would: to see what an audit says of it.
    pub fn tamper(&self, change: impl FnOnce(&mut Tables)) {
        change(&mut self.write());
    }

    /// What has been asked of the store so far, to look at or to wait for.
    #[must_use]
    pub fn tally(&self) -> watch::Receiver<Tally> {
        self.tally.subscribe()
    }

    pub(crate) const fn leases(&self) -> &LeaseTable {
        &self.leases
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Tally)) {
        self.tally.send_modify(change);
    }

    pub(crate) async fn take_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    // A panic while the tables are locked can only come from a test's own `tamper`; what it left is what there is.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        self.count(|tally| tally.asked += 1);
        self.faults.visit(Point::Begin).await?;
        let turn = self.take_turn().await;
        Ok(Box::new(Unit::new(self.clone(), turn)))
    }

    async fn read_snapshot(
        &self,
        snapshot_query: &SnapshotQuery,
    ) -> Result<Option<Snapshot>, StorageError> {
        if !self.looks {
            return Ok(None);
        }
        self.faults.visit(Point::Load).await?;
        let (tables, faults) = (&*self.read(), &self.faults);
        snapshot(&Readable { tables, faults }, snapshot_query).map(Some)
    }

    async fn commit(&self, changes: &ChangeSet) -> Result<(), StorageError> {
        let _turn = self.take_turn().await;
        self.faults.visit(Point::Commit).await?;
        {
            let mut tables = self.write();
            tables.check(changes)?;
            tables.apply(changes);
        }
        self.count(|tally| tally.committed += 1);
        self.faults.visit(Point::Committed).await
    }
}
