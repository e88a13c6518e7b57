//! Lists of keys, with few SQL texts however many keys there are.

use std::fmt::Display;

use sea_orm::sea_query::postgres_array::NotU8;
use sea_orm::sea_query::{ArrayType, Expr, Value};
use sea_orm::{ColumnTrait, DbBackend};
use uuid::Uuid;

/// `column` is one of these ids.
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
    V: Into<Value> + Clone + NotU8,
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

/// An array of 64-bit numbers as one parameter of a PostgreSQL statement.
pub(crate) fn number_array(numbers: impl IntoIterator<Item = i64>) -> Value {
    let numbers = numbers.into_iter().map(Value::from);
    array(ArrayType::BigInt, numbers.collect())
}

/// The arrays that a PostgreSQL statement is sent first, in step, as a relation: the name and the type of each of its columns.
pub(crate) fn unnest_in_step(columns: &[(&str, &str)]) -> String {
    in_step_from(1, columns)
}

/// The same of arrays that come later. In a FROM clause, PostgreSQL would first copy each array to a store of its own, which
/// takes longer than to read them.
pub(super) fn in_step_from<N: Display>(first: usize, columns: &[(N, &str)]) -> String {
    let columns = columns.iter().zip(first..);
    let columns =
        columns.map(|((name, of), number)| format!("unnest(${number}::{of}[]) AS {name}"));
    format!("(SELECT {})", columns.collect::<Vec<_>>().join(", "))
}

pub(super) fn array(of: ArrayType, values: Vec<Value>) -> Value {
    Value::Array(of, Some(Box::new(values)))
}

/// `(?, ?), (?, ?)`.
pub(crate) fn placeholders(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_repeats_the_last() {
        assert_eq!(padded(vec![1, 2, 3]), vec![1, 2, 3, 3]);
        assert_eq!(padded(vec![1]), vec![1]);
        assert_eq!(padded(Vec::<u8>::new()), Vec::<u8>::new());
    }
}
