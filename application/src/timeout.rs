//! How long the market waits for storage.

use std::time::Duration;

use crate::ports::StorageError;

/// Without a limit, a silently dropped connection would be waited for forever.
pub(crate) const STORAGE: Duration = Duration::from_secs(15);

/// The result, or [`StorageError::Unavailable`] after [`STORAGE`]. Dropping what has begun undoes it.
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
