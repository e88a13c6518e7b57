//! Table `audit_head`: the one row that says where the audit trail ends.

use p2p_application::ports::{AuditAppend, StorageError};
use p2p_domain::audit_log::AuditHead;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, Select};

use crate::error;
use crate::row::{self, RowContext};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_head")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i16,
    pub(crate) count: i64,
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for AuditHead {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let reading = reading();
        Ok(Self {
            count: reading.count("count", stored.count)?,
            hash: row::hash(&reading, &stored.hash)?,
        })
    }
}

fn reading() -> RowContext {
    RowContext::new("audit_head", 1)
}

/// The end of the trail, chosen and locked as the caller likes.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    how: fn(Select<Entity>) -> Select<Entity>,
) -> Result<AuditHead, StorageError> {
    let found = how(Entity::find_by_id(1i16)).one(connection).await;
    match found.map_err(error::storage)? {
        Some(head) => head.try_into(),
        None => Err(reading().corrupt("the row is missing")),
    }
}

/// The SQL that moves the end of the trail, given how many values are sent before its own. It finds no row if the end is
/// another.
pub(crate) fn moving(before: usize) -> String {
    let [count, hash, after, with] = [1, 2, 3, 4].map(|number| before + number);
    format!(
        "UPDATE audit_head SET count = ${count}, hash = ${hash} \
         WHERE id = 1 AND count = ${after} AND hash = ${with}"
    )
}

/// The values that it wants.
pub(crate) fn moved(append: &AuditAppend) -> Result<[Value; 4], StorageError> {
    let (head, after) = (append.head(), append.after);
    Ok([
        row::stored(head.count)?.into(),
        head.hash.to_string().into(),
        row::stored(after.count)?.into(),
        after.hash.to_string().into(),
    ])
}
