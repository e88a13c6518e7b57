//! Many rows on PostgreSQL: each column is one array, so one text does for any number of rows.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use p2p_application::ports::StorageError;
use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait,
    Statement,
};
use uuid::Uuid;

use super::keys::{array, in_step_from};
use super::limit::StatementLimit;
use super::{Change, Table, changing_columns, insert_into, quoted, run};

/// What PostgreSQL's protocol says of each array before its first element.
const ARRAY_HEAD: usize = 24;

/// The statements of one commit, written as one: it takes one way to the database and back.
#[derive(Default)]
pub(crate) struct SingleStatement {
    parts: Vec<Part>,
    values: Vec<Value>,
}

/// What is done to one table.
struct Part {
    table: &'static str,
    verb: Verb,
    /// Its SQL, given how many values are sent before its own.
    sql: fn(usize) -> String,
    before: usize,
    /// The value that says how many rows it has to change.
    rows: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Verb {
    Insert,
    Update,
}

/// By what they do to which tables.
type Texts = HashMap<Vec<(&'static str, Verb)>, Arc<str>>;

/// The texts so far, a few dozen.
static TEXTS: LazyLock<RwLock<Texts>> = LazyLock::new(RwLock::default);

impl SingleStatement {
    pub(super) fn insert<E>(&mut self, table: &'static str, rows: &[E::Model])
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E>,
    {
        let before = self.values.len();
        send::<E>(&mut self.values, E::Column::iter(), || rows.iter());
        self.parts.push(Part {
            table,
            verb: Verb::Insert,
            sql: insertion::<E>,
            before,
            rows: self.values.len(),
        });
    }

    /// A row that is not as it was loaded fails the statement.
    pub(super) fn update<E: Table>(&mut self, rows: &[(E::Model, i64)])
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let mut values = Vec::new();
        send_changed::<E>(&mut values, rows);
        self.changes(E::NAME, changing::<E>, values, rows.len());
    }

    /// One row, as [`Writer::change`](super::Writer::change) says.
    pub(super) fn change(
        &mut self,
        table: &'static str,
        sql: fn(usize) -> String,
        values: Vec<Value>,
    ) {
        self.changes(table, sql, values, 1);
    }

    fn changes(
        &mut self,
        table: &'static str,
        sql: fn(usize) -> String,
        values: Vec<Value>,
        rows: usize,
    ) {
        let before = self.values.len();
        self.values.extend(values);
        let count = i64::try_from(rows).unwrap_or(i64::MAX);
        self.values.push(Value::from(count));
        self.parts.push(Part {
            table,
            verb: Verb::Update,
            sql,
            before,
            rows: self.values.len(),
        });
    }

    pub(super) async fn run(self, connection: &impl ConnectionTrait) -> Result<(), DbErr> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let sql = self.text();
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, &*sql, self.values);
        connection.execute_raw(statement).await.map(|_| ())
    }

    fn text(&self) -> Arc<str> {
        let key: Vec<_> = self
            .parts
            .iter()
            .map(|part| (part.table, part.verb))
            .collect();
        let known = TEXTS
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        known.unwrap_or_else(|| {
            let text = Arc::from(self.write());
            let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(texts.entry(key).or_insert(text))
        })
    }

    /// `WITH w0 AS (UPDATE …), w1 AS (INSERT …) SELECT expect_rows('accounts', $9, (SELECT count(*) FROM w0))`
    fn write(&self) -> String {
        let (mut parts, mut checks) = (Vec::new(), Vec::new());
        for (number, part) in self.parts.iter().enumerate() {
            let sql = (part.sql)(part.before);
            if part.verb == Verb::Update {
                parts.push(format!("w{number} AS ({sql} RETURNING 1)"));
                checks.push(format!(
                    "expect_rows('{}', ${}, (SELECT count(*) FROM w{number}))",
                    part.table, part.rows
                ));
            } else {
                parts.push(format!("w{number} AS ({sql})"));
            }
        }
        if checks.is_empty() {
            checks.push("true".to_owned());
        }
        format!("WITH {} SELECT {}", parts.join(", "), checks.join(", "))
    }
}

/// Inserts in portions, each a statement.
pub(super) async fn insert<E>(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    rows: &[E::Model],
) -> Result<u64, StorageError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let size = |row: &E::Model| size_of::<E>(&columns, row);
    let mut written = 0;
    for portion in limit.portions(rows, size, head_of(&columns)) {
        let mut values = Vec::new();
        send::<E>(&mut values, columns.iter().copied(), || portion.iter());
        written += run(connection, insertion::<E>(0), values).await?;
    }
    Ok(written)
}

/// Changes in portions, each a statement.
pub(super) async fn update<E: Table>(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    rows: &[(E::Model, i64)],
) -> Result<u64, StorageError>
where
    E::Model: ModelTrait<Entity = E>,
{
    let columns = changing_columns::<E>();
    let size = |(row, loaded): &(E::Model, i64)| {
        size_of::<E>(&columns, row) + size_of_value(&Value::from(*loaded))
    };
    let mut written = 0;
    for portion in limit.portions(rows, size, head_of(&columns) + ARRAY_HEAD) {
        let mut values = Vec::new();
        send_changed::<E>(&mut values, portion);
        written += run(connection, changing::<E>(0), values).await?;
    }
    Ok(written)
}

/// The SQL that inserts rows, given how many values are sent before theirs.
fn insertion<E>(before: usize) -> String
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let mut sent = Sent::after(before);
    for column in E::Column::iter() {
        sent.column::<E>(column);
    }
    let (into, picked, relation) = (insert_into::<E>(), sent.picked(), sent.relation());
    format!("{into} SELECT {picked} FROM {relation}")
}

/// The SQL that changes rows where they are still as they were loaded.
fn changing<E: Table>(before: usize) -> String
where
    E::Model: ModelTrait<Entity = E>,
{
    let Change {
        table,
        set,
        matches,
    } = Change::of::<E>();
    let mut sent = Sent::after(before);
    for column in changing_columns::<E>() {
        sent.column::<E>(column);
    }
    sent.plain("loaded_version", &ArrayType::BigInt);
    let (picked, relation) = (sent.picked(), sent.relation());
    format!(
        "UPDATE {table} SET {set} FROM (SELECT {picked} FROM {relation}) AS changed WHERE {matches}"
    )
}

/// The values of rows as [`insertion`] expects them: each column an array. An array of ours has no NULLs: a column that may
/// be NULL brings a second array, which says where a value is.
fn send<'r, E>(
    values: &mut Vec<Value>,
    columns: impl IntoIterator<Item = E::Column>,
    rows: impl Fn() -> std::slice::Iter<'r, E::Model>,
) where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + 'r,
{
    for column in columns {
        let cells = rows().map(|row| row.get(column));
        send_column::<E>(values, column, cells.collect());
    }
}

/// The values of rows as [`changing`] expects them.
fn send_changed<E: Table>(values: &mut Vec<Value>, rows: &[(E::Model, i64)])
where
    E::Model: ModelTrait<Entity = E>,
{
    for column in changing_columns::<E>() {
        let cells = rows.iter().map(|(row, _)| row.get(column));
        send_column::<E>(values, column, cells.collect());
    }
    let loaded = rows.iter().map(|(_, loaded)| Value::from(*loaded));
    values.push(array(ArrayType::BigInt, loaded.collect()));
}

fn send_column<E>(values: &mut Vec<Value>, column: E::Column, cells: Vec<Value>)
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let of = E::Model::get_value_type(column);
    if !column.def().is_null() {
        values.push(array(of, cells));
        return;
    }
    let there: Vec<bool> = cells.iter().map(|cell| *cell != cell.as_null()).collect();
    let (_, filler) = in_sql(&of);
    let filled = cells
        .into_iter()
        .zip(&there)
        .map(|(cell, there)| if *there { cell } else { filler.clone() });
    values.push(array(of, filled.collect()));
    let there = there.into_iter().map(Value::from).collect();
    values.push(array(ArrayType::Bool, there));
}

/// Arrays as a relation that can be selected from.
struct Sent {
    /// How many values are sent before the first array.
    before: usize,
    /// The name and the type of each array.
    arrays: Vec<(String, &'static str)>,
    /// What to select for each column of the table.
    picked: Vec<String>,
}

impl Sent {
    const fn after(before: usize) -> Self {
        Self {
            before,
            arrays: Vec::new(),
            picked: Vec::new(),
        }
    }

    /// A column of the table, as [`send_column`] sends it.
    fn column<E>(&mut self, column: E::Column)
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E>,
    {
        let of = E::Model::get_value_type(column);
        if !column.def().is_null() {
            return self.plain(column.as_str(), &of);
        }
        let name = self.push(column.as_str(), &of);
        let flag = self.push(&format!("has_{}", column.as_str()), &ArrayType::Bool);
        self.picked
            .push(format!("CASE WHEN {flag} THEN {name} END AS {name}"));
    }

    /// A column without NULLs.
    fn plain(&mut self, name: &str, of: &ArrayType) {
        let name = self.push(name, of);
        self.picked.push(name);
    }

    fn push(&mut self, name: &str, of: &ArrayType) -> String {
        let (sql_type, _) = in_sql(of);
        let name = quoted(name);
        self.arrays.push((name.clone(), sql_type));
        name
    }

    fn picked(&self) -> String {
        self.picked.join(", ")
    }

    fn relation(&self) -> String {
        format!("{} AS sent", in_step_from(self.before + 1, &self.arrays))
    }
}

/// The SQL type of what we store, and a value of it that stands where NULL is meant.
fn in_sql(of: &ArrayType) -> (&'static str, Value) {
    match of {
        ArrayType::Uuid => ("uuid", Value::from(Uuid::nil())),
        ArrayType::BigInt => ("bigint", Value::from(0i64)),
        ArrayType::Int => ("integer", Value::from(0i32)),
        ArrayType::SmallInt => ("smallint", Value::from(0i16)),
        ArrayType::Bool => ("boolean", Value::from(false)),
        ArrayType::Bytes => ("bytea", Value::from(Vec::<u8>::new())),
        // Every other column of ours is a text.
        _ => ("text", Value::from("")),
    }
}

/// What a row takes in the arrays of these columns, with a flag for each that may be NULL.
fn size_of<E>(columns: &[E::Column], row: &E::Model) -> usize
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let values = columns
        .iter()
        .map(|column| size_of_value(&row.get(*column)));
    values.sum::<usize>() + nullable(columns) * size_of_value(&Value::Bool(None))
}

/// What the arrays of these columns take without any row.
fn head_of<C: ColumnTrait>(columns: &[C]) -> usize {
    (columns.len() + nullable(columns)) * ARRAY_HEAD
}

fn nullable<C: ColumnTrait>(columns: &[C]) -> usize {
    columns
        .iter()
        .filter(|column| column.def().is_null())
        .count()
}

/// What a value takes as an element of an array.
fn size_of_value(value: &Value) -> usize {
    4 + match value {
        Value::Uuid(_) => 16,
        Value::String(text) => text.as_ref().map_or(0, |text| text.len()),
        Value::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len()),
        _ => 8,
    }
}
