//! What can go wrong with storage.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with storage, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another unit of work was faster (a version, a unique key, a deadlock). Nothing was committed: load and decide again.
    #[error("the data changed meanwhile: {what}")]
    Conflict { what: String },
    /// Another unit of work holds a row for too long. Nothing was committed.
    #[error("a row is locked for too long: {what}")]
    Blocked { what: String },
    /// Storage could not be reached or gave up before the commit. Nothing was committed.
    #[error("storage is not available")]
    Unavailable {
        #[source]
        source: Source,
    },
    /// The connection was lost while committing: the batch is stored as a whole or not at all, and which is unknown.
    #[error("the connection was lost during the commit; whether it took effect is not known")]
    InDoubt {
        #[source]
        source: Source,
    },
    /// A stored row that no sequence of commands leads to. Nothing was committed.
    #[error("{table} {id} can't be read: {reason}")]
    Corrupt {
        table: &'static str,
        id: String,
        reason: String,
    },
    /// The schema refused the write: a broken invariant, caught by the last line of defence. Nothing was committed.
    #[error("the schema refused the write: {what}")]
    Rejected { what: String },
}
