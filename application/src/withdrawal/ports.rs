//! How withdrawals are read from storage.

use async_trait::async_trait;
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{UserId, Withdrawal, WithdrawalId};

use crate::ports::StorageError;

/// Which withdrawals to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalFilter {
    /// Only this user's; `None`: all users'.
    pub user: Option<UserId>,
    pub status: Option<WithdrawalStatus>,
    pub after: Option<WithdrawalId>,
    pub limit: u32,
}

/// Withdrawals.
#[async_trait]
pub trait WithdrawalQueries: Send + Sync {
    async fn find_withdrawal(&self, id: WithdrawalId) -> Result<Option<Withdrawal>, StorageError>;

    /// By id, newest first.
    async fn list_withdrawals(
        &self,
        filter: &WithdrawalFilter,
    ) -> Result<Vec<Withdrawal>, StorageError>;
}
