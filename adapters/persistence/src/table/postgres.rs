//! Many rows on PostgreSQL: each column is one array, so one text does for any number of rows.

use application::ports::StorageError;
use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, ModelTrait, Statement,
};
use uuid::Uuid;

use super::keys::array;
use super::room::Room;
use super::{Change, Table, quoted, run};

/// What PostgreSQL's protocol says of each array before its first element.
const ARRAY_HEAD: usize = 24;

/// The statements of one commit, written as one: it takes one way to the database and back.
#[derive(Default)]
pub(crate) struct Together {
    /// `w0 AS (INSERT ...)`
    parts: Vec<String>,
    /// `expect_rows('accounts', 2, (SELECT count(*) FROM w1))`
    checks: Vec<String>,
    values: Vec<Value>,
}

impl Together {
    pub(super) fn insert<E>(&mut self, into: &str, columns: &[E::Column], rows: &[E::Model])
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E>,
    {
        let sql = insertion::<E>(into, columns, rows, &mut self.values);
        self.part(&sql);
    }

    /// A row that is not as it was loaded fails the statement.
    pub(super) fn update<E: Table>(
        &mut self,
        change: &Change,
        columns: &[E::Column],
        rows: &[(E::Model, i64)],
    ) where
        E::Model: ModelTrait<Entity = E>,
    {
        let sql = changing::<E>(change, columns, rows, &mut self.values);
        let part = self.part(&format!("{sql} RETURNING 1"));
        self.values
            .push(Value::from(i64::try_from(rows.len()).unwrap_or(i64::MAX)));
        self.checks.push(format!(
            "expect_rows('{}', ${}, (SELECT count(*) FROM {part}))",
            E::NAME,
            self.values.len()
        ));
    }

    fn part(&mut self, sql: &str) -> String {
        let name = format!("w{}", self.parts.len());
        self.parts.push(format!("{name} AS ({sql})"));
        name
    }

    pub(super) async fn run(self, connection: &impl ConnectionTrait) -> Result<(), DbErr> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let checks = if self.checks.is_empty() {
            "1".to_owned()
        } else {
            self.checks.join(", ")
        };
        let sql = format!("WITH {} SELECT {checks}", self.parts.join(", "));
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, self.values);
        connection.execute_raw(statement).await.map(|_| ())
    }
}

/// Inserts in portions, each a statement.
pub(super) async fn insert<E>(
    connection: &impl ConnectionTrait,
    room: Room,
    into: &str,
    columns: &[E::Column],
    rows: &[E::Model],
) -> Result<u64, StorageError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let size = |row: &E::Model| size_of::<E>(columns, row);
    let mut written = 0;
    for portion in room.portions(rows, size, head_of(columns)) {
        let mut values = Vec::new();
        let sql = insertion::<E>(into, columns, portion, &mut values);
        written += run(connection, sql, values).await?;
    }
    Ok(written)
}

/// Changes in portions, each a statement.
pub(super) async fn update<E>(
    connection: &impl ConnectionTrait,
    room: Room,
    change: &Change,
    columns: &[E::Column],
    rows: &[(E::Model, i64)],
) -> Result<u64, StorageError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let size = |(row, loaded): &(E::Model, i64)| {
        size_of::<E>(columns, row) + size_of_value(&Value::from(*loaded))
    };
    let mut written = 0;
    for portion in room.portions(rows, size, head_of(columns) + ARRAY_HEAD) {
        let mut values = Vec::new();
        let sql = changing::<E>(change, columns, portion, &mut values);
        written += run(connection, sql, values).await?;
    }
    Ok(written)
}

/// The SQL that inserts these rows, its values added to those that are sent already.
fn insertion<E>(
    into: &str,
    columns: &[E::Column],
    rows: &[E::Model],
    values: &mut Vec<Value>,
) -> String
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let mut sent = Sent::to(values);
    for column in columns {
        let values = rows.iter().map(|row| row.get(*column)).collect();
        sent.column::<E>(*column, values);
    }
    format!("{into} SELECT {} FROM {}", sent.picked(), sent.relation())
}

/// The SQL that changes these rows, where they are still as they were loaded.
fn changing<E>(
    change: &Change,
    columns: &[E::Column],
    rows: &[(E::Model, i64)],
    values: &mut Vec<Value>,
) -> String
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let Change {
        table,
        set,
        matches,
    } = change;
    let mut sent = Sent::to(values);
    for column in columns {
        let values = rows.iter().map(|(row, _)| row.get(*column)).collect();
        sent.column::<E>(*column, values);
    }
    let loaded = rows.iter().map(|(_, loaded)| Value::from(*loaded));
    sent.plain("loaded_version", ArrayType::BigInt, loaded.collect());
    format!(
        "UPDATE {table} SET {set} FROM (SELECT {} FROM {}) AS changed WHERE {matches}",
        sent.picked(),
        sent.relation()
    )
}

/// Arrays as a relation that can be selected from.
struct Sent<'v> {
    /// `$1::uuid[]`
    arrays: Vec<String>,
    /// The column that each array is.
    names: Vec<String>,
    /// What to select for each column of the table.
    picked: Vec<String>,
    /// All that the statement sends.
    values: &'v mut Vec<Value>,
}

impl<'v> Sent<'v> {
    const fn to(values: &'v mut Vec<Value>) -> Self {
        Self {
            arrays: Vec::new(),
            names: Vec::new(),
            picked: Vec::new(),
            values,
        }
    }

    /// A column of the table. An array of ours has no NULLs: a column that may be NULL brings a second array, which says
    /// where a value is.
    fn column<E>(&mut self, column: E::Column, values: Vec<Value>)
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E>,
    {
        let of = E::Model::get_value_type(column);
        if !column.def().is_null() {
            return self.plain(column.as_str(), of, values);
        }
        let there: Vec<bool> = values
            .iter()
            .map(|value| *value != value.as_null())
            .collect();
        let (_, filler) = in_sql(&of);
        let filled = values
            .into_iter()
            .zip(&there)
            .map(|(value, there)| if *there { value } else { filler.clone() })
            .collect();
        let there = there.into_iter().map(Value::from).collect();
        let name = self.push(column.as_str(), of, filled);
        let flag = self.push(&format!("has_{}", column.as_str()), ArrayType::Bool, there);
        self.picked
            .push(format!("CASE WHEN {flag} THEN {name} END AS {name}"));
    }

    /// A column without NULLs.
    fn plain(&mut self, name: &str, of: ArrayType, values: Vec<Value>) {
        let name = self.push(name, of, values);
        self.picked.push(name);
    }

    fn push(&mut self, name: &str, of: ArrayType, values: Vec<Value>) -> String {
        let (sql_type, _) = in_sql(&of);
        let name = quoted(name);
        self.values.push(array(of, values));
        self.arrays
            .push(format!("${}::{sql_type}[]", self.values.len()));
        self.names.push(name.clone());
        name
    }

    fn picked(&self) -> String {
        self.picked.join(", ")
    }

    fn relation(&self) -> String {
        format!(
            "UNNEST({}) AS sent ({})",
            self.arrays.join(", "),
            self.names.join(", ")
        )
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
        _ => 8,
    }
}
