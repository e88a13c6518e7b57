//! How balances and statements are read from storage.

use async_trait::async_trait;
use p2p_domain::ledger::{Bucket, PostingKind, Reference};
use p2p_domain::{Account, Asset, Money, Timestamp, TransferId, UserId};

use crate::ports::StorageError;

/// The position of a line in a statement. The next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementCursor {
    pub transfer: TransferId,
    pub bucket: Bucket,
}

/// Which lines of a statement to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementFilter {
    pub user: UserId,
    pub asset: Option<Asset>,
    pub after: Option<StatementCursor>,
    pub limit: u32,
}

/// One line of a statement: a journal entry on one of the owner's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementEntry {
    pub transfer: TransferId,
    pub kind: PostingKind,
    pub reference: Reference,
    pub bucket: Bucket,
    /// The signed change of this bucket's balance.
    pub amount: Money,
    pub at: Timestamp,
}

/// Balances and statements.
#[async_trait]
pub trait WalletQueries: Send + Sync {
    /// All accounts of a user, by asset.
    async fn accounts_of(&self, user: UserId) -> Result<Vec<Account>, StorageError>;

    /// Newest transfer first; within a transfer AVAILABLE before HELD.
    async fn statement(
        &self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementEntry>, StorageError>;
}
