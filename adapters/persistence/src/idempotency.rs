//! Table `idempotency_keys`: requests that were answered, and how.

use p2p_application::ports::{IdempotencyKey, IdempotencyRecord, Reply, StorageError};
use p2p_domain::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::database::Database;
use crate::error;
use crate::row::{self, RowContext};
use crate::sql::Parameters;
use crate::table::{StatementLimit, id_array, padded, placeholders, text_array, unnest_in_step};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) caller: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) operation: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) key: String,
    pub(crate) fingerprint: Uuid,
    pub(crate) tag: i16,
    pub(crate) body: Vec<u8>,
    pub(crate) created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<&IdempotencyRecord> for Model {
    type Error = StorageError;

    fn try_from(record: &IdempotencyRecord) -> Result<Self, StorageError> {
        let tag = record.reply.tag;
        Ok(Self {
            caller: Uuid::from_u128(record.key.caller),
            operation: record.key.operation.clone(),
            key: record.key.key.clone(),
            fingerprint: Uuid::from_u128(record.fingerprint),
            tag: i16::try_from(tag).map_err(|_| StorageError::Rejected {
                what: format!("{tag} is no tag of a reply"),
            })?,
            body: record.reply.body.clone(),
            created_at: record.at.as_micros(),
        })
    }
}

impl TryFrom<Model> for IdempotencyRecord {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let reading = RowContext::new("idempotency_keys", stored.caller);
        let tag = u16::try_from(stored.tag);
        Ok(Self {
            key: IdempotencyKey {
                caller: stored.caller.as_u128(),
                operation: stored.operation,
                key: stored.key,
            },
            fingerprint: stored.fingerprint.as_u128(),
            reply: Reply {
                tag: tag.map_err(|_| reading.corrupt("tag is negative"))?,
                body: stored.body,
            },
            at: row::time(stored.created_at),
        })
    }
}

/// Those of the requests that were answered.
pub(crate) async fn known(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    keys: &[IdempotencyKey],
) -> Result<Vec<IdempotencyRecord>, StorageError> {
    let keys: Vec<&IdempotencyKey> = keys
        .iter()
        .filter(|key| row::storable(&key.operation) && row::storable(&key.key))
        .collect();
    let mut known = Vec::new();
    for keys in limit.texts(&keys) {
        let statement = of(connection.get_database_backend(), keys);
        let found = connection.query_all_raw(statement).await;
        for found in found.map_err(error::storage)? {
            let model = Model::from_query_result(&found, "").map_err(error::storage)?;
            known.push(model.try_into()?);
        }
    }
    Ok(known)
}

/// The records of these keys. Three columns make the key: no builder knows both databases' words.
pub(crate) fn of(backend: DbBackend, keys: &[&IdempotencyKey]) -> Statement {
    const COLUMNS: &str =
        "r.caller, r.operation, r.key, r.fingerprint, r.tag, r.body, r.created_at";
    if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT {COLUMNS} FROM {} AS k JOIN idempotency_keys AS r \
             ON r.caller = k.caller AND r.operation = k.operation AND r.key = k.key",
            unnest_in_step(&[("caller", "uuid"), ("operation", "text"), ("key", "text")])
        );
        let callers = id_array(keys.iter().map(|key| Uuid::from_u128(key.caller)));
        let operations = text_array(keys.iter().map(|key| key.operation.clone()));
        let names = text_array(keys.iter().map(|key| key.key.clone()));
        Statement::from_sql_and_values(backend, sql, [callers, operations, names])
    } else {
        let keys = padded(keys.to_vec());
        let sql = format!(
            "SELECT {COLUMNS} FROM idempotency_keys AS r \
             WHERE (r.caller, r.operation, r.key) IN (VALUES {})",
            placeholders(3, keys.len())
        );
        let values = keys.into_iter().flat_map(|key| {
            [
                Value::from(Uuid::from_u128(key.caller)),
                Value::from(key.operation.clone()),
                Value::from(key.key.clone()),
            ]
        });
        Statement::from_sql_and_values(backend, sql, values)
    }
}

/// Removes the oldest of those that were answered before.
pub(crate) async fn forget(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    let statement = forgetting(database.backend(), before, limit);
    let done = database.writer().execute_raw(statement).await;
    Ok(done.map_err(error::storage)?.rows_affected())
}

/// Two replicas that forget at once forget different ones.
pub(crate) fn forgetting(backend: DbBackend, before: Timestamp, limit: u32) -> Statement {
    let mut parameters = Parameters::default();
    let before = parameters.bind(before.as_micros());
    let passing_by = match backend {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let text = format!(
        "DELETE FROM idempotency_keys WHERE (caller, operation, key) IN (\
           SELECT caller, operation, key FROM idempotency_keys \
           WHERE created_at < {before} ORDER BY created_at LIMIT {limit}{passing_by})"
    );
    parameters.with(backend, text)
}
