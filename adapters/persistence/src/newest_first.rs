//! Lists by id, newest first: a page of them is a walk along one index.

use p2p_application::ports::StorageError;
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, Statement,
};
use uuid::Uuid;

use crate::database::Database;
use crate::error;
use crate::row;
use crate::sql::{Parameters, is, rows};

/// Which rows of a table to list.
#[derive(Debug, Default)]
pub(crate) struct NewestFirst {
    /// What the index begins with.
    lead: Option<LeadingKey>,
    /// What else a row must be, written out: a plan for any value could not use a partial index.
    status: Option<&'static str>,
    /// The same, of what is no state.
    only: Option<&'static str>,
    after: Option<Uuid>,
    limit: u32,
}

#[derive(Debug)]
enum LeadingKey {
    User(Uuid),
    Status(&'static str),
}

impl NewestFirst {
    pub(crate) fn page(limit: u32, after: Option<Uuid>) -> Self {
        Self {
            after,
            limit,
            ..Self::default()
        }
    }

    /// Only somebody's, by an index that begins with them.
    pub(crate) fn of(self, user: Option<Uuid>) -> Self {
        Self {
            lead: user.map(LeadingKey::User),
            ..self
        }
    }

    /// Only those in this state.
    pub(crate) fn in_state(self, status: Option<&'static str>) -> Self {
        Self { status, ..self }
    }

    /// Only those of which this is true.
    pub(crate) fn only(self, condition: &'static str) -> Self {
        Self {
            only: Some(condition),
            ..self
        }
    }

    /// Where nobody is named, by an index that begins with the state.
    pub(crate) fn by_state(mut self) -> Self {
        if self.lead.is_none() {
            self.lead = self.status.take().map(LeadingKey::Status);
        }
        self
    }

    pub(crate) fn statement<E: EntityTrait>(self, backend: DbBackend) -> Statement {
        let mut parameters = Parameters::default();
        let (mut conditions, mut order) = (Vec::new(), String::new());
        match self.lead {
            None => {}
            Some(LeadingKey::User(user)) => {
                conditions.push(is("user_id", &parameters.bind(user), backend));
                order.push_str("user_id DESC, ");
            }
            Some(LeadingKey::Status(name)) => {
                conditions.push(is("status", &format!("'{name}'"), backend));
                order.push_str("status DESC, ");
            }
        }
        conditions.extend(self.status.map(|name| format!("status = '{name}'")));
        conditions.extend(self.only.map(str::to_owned));
        if let Some(after) = self.after {
            conditions.push(format!("id < {}", parameters.bind(after)));
        }
        let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
        let wanted = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let text = format!(
            "SELECT {} FROM {}{wanted} ORDER BY {order}id DESC LIMIT {}",
            columns.join(", "),
            E::default().table_name(),
            rows(self.limit)
        );
        parameters.with(backend, text)
    }

    /// The rows, as the domain has them.
    pub(crate) async fn list<E, T>(self, database: &Database) -> Result<Vec<T>, StorageError>
    where
        E: EntityTrait,
        T: TryFrom<E::Model, Error = StorageError>,
    {
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let statement = self.statement::<E>(database.backend());
        let found = database.reader().query_all_raw(statement).await;
        let rows = found
            .map_err(error::storage)?
            .iter()
            .take(wanted)
            .map(|row| E::Model::from_query_result(row, ""))
            .collect::<Result<Vec<_>, _>>()
            .map_err(error::storage)?;
        row::all(rows)
    }
}
