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

/// How much one statement may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// PostgreSQL: everything, in arrays.
    Whole,
    /// PostgreSQL over TLS: what fits one TLS record. The driver (sqlx 0.9.0) writes records one by one and does not set
    /// TCP_NODELAY: a second one may have to wait 40 ms for the other side to acknowledge the first.
    Record,
    /// SQLite: what it can bind, each value a parameter.
    Bound,
}

/// A TLS record's 16 KiB, less a little for the protocol around the rows.
const RECORD: usize = 15 * 1_024;

/// What PostgreSQL's protocol says of each array before its first element.
const ARRAY_HEAD: usize = 24;

impl Room {
    /// Keys in portions for one statement each. A key is two values of no more than 16 bytes.
    pub(crate) fn keys<T>(self, keys: &[T]) -> std::slice::Chunks<'_, T> {
        keys.chunks(match self {
            Self::Whole => keys.len().max(1),
            Self::Record => 384,
            Self::Bound => 8_192,
        })
    }

    /// Rows in portions for one array statement each.
    fn portions<T>(self, rows: &[T], size: impl Fn(&T) -> usize, head: usize) -> Vec<&[T]> {
        if self != Self::Record {
            return vec![rows];
        }
        let room = RECORD.saturating_sub(head);
        let (mut portions, mut first, mut taken) = (Vec::new(), 0, 0);
        for (index, row) in rows.iter().enumerate() {
            let size = size(row);
            if index > first && taken + size > room {
                portions.push(&rows[first..index]);
                (first, taken) = (index, 0);
            }
            taken += size;
        }
        portions.push(&rows[first..]);
        portions
    }
}

/// What a value takes as an element of an array.
fn size_of(value: &Value) -> usize {
    4 + match value {
        Value::Uuid(_) => 16,
        Value::String(text) => text.as_ref().map_or(0, |text| text.len()),
        _ => 8,
    }
}

/// Bind parameters that SQLite takes in one statement.
const SQLITE_PARAMETERS: usize = 32_766;

/// Rows in one statement on SQLite at most; beyond, nothing is gained.
const SQLITE_ROWS: usize = 256;

/// Inserts rows that must be new. A key that exists is a conflict.
pub(crate) async fn insert<E>(
    connection: &impl ConnectionTrait,
    room: Room,
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
    if connection.get_database_backend() == DbBackend::Postgres {
        let (size, head) = sizes::<E>(&columns);
        for portion in room.portions(&rows, size, head) {
            let (source, values) = arrays::<E, _>(&columns, portion, |row| row);
            let sql = format!(
                "INSERT INTO {} ({names}) SELECT {} FROM {}",
                quoted(table.table_name()),
                source.picked,
                source.from
            );
            written += run(connection, sql, values).await?;
        }
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
    room: Room,
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
        let (size, head) = sizes::<E>(&columns);
        let size = |row: &(E::Model, i64)| size(&row.0) + size_of(&Value::from(row.1));
        for portion in room.portions(&rows, size, head + ARRAY_HEAD) {
            let (source, mut values) = arrays::<E, _>(&columns, portion, |row| &row.0);
            let loaded = portion.iter().map(|(_, loaded)| Value::from(*loaded));
            values.push(array(ArrayType::BigInt, loaded.collect()));
            let sql = format!(
                "UPDATE {table} SET {set} FROM (SELECT {}, loaded_version FROM {}) AS changed WHERE {matches}",
                source.picked,
                source.with_extra("bigint", "loaded_version", values.len())
            );
            written += run(connection, sql, values).await?;
        }
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
fn arrays<E, R>(
    columns: &[E::Column],
    rows: &[R],
    model: impl Fn(&R) -> &E::Model,
) -> (Source, Vec<Value>)
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
        let stored: Vec<Value> = rows.iter().map(|row| model(row).get(*column)).collect();
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

/// What a row takes in the arrays of these columns, and what the arrays take without any.
fn sizes<E>(columns: &[E::Column]) -> (impl Fn(&E::Model) -> usize, usize)
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let nullable = columns
        .iter()
        .filter(|column| column.def().is_null())
        .count();
    let flags = nullable * size_of(&Value::Bool(None));
    let size = move |row: &E::Model| {
        let values = columns.iter().map(|column| size_of(&row.get(*column)));
        flags + values.sum::<usize>()
    };
    (size, (columns.len() + nullable) * ARRAY_HEAD)
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
    fn portions_fit_a_record_and_lose_nothing() {
        let rows: Vec<usize> = (0..2_000).map(|row| row * 7 % 1_000).collect();
        let portions = Room::Record.portions(&rows, |row| *row, 500);
        assert_eq!(portions.concat(), rows);
        for portion in &portions {
            assert!(portion.iter().sum::<usize>() <= RECORD - 500);
        }
        // A row that fits no record travels alone.
        let rows = [10, 99_999, 99_999, 10, 10];
        let portions = Room::Record.portions(&rows, |row| *row, 500);
        assert_eq!(portions, [&rows[..1], &rows[1..2], &rows[2..3], &rows[3..]]);
        assert_eq!(Room::Whole.portions(&rows, |row| *row, 500), [&rows]);
    }

    #[test]
    fn padding_repeats_the_last() {
        assert_eq!(padded(vec![1, 2, 3]), vec![1, 2, 3, 3]);
        assert_eq!(padded(vec![1]), vec![1]);
        assert_eq!(padded(Vec::<u8>::new()), Vec::<u8>::new());
    }
}
