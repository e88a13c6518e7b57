//! How many of something somebody has, counted no further than is asked: however many there are, it costs about the same.

use p2p_application::ports::StorageError;
use p2p_domain::UserId;
use p2p_domain::refusal::QuotaKind;
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

use crate::error;
use crate::row;
use crate::table::{StatementLimit, id_array, padded, unnest_in_step};

/// The rows that are counted of a user, each kind in the order of the index that holds it and nothing else: so no plan reads
/// more of them, though it was made when the table was empty.
pub(crate) fn counted(what: QuotaKind, user: &str) -> String {
    match what {
        QuotaKind::OpenOffers => format!(
            "offers AS o WHERE o.customer_id = {user} AND o.closed_at IS NULL \
             AND o.status NOT IN ('DECLINED', 'CANCELLED') ORDER BY o.customer_id, o.closed_at, o.id"
        ),
        QuotaKind::Listings => format!(
            "listings AS l WHERE l.exchanger_id = {user} AND l.state <> 'CLOSED' \
             ORDER BY l.exchanger_id, l.id"
        ),
        QuotaKind::OpenWithdrawals => format!(
            "withdrawals AS w WHERE w.user_id = {user} AND w.status = 'REQUESTED' \
             ORDER BY w.user_id, w.status, w.id"
        ),
    }
}

/// How many of these each of some users has.
pub(crate) async fn count(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    what: QuotaKind,
    users: &[UserId],
    most: u32,
) -> Result<Vec<(UserId, u32)>, StorageError> {
    let mut counts = Vec::with_capacity(users.len());
    for keys in limit.keys(users) {
        let keys = keys.iter().copied().map(row::uuid).collect();
        let statement = counting(connection.get_database_backend(), what, keys, most);
        let found = connection.query_all_raw(statement).await;
        for found in found.map_err(error::storage)? {
            let user: Uuid = found.try_get("", "user_id").map_err(error::storage)?;
            let count: i64 = found.try_get("", "counted").map_err(error::storage)?;
            counts.push((row::id(user), u32::try_from(count).unwrap_or(most)));
        }
    }
    Ok(counts)
}

pub(crate) fn counting(
    backend: DbBackend,
    what: QuotaKind,
    users: Vec<Uuid>,
    most: u32,
) -> Statement {
    let most = i64::from(most);
    let counted = counted(what, "k.user_id");
    if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT k.user_id, (SELECT count(*) FROM (SELECT 1 FROM {counted} LIMIT $2) AS few) AS counted \
             FROM {} AS k",
            unnest_in_step(&[("user_id", "uuid")])
        );
        Statement::from_sql_and_values(backend, sql, [id_array(users), most.into()])
    } else {
        // What is padded is counted once more, and the same.
        let users = padded(users);
        let keys = vec!["(?)"; users.len()].join(", ");
        let sql = format!(
            "WITH k (user_id) AS (VALUES {keys}) SELECT DISTINCT k.user_id, \
             (SELECT count(*) FROM (SELECT 1 FROM {counted} LIMIT ?) AS few) AS counted FROM k"
        );
        let users = users.into_iter().map(Value::from);
        Statement::from_sql_and_values(backend, sql, users.chain([most.into()]))
    }
}
