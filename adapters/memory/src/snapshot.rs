//! Reading without locking.

use p2p_application::offer::reads::{Find, SnapshotRows};
use p2p_application::ports::{IdempotencyKey, IdempotencyRecord, StorageError};
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{AccountId, AccountKey, UserId};

use crate::faults::Faults;
use crate::tables::{Stored, Tables};

/// The tables as they are read, and which rows can't be.
pub(crate) struct Readable<'t> {
    pub(crate) tables: &'t Tables,
    pub(crate) faults: &'t Faults,
}

impl<A: Stored> Find<A> for Readable<'_> {
    fn find(&self, key: &A::Key) -> Result<Option<A>, StorageError> {
        let row = A::slot(self.tables).get(key);
        row.map(|row| row.read(self.faults)).transpose()
    }
}

impl SnapshotRows for Readable<'_> {
    fn account_key(&self, id: AccountId) -> Option<AccountKey> {
        self.tables.account_ids.get(&id).copied()
    }

    fn reply(&self, key: &IdempotencyKey) -> Option<IdempotencyRecord> {
        self.tables.replies.get(key).cloned()
    }

    fn count(&self, kind: QuotaKind, user: UserId, most: u32) -> u32 {
        self.tables.tally(kind, user, most)
    }
}
