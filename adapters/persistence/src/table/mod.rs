//! Writing many rows at once: on PostgreSQL columns travel as arrays, and all tables are written by one statement; on SQLite
//! rows come in chunks of a power of two. The texts are few, so that they are prepared once.

mod keys;
mod limit;
mod postgres;
mod sqlite;

use p2p_application::ports::StorageError;
use sea_orm::sea_query::Value;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement,
};

pub(crate) use keys::{
    id_array, number_array, one_of, one_of_texts, padded, placeholders, text_array, unnest_in_step,
};
pub(crate) use limit::StatementLimit;

use postgres::SingleStatement;

use crate::error;

/// A table whose rows a unit of work writes and changes.
pub(crate) trait Table: EntityTrait {
    const NAME: &'static str;
    /// What names a row.
    const KEY: Self::Column;
    /// What may change in a row's life, the version among it; everything else is written once.
    const MUTABLE: &'static [Self::Column];
    /// The column by which a change of a row by somebody else is noticed.
    const VERSION: Self::Column;
}

/// Writes the rows of one commit.
pub(crate) enum Writer<'c, C> {
    /// A statement for each table, or a few.
    PerTable {
        connection: &'c C,
        limit: StatementLimit,
    },
    /// One statement for all tables.
    SingleStatement {
        connection: &'c C,
        all: SingleStatement,
    },
}

impl<'c, C: ConnectionTrait> Writer<'c, C> {
    pub(crate) fn new(connection: &'c C, limit: StatementLimit) -> Self {
        if limit == StatementLimit::Unlimited {
            let all = SingleStatement::default();
            Self::SingleStatement { connection, all }
        } else {
            Self::PerTable { connection, limit }
        }
    }

    /// Inserts rows that must be new. A key that exists is a conflict.
    pub(crate) async fn insert<E>(&mut self, rows: Vec<E::Model>) -> Result<(), StorageError>
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E>,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let table = E::default().table_name();
        let written = match self {
            Self::SingleStatement { all, .. } => {
                all.insert::<E>(table, &rows);
                return Ok(());
            }
            Self::PerTable { connection, limit } if *limit == StatementLimit::Bound => {
                sqlite::insert::<E>(*connection, &rows).await?
            }
            Self::PerTable { connection, limit } => {
                postgres::insert::<E>(*connection, *limit, &rows).await?
            }
        };
        all_of(table, rows.len(), written)
    }

    /// Changes rows that were loaded with these versions. Any that has another version by now is a conflict.
    pub(crate) async fn update<E>(&mut self, rows: Vec<(E::Model, i64)>) -> Result<(), StorageError>
    where
        E: Table,
        E::Model: ModelTrait<Entity = E>,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let written = match self {
            Self::SingleStatement { all, .. } => {
                all.update::<E>(&rows);
                return Ok(());
            }
            Self::PerTable { connection, limit } if *limit == StatementLimit::Bound => {
                sqlite::update::<E>(*connection, &rows).await?
            }
            Self::PerTable { connection, limit } => {
                postgres::update::<E>(*connection, *limit, &rows).await?
            }
        };
        all_of(E::NAME, rows.len(), written)
    }

    /// Changes one row by a statement of its own, which is written out given how many values are sent before its own. If it
    /// finds no row, that is a conflict.
    pub(crate) async fn change(
        &mut self,
        table: &'static str,
        sql: fn(usize) -> String,
        values: Vec<Value>,
    ) -> Result<(), StorageError> {
        let written = match self {
            Self::SingleStatement { all, .. } => {
                all.change(table, sql, values);
                return Ok(());
            }
            Self::PerTable { connection, .. } => run(*connection, sql(0), values).await?,
        };
        all_of(table, 1, written)
    }

    /// Writes what is not written yet.
    pub(crate) async fn finish(self) -> Result<(), DbErr> {
        match self {
            Self::PerTable { .. } => Ok(()),
            Self::SingleStatement { connection, all } => all.run(connection).await,
        }
    }
}

fn insert_into<E: EntityTrait>() -> String {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    format!(
        "INSERT INTO {} ({})",
        quoted(E::default().table_name()),
        listed(&columns)
    )
}

/// What a change of a row sends: its key, and what may change.
fn changing_columns<E: Table>() -> Vec<E::Column> {
    let mutable = E::MUTABLE.iter().copied();
    [E::KEY].into_iter().chain(mutable).collect()
}

/// What both databases say alike of a change of many rows, the new values being those of a relation `changed`.
struct Change {
    table: String,
    set: String,
    /// The row, still as it was loaded.
    matches: String,
}

impl Change {
    fn of<E: Table>() -> Self {
        let table = quoted(E::NAME);
        let (key, version) = (quoted(E::KEY.as_str()), quoted(E::VERSION.as_str()));
        let set: Vec<String> = E::MUTABLE
            .iter()
            .map(|column| quoted(column.as_str()))
            .map(|name| format!("{name} = changed.{name}"))
            .collect();
        Self {
            set: set.join(", "),
            matches: format!(
                "{table}.{key} = changed.{key} AND {table}.{version} = changed.loaded_version"
            ),
            table,
        }
    }
}

fn all_of(table: &str, expected: usize, written: u64) -> Result<(), StorageError> {
    if written == expected as u64 {
        Ok(())
    } else {
        Err(error::outdated(table, expected, written))
    }
}

async fn run(
    connection: &impl ConnectionTrait,
    sql: String,
    values: Vec<Value>,
) -> Result<u64, StorageError> {
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let done = connection.execute_raw(statement).await;
    Ok(done.map_err(error::storage)?.rows_affected())
}

fn listed<C: ColumnTrait>(columns: &[C]) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|column| quoted(column.as_str()))
        .collect();
    names.join(", ")
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
