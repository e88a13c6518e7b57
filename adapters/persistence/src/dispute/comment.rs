//! Table `dispute_comments`: remarks, kept as they were written.

use p2p_application::ports::StorageError;
use p2p_domain::dispute::Comment;
use sea_orm::entity::prelude::*;

use crate::row;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dispute_comments")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) dispute_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) author_id: Uuid,
    pub(crate) text: String,
    pub(crate) at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Comment> for Model {
    fn from(comment: &Comment) -> Self {
        Self {
            dispute_id: row::uuid(comment.dispute),
            id: row::uuid(comment.id),
            author_id: row::uuid(comment.author),
            text: comment.text.clone(),
            at: comment.at.as_micros(),
        }
    }
}

impl TryFrom<Model> for Comment {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        Ok(Self {
            id: row::id(stored.id),
            dispute: row::id(stored.dispute_id),
            author: row::id(stored.author_id),
            text: stored.text,
            at: row::time(stored.at),
        })
    }
}
