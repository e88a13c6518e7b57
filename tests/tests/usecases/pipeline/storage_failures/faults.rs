//! The ways in which storage can fail.

use p2p_application::ports::StorageError;

pub(crate) fn conflict() -> StorageError {
    StorageError::Conflict {
        what: "another unit of work was faster".to_owned(),
    }
}

pub(crate) fn unavailable() -> StorageError {
    StorageError::Unavailable {
        source: "the cable was pulled".into(),
    }
}

pub(crate) fn in_doubt() -> StorageError {
    StorageError::InDoubt {
        source: "the cable was pulled".into(),
    }
}

pub(crate) fn rejected() -> StorageError {
    StorageError::Rejected {
        what: "a broken invariant".to_owned(),
    }
}

/// How often the pipeline tries a batch, and each command of a batch that it splits.
pub(crate) const ATTEMPTS: u64 = 4;
