//! Table `audit_trail`.

pub(crate) mod head;
pub(crate) mod queries;

use p2p_application::ports::StorageError;
use p2p_domain::audit_log::{AuditAction, AuditNote, AuditRecord};
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};
use crate::session;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_trail")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) address: Option<String>,
    pub(crate) action: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<&AuditRecord> for Model {
    type Error = StorageError;

    fn try_from(record: &AuditRecord) -> Result<Self, StorageError> {
        let note = &record.note;
        Ok(Self {
            number: row::stored(record.number)?,
            at: record.at.as_micros(),
            actor_id: note.actor.map(row::uuid),
            session_id: note.session.map(row::uuid),
            address: note.address.map(|address| address.to_string()),
            action: note.action.name().to_owned(),
            subject: note.subject.clone(),
            detail: note.detail.clone(),
            hash: record.hash.to_string(),
        })
    }
}

impl TryFrom<Model> for AuditRecord {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let reading = RowContext::new("audit_trail", stored.number);
        Ok(Self {
            number: reading.count("number", stored.number)?,
            at: row::time(stored.at),
            note: AuditNote {
                actor: stored.actor_id.map(row::id),
                session: stored.session_id.map(row::id),
                address: session::address(&reading, stored.address)?,
                action: reading.named(AuditAction::ALL, AuditAction::name, &stored.action)?,
                subject: stored.subject,
                detail: stored.detail,
            },
            hash: row::hash(&reading, &stored.hash)?,
        })
    }
}
