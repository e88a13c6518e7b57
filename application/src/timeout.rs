//! How long the market waits for storage before it goes on without.

use std::time::Duration;

use crate::ports::StorageError;

/// A connection whose other end is gone without a word would otherwise be waited for, for ever.
pub(crate) const STORAGE: Duration = Duration::from_secs(15);

/// The answer, or that there was none in time. What was begun is dropped, and with it undone.
pub(crate) async fn with_timeout<T>(
    work: impl Future<Output = Result<T, StorageError>>,
) -> Result<T, StorageError> {
    tokio::time::timeout(STORAGE, work)
        .await
        .unwrap_or_else(|elapsed| {
            Err(StorageError::Unavailable {
                source: Box::new(elapsed),
            })
        })
}
