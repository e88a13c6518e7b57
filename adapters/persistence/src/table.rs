//! Writing many rows at once: one statement per table on PostgreSQL (columns travel as arrays), a few on SQLite (rows in
//! chunks of a power of two). The texts are fixed, so that they are prepared once.

use std::fmt::Write as _;

use application::ports::StorageError;
use sea_orm::sea_query::{ArrayType, Expr, Value};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, ModelTrait,
    Statement,
};
use uuid::Uuid;

use crate::error;

/// A table whose rows a unit of work writes.
pub(crate) trait Table: EntityTrait {
    const NAME: &'static str;
    /// What names a row.
    const KEY: Self::Column;
    /// What may change in a row's life, the version among it; everything else is written once.
    const MUTABLE: &'static [Self::Column];
    /// The column by which a change of a row by somebody else is noticed.
    const VERSION: Self::Column;
}

/// Bind parameters that SQLite takes in one statement.
const SQLITE_PARAMETERS: usize = 32_766;

/// Rows in one statement on SQLite at most; beyond, nothing is gained.
const SQLITE_ROWS: usize = 256;

/// Inserts rows that must be new. A key that exists is a conflict.
pub(crate) async fn insert<E>(
    connection: &impl ConnectionTrait,
    rows: Vec<E::Model>,
) -> Result<(), StorageError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    if rows.is_empty() {
        return Ok(());
    }
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let table = E::default();
    let names = join(columns.iter().map(|column| quoted(column.as_str())));
    let expected = rows.len();
    let mut written = 0;
    let backend = connection.get_database_backend();
    if backend == DbBackend::Postgres {
        let (source, values) = arrays::<E>(&columns, &rows);
        let sql = format!(
            "INSERT INTO {} ({names}) SELECT {} FROM {}",
            quoted(table.table_name()),
            source.picked,
            source.from
        );
        written += run(connection, sql, values).await?;
    } else {
        for chunk in chunks(&rows, columns.len()) {
            let sql = format!(
                "INSERT INTO {} ({names}) VALUES {}",
                quoted(table.table_name()),
                placeholders(columns.len(), chunk.len())
            );
            let values = chunk
                .iter()
                .flat_map(|row| columns.iter().map(|column| row.get(*column)))
                .collect();
            written += run(connection, sql, values).await?;
        }
    }
    if written == expected as u64 {
        Ok(())
    } else {
        Err(error::outdated(table.table_name(), expected, written))
    }
}

/// Changes rows that were loaded with these versions. Any that has another version by now is a conflict.
pub(crate) async fn update<E>(
    connection: &impl ConnectionTrait,
    rows: Vec<(E::Model, i64)>,
) -> Result<(), StorageError>
where
    E: Table,
    E::Model: ModelTrait<Entity = E>,
{
    if rows.is_empty() {
        return Ok(());
    }
    let columns: Vec<E::Column> = [E::KEY]
        .into_iter()
        .chain(E::MUTABLE.iter().copied())
        .collect();
    let key = quoted(E::KEY.as_str());
    let version = quoted(E::VERSION.as_str());
    let table = quoted(E::NAME);
    let set = join(E::MUTABLE.iter().map(|column| {
        let name = quoted(column.as_str());
        format!("{name} = changed.{name}")
    }));
    let names = join(columns.iter().map(|column| quoted(column.as_str())));
    let matches =
        format!("{table}.{key} = changed.{key} AND {table}.{version} = changed.loaded_version");
    let expected = rows.len();
    let mut written = 0;
    if connection.get_database_backend() == DbBackend::Postgres {
        let (rows, loaded): (Vec<E::Model>, Vec<i64>) = rows.into_iter().unzip();
        let (source, mut values) = arrays::<E>(&columns, &rows);
        values.push(Value::Array(
            ArrayType::BigInt,
            Some(Box::new(loaded.into_iter().map(Value::from).collect())),
        ));
        let sql = format!(
            "UPDATE {table} SET {set} FROM (SELECT {}, loaded_version FROM {}) AS changed WHERE {matches}",
            source.picked,
            source.with_extra("bigint", "loaded_version", values.len())
        );
        written += run(connection, sql, values).await?;
    } else {
        for chunk in chunks(&rows, columns.len() + 1) {
            let sql = format!(
                "WITH changed ({names}, loaded_version) AS (VALUES {}) \
                 UPDATE {table} SET {set} FROM changed WHERE {matches}",
                placeholders(columns.len() + 1, chunk.len())
            );
            let values = chunk
                .iter()
                .flat_map(|(row, loaded)| {
                    let loaded = Value::from(*loaded);
                    columns
                        .iter()
                        .map(|column| row.get(*column))
                        .chain([loaded])
                })
                .collect();
            written += run(connection, sql, values).await?;
        }
    }
    if written == expected as u64 {
        Ok(())
    } else {
        Err(error::outdated(E::NAME, expected, written))
    }
}

/// `column` is one of these ids, with one SQL text however many there are.
pub(crate) fn one_of<C: ColumnTrait>(backend: DbBackend, column: C, ids: Vec<Uuid>) -> Expr {
    one_of_values(backend, column, ids)
}

/// `column` is one of these texts.
pub(crate) fn one_of_texts<C: ColumnTrait>(
    backend: DbBackend,
    column: C,
    texts: Vec<String>,
) -> Expr {
    one_of_values(backend, column, texts)
}

fn one_of_values<C, V>(backend: DbBackend, column: C, values: Vec<V>) -> Expr
where
    C: ColumnTrait,
    V: Into<Value> + Clone + sea_orm::sea_query::postgres_array::NotU8,
{
    if backend == DbBackend::Postgres {
        column.eq_any(values)
    } else {
        column.is_in(padded(values))
    }
}

/// The list at the length of the next power of two, its last member repeated: few lengths, few statements.
pub(crate) fn padded<T: Clone>(mut list: Vec<T>) -> Vec<T> {
    if let Some(last) = list.last().cloned() {
        list.resize(list.len().next_power_of_two(), last);
    }
    list
}

/// Keys for one statement: all of them on PostgreSQL, where they are one array; on SQLite no more than it can bind.
pub(crate) fn key_chunks<T>(backend: DbBackend, keys: &[T]) -> std::slice::Chunks<'_, T> {
    let most = if backend == DbBackend::Postgres {
        keys.len().max(1)
    } else {
        8_192
    };
    keys.chunks(most)
}

/// An array of ids as one parameter of a PostgreSQL statement.
pub(crate) fn id_array(ids: impl IntoIterator<Item = Uuid>) -> Value {
    array(ArrayType::Uuid, ids.into_iter().map(Value::from).collect())
}

/// An array of texts as one parameter of a PostgreSQL statement.
pub(crate) fn text_array(texts: impl IntoIterator<Item = String>) -> Value {
    array(
        ArrayType::String,
        texts.into_iter().map(Value::from).collect(),
    )
}

fn array(of: ArrayType, values: Vec<Value>) -> Value {
    Value::Array(of, Some(Box::new(values)))
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

/// Rows as columns for PostgreSQL: what to select of them, and from what.
struct Source {
    picked: String,
    arrays: String,
    names: String,
    from: String,
}

impl Source {
    /// The same with one more array.
    fn with_extra(&self, of: &str, name: &str, position: usize) -> String {
        format!(
            "UNNEST({}, ${position}::{of}[]) AS sent ({}, {name})",
            self.arrays, self.names
        )
    }
}

/// One array for each column. An array of ours has no NULLs: a column that may be NULL brings a second array, which says
/// where a value is.
fn arrays<E>(columns: &[E::Column], rows: &[E::Model]) -> (Source, Vec<Value>)
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let (mut picked, mut arrays, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut values: Vec<Value> = Vec::new();
    for column in columns {
        let name = quoted(column.as_str());
        let of = E::Model::get_value_type(*column);
        let (sql_type, filler) = in_sql(&of);
        let stored: Vec<Value> = rows.iter().map(|row| row.get(*column)).collect();
        if column.def().is_null() {
            let there: Vec<bool> = stored
                .iter()
                .map(|value| *value != value.as_null())
                .collect();
            let filled = stored
                .into_iter()
                .zip(&there)
                .map(|(value, there)| if *there { value } else { filler.clone() })
                .collect();
            values.push(array(of, filled));
            arrays.push(format!("${}::{sql_type}[]", values.len()));
            names.push(name.clone());
            values.push(array(
                ArrayType::Bool,
                there.into_iter().map(Value::from).collect(),
            ));
            let flag = quoted(&format!("has_{}", column.as_str()));
            arrays.push(format!("${}::boolean[]", values.len()));
            names.push(flag.clone());
            picked.push(format!("CASE WHEN {flag} THEN {name} END AS {name}"));
        } else {
            values.push(array(of, stored));
            arrays.push(format!("${}::{sql_type}[]", values.len()));
            names.push(name.clone());
            picked.push(name);
        }
    }
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    let source = Source {
        picked: picked.join(", "),
        from: format!("UNNEST({arrays}) AS sent ({names})"),
        arrays,
        names,
    };
    (source, values)
}

/// The SQL type of what we store, and a value of it that stands where NULL is meant.
fn in_sql(of: &ArrayType) -> (&'static str, Value) {
    match of {
        ArrayType::Uuid => ("uuid", Value::from(Uuid::nil())),
        ArrayType::BigInt => ("bigint", Value::from(0i64)),
        ArrayType::Int => ("integer", Value::from(0i32)),
        ArrayType::SmallInt => ("smallint", Value::from(0i16)),
        ArrayType::Bool => ("boolean", Value::from(false)),
        // Every other column of ours is a text.
        _ => ("text", Value::from("")),
    }
}

/// Rows in chunks of a power of two that SQLite can bind.
fn chunks<T>(rows: &[T], columns: usize) -> impl Iterator<Item = &[T]> {
    let bound = (SQLITE_PARAMETERS / columns.max(1)).clamp(1, SQLITE_ROWS);
    let largest = if bound.is_power_of_two() {
        bound
    } else {
        bound.next_power_of_two() / 2
    };
    let mut rest = rows;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut size = largest;
        while size > rest.len() {
            size /= 2;
        }
        let (chunk, left) = rest.split_at(size);
        rest = left;
        Some(chunk)
    })
}

/// `(?, ?), (?, ?)`.
pub(crate) fn placeholders(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.fold(String::new(), |mut all, part| {
        let separator = if all.is_empty() { "" } else { ", " };
        let _ = write!(all, "{separator}{part}");
        all
    })
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_that_fit() {
        let rows = vec![0u8; 1_000];
        for columns in [1, 7, 20, 200, 40_000] {
            let sizes: Vec<usize> = chunks(&rows, columns).map(<[u8]>::len).collect();
            assert_eq!(sizes.iter().sum::<usize>(), rows.len());
            for size in sizes {
                assert!(size.is_power_of_two());
                assert!(size == 1 || size * columns <= SQLITE_PARAMETERS);
            }
        }
    }

    #[test]
    fn padding_repeats_the_last() {
        assert_eq!(padded(vec![1, 2, 3]), vec![1, 2, 3, 3]);
        assert_eq!(padded(vec![1]), vec![1]);
        assert_eq!(padded(Vec::<u8>::new()), Vec::<u8>::new());
    }
}
