//! Reading the audit trail.

use async_trait::async_trait;
use p2p_application::audit_log::{AuditLogFilter, AuditLogQueries};
use p2p_application::ports::StorageError;
use p2p_domain::audit_log::{AuditAction, AuditHead, AuditRecord};
use sea_orm::entity::prelude::*;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, IdenStatic, Iterable,
    QueryOrder, QuerySelect, Select, Statement,
};

use super::{Column, Entity, Model, head};
use crate::database::Database;
use crate::error;
use crate::row;
use crate::sql::{Parameters, is, picked, rows};

#[async_trait]
impl AuditLogQueries for Database {
    async fn list_audit_records(
        &self,
        filter: &AuditLogFilter,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        list(self.reader(), filter).await
    }

    async fn audit_records_after(
        &self,
        number: u64,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        after(self.reader(), number, limit).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StorageError> {
        head::find(self.reader(), |select| select).await
    }
}

/// The trail at one moment.
pub(crate) struct Snapshot<'a>(pub(crate) &'a DatabaseTransaction);

#[async_trait]
impl AuditLogQueries for Snapshot<'_> {
    async fn list_audit_records(
        &self,
        filter: &AuditLogFilter,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        list(self.0, filter).await
    }

    async fn audit_records_after(
        &self,
        number: u64,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        after(self.0, number, limit).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StorageError> {
        head::find(self.0, |select| select).await
    }
}

async fn list(
    connection: &impl ConnectionTrait,
    filter: &AuditLogFilter,
) -> Result<Vec<AuditRecord>, StorageError> {
    let storable = |subject: &String| row::storable(subject);
    if !filter.subject.as_ref().is_none_or(storable) {
        return Ok(Vec::new());
    }
    let statement = page(filter, connection.get_database_backend());
    let found = connection.query_all_raw(statement).await;
    let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let rows = found
        .map_err(error::storage)?
        .iter()
        .take(wanted)
        .map(|row| Model::from_query_result(row, ""))
        .collect::<Result<Vec<_>, _>>()
        .map_err(error::storage)?;
    row::all(rows)
}

/// The newest records that the filter means: a walk along the index of what is done to a thing, or by somebody, or of a kind.
pub(crate) fn page(filter: &AuditLogFilter, backend: DbBackend) -> Statement {
    let mut parameters = Parameters::default();
    let mut named = Vec::new();
    if let Some(subject) = &filter.subject {
        named.push(("subject", parameters.bind(subject.as_str())));
    }
    if let Some(actor) = filter.actor {
        named.push(("actor_id", parameters.bind(row::uuid(actor))));
    }
    if let Some(action) = filter.action.map(AuditAction::name) {
        named.push(("action", parameters.bind(action)));
    }
    let mut lead = String::new();
    let mut conditions = Vec::new();
    for (column, value) in &named {
        conditions.push(match (lead.is_empty(), &filter.subject) {
            (true, _) => {
                lead = format!("{column} DESC, ");
                is(column, value, backend)
            }
            // What somebody does has an index for each kind of it.
            (false, None) => format!("{column} = {value}"),
            // To one thing few things are done.
            (false, Some(_)) => picked(column, value, backend),
        });
    }
    if let Some(before) = filter.before {
        let before = parameters.bind(row::bound(before));
        conditions.push(format!("number < {before}"));
    }
    let columns: Vec<&str> = Column::iter().map(|column| column.as_str()).collect();
    let wanted = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let text = format!(
        "SELECT {} FROM audit_trail{wanted} ORDER BY {lead}number DESC LIMIT {}",
        columns.join(", "),
        rows(filter.limit)
    );
    parameters.with(backend, text)
}

async fn after(
    connection: &impl ConnectionTrait,
    number: u64,
    limit: u32,
) -> Result<Vec<AuditRecord>, StorageError> {
    let found = following(number, limit).all(connection).await;
    row::all(found.map_err(error::storage)?)
}

pub(crate) fn following(number: u64, limit: u32) -> Select<Entity> {
    Entity::find()
        .filter(Column::Number.gt(row::bound(number)))
        .order_by_asc(Column::Number)
        .limit(u64::from(limit))
}
