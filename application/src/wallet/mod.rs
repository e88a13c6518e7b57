//! Wallets: balances, statements and deposits of a user.

mod deposit;
mod ports;
mod queries;

pub use deposit::Deposit;
pub use ports::{StatementCursor, StatementEntry, StatementFilter, WalletQueries};
pub use queries::{StatementList, balances, statement};

use p2p_domain::Account;

use crate::engine::{Loader, Related};
use crate::ports::StorageError;

impl Related for Account {
    /// Looks up the keys of accounts that were selected by id.
    async fn prepare(loader: &mut Loader<'_>) -> Result<(), StorageError> {
        if loader.reads.account_ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = loader.reads.account_ids.iter().copied().collect();
        for (id, key) in loader.transaction.account_keys(&ids).await? {
            loader.reads.lock::<Self>(key);
            loader.map.put_account_key(id, key);
        }
        Ok(())
    }
}
