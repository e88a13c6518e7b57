//! Table `heartbeat`, and what an outage does to deadlines.

use std::time::Duration;

use p2p_application::ports::StorageError;
use p2p_domain::Timestamp;
use sea_orm::sea_query::{LockType, Query, Value};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

use crate::database::Database;
use crate::error;
use crate::pools::finish;

/// Notes that the market is alive, and puts deadlines off by a gap that is too long.
pub(super) async fn beat(
    database: &Database,
    now: Timestamp,
    tolerance: Duration,
) -> Result<Option<Duration>, StorageError> {
    let transaction = database.begin_write().await?;
    let outcome = note(&transaction, now, tolerance).await;
    finish(transaction, outcome).await
}

async fn note(
    transaction: &DatabaseTransaction,
    now: Timestamp,
    tolerance: Duration,
) -> Result<Option<Duration>, StorageError> {
    let last = last_beat(transaction).await?;
    // A replica whose clock is behind takes nothing back.
    if last.is_some_and(|last| last >= now) {
        return Ok(None);
    }
    run(
        transaction,
        "UPDATE heartbeat SET beat_at = $1",
        [now.as_micros().into()],
    )
    .await?;
    let Some(last) = last else {
        return Ok(None);
    };
    let gap = now.since(last);
    if gap <= tolerance {
        return Ok(None);
    }
    put_off(transaction, last, gap).await?;
    Ok(Some(gap))
}

/// The last note, its row locked: one replica at a time.
async fn last_beat(transaction: &DatabaseTransaction) -> Result<Option<Timestamp>, StorageError> {
    let select = Query::select()
        .column("beat_at")
        .from("heartbeat")
        .lock(LockType::NoKeyUpdate)
        .take();
    let row = transaction
        .query_one(&select)
        .await
        .map_err(error::storage)?
        .ok_or_else(|| StorageError::Corrupt {
            table: "heartbeat",
            id: "1".to_owned(),
            reason: "the row is missing".to_owned(),
        })?;
    let beat: Option<i64> = row.try_get("", "beat_at").map_err(error::storage)?;
    Ok(beat.map(Timestamp::from_micros))
}

/// Moves every deadline that was still running. Rows are locked in the order in which units of work lock them; a
/// deadline stays at the far end of time rather than overflow.
async fn put_off(
    transaction: &DatabaseTransaction,
    last: Timestamp,
    gap: Duration,
) -> Result<(), StorageError> {
    let gap = Timestamp::from_micros(0).after(gap).as_micros();
    let latest = i64::MAX - gap;
    if transaction.get_database_backend() == DbBackend::Postgres {
        let lock = "SELECT id FROM offers WHERE deadline > $1 ORDER BY id FOR NO KEY UPDATE";
        run(transaction, lock, [last.as_micros().into()]).await?;
    }
    let sql = "UPDATE offers SET deadline = CASE WHEN deadline > $2 THEN 9223372036854775807 \
               ELSE deadline + $3 END WHERE deadline > $1";
    run(
        transaction,
        sql,
        [last.as_micros().into(), latest.into(), gap.into()],
    )
    .await
}

async fn run(
    transaction: &DatabaseTransaction,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<(), StorageError> {
    let backend = transaction.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, values);
    let done = transaction.execute_raw(statement).await;
    done.map(|_| ()).map_err(error::storage)
}
