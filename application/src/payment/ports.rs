//! How payments are read from storage.

use async_trait::async_trait;
use p2p_domain::{Account, AccountId, Payment, PaymentId};

use crate::ports::StorageError;

/// Payments from account to account.
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    async fn find_payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError>;

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError>;
}
