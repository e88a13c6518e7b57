//! The one table from the database's errors to the port's.

use p2p_application::ports::StorageError;
use sea_orm::sqlx::Error as SqlxError;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::PgSeverity;
use sea_orm::{DbErr, RuntimeErr, SqlxPostgresError};

/// An error of anything but the COMMIT itself: nothing was committed.
pub(crate) fn storage(error: DbErr) -> StorageError {
    match driver(&error) {
        Some(SqlxError::Database(refusal)) => {
            refused(refusal.as_ref()).unwrap_or_else(|| unavailable(error))
        }
        Some(
            SqlxError::ColumnDecode { .. }
            | SqlxError::ColumnNotFound(_)
            | SqlxError::ColumnIndexOutOfBounds { .. }
            | SqlxError::TypeNotFound { .. }
            | SqlxError::Decode(_),
        ) => undecodable(&error),
        Some(_) => unavailable(error),
        None => match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => unavailable(error),
            DbErr::Type(_) | DbErr::TryIntoErr { .. } | DbErr::Json(_) => undecodable(&error),
            other => StorageError::Rejected {
                what: other.to_string(),
            },
        },
    }
}

/// An error of COMMIT. Only what the database says it has undone is known to be undone; a lost connection, a server that
/// is going down, a disk that fails: nobody knows.
pub(crate) fn commit(error: DbErr) -> StorageError {
    let definite = match driver(&error) {
        Some(SqlxError::Database(refusal)) => {
            let code = refusal.code().unwrap_or_default();
            if is_postgres(refusal.as_ref()) {
                (code.starts_with("23") || code.starts_with("40")) && code != "40003"
            } else {
                matches!(
                    sqlite_primary(&code),
                    Some(sqlite::BUSY | sqlite::CONSTRAINT)
                )
            }
        }
        _ => false,
    };
    if definite {
        storage(error)
    } else {
        StorageError::InDoubt {
            source: Box::new(error),
        }
    }
}

/// An error of a statement that commits itself. What the database says was an error of the statement undid it; whatever
/// ends the connection may have come after the commit.
pub(crate) fn at_once(error: DbErr) -> StorageError {
    // Without a connection it was not sent, whatever the reason.
    let unsent = matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_));
    let undone = match driver(&error) {
        _ if unsent => true,
        Some(SqlxError::Database(refusal)) => refusal
            .try_downcast_ref::<SqlxPostgresError>()
            .is_some_and(|refusal| matches!(refusal.severity(), PgSeverity::Error)),
        Some(SqlxError::Encode(_)) => true,
        _ => false,
    };
    if undone {
        storage(error)
    } else {
        StorageError::InDoubt {
            source: Box::new(error),
        }
    }
}

/// A row whose stored version is not the one that was loaded.
pub(crate) fn outdated(table: &str, expected: usize, found: u64) -> StorageError {
    StorageError::Conflict {
        what: format!("{found} of {expected} rows of {table} were still as they were loaded"),
    }
}

fn unavailable(error: DbErr) -> StorageError {
    StorageError::Unavailable {
        source: Box::new(error),
    }
}

/// A value that its column should not have been able to hold.
fn undecodable(error: &DbErr) -> StorageError {
    StorageError::Corrupt {
        table: "a table",
        id: "row".to_owned(),
        reason: error.to_string(),
    }
}

fn driver(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// What the database's own refusal means; `None`: it is not well. Names constraints, never row data.
fn refused(refusal: &dyn DatabaseError) -> Option<StorageError> {
    let code = refusal.code().unwrap_or_default();
    if is_postgres(refusal) {
        postgres(refusal, &code)
    } else {
        sqlite(refusal, &code)
    }
}

fn is_postgres(refusal: &dyn DatabaseError) -> bool {
    refusal.try_downcast_ref::<SqlxPostgresError>().is_some()
}

/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>
fn postgres(refusal: &dyn DatabaseError, code: &str) -> Option<StorageError> {
    let table = refusal.table().unwrap_or("a table");
    let constraint = refusal.constraint().unwrap_or("a constraint");
    match code {
        "23505" => Some(StorageError::Conflict {
            what: format!("{constraint} of {table} is taken"),
        }),
        "40001" | "40P01" => Some(StorageError::Conflict {
            what: format!("another transaction was in the way (SQLSTATE {code})"),
        }),
        "55P03" => Some(StorageError::Blocked {
            what: "a row is held by another transaction (SQLSTATE 55P03)".to_owned(),
        }),
        // The statement took too long, the server is read-only (a standby), or it is not well.
        "57014" | "25006" => None,
        _ if ["08", "53", "57", "58", "XX"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            None
        }
        _ if code.starts_with("23") => Some(StorageError::Rejected {
            what: format!("{constraint} of {table} (SQLSTATE {code})"),
        }),
        _ => Some(StorageError::Rejected {
            what: format!("SQLSTATE {code}"),
        }),
    }
}

/// <https://www.sqlite.org/rescode.html>
mod sqlite {
    pub(super) const ERROR: u32 = 1;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const TOOBIG: u32 = 18;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const MISMATCH: u32 = 20;
    pub(super) const CONSTRAINT_PRIMARY_KEY: u32 = 1_555;
    pub(super) const CONSTRAINT_UNIQUE: u32 = 2_067;
    pub(super) const CONSTRAINT_ROWID: u32 = 2_579;
}

fn sqlite_primary(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

fn sqlite(refusal: &dyn DatabaseError, code: &str) -> Option<StorageError> {
    let unique = matches!(
        code.parse(),
        Ok(sqlite::CONSTRAINT_PRIMARY_KEY | sqlite::CONSTRAINT_UNIQUE | sqlite::CONSTRAINT_ROWID)
    );
    // SQLite's messages name tables, columns and constraints, and nothing of the row.
    let what = refusal.message().to_owned();
    match sqlite_primary(code)? {
        sqlite::BUSY | sqlite::LOCKED => Some(StorageError::Conflict { what }),
        sqlite::CONSTRAINT if unique => Some(StorageError::Conflict { what }),
        sqlite::CONSTRAINT | sqlite::MISMATCH | sqlite::TOOBIG | sqlite::ERROR => {
            Some(StorageError::Rejected { what })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx;
    use std::sync::Arc;

    use super::*;

    fn broken() -> RuntimeErr {
        let gone = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        RuntimeErr::SqlxError(Arc::new(sqlx::Error::Io(gone)))
    }

    /// A server that can't be reached has done nothing; one that goes away during the statement may have.
    #[test]
    fn only_what_was_sent_is_in_doubt() {
        let unreached = at_once(DbErr::Conn(broken()));
        assert!(
            matches!(unreached, StorageError::Unavailable { .. }),
            "{unreached:?}"
        );
        let lost = at_once(DbErr::Exec(broken()));
        assert!(matches!(lost, StorageError::InDoubt { .. }), "{lost:?}");
    }
}
