//! Many rows on SQLite: each value is a parameter, so rows come in chunks, each of a power of two: few texts.

use p2p_application::ports::StorageError;
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, EntityTrait, Iterable, ModelTrait};

use super::{Change, Table, changing_columns, insert_into, listed, placeholders, run};

/// Parameters that SQLite takes in one statement.
const PARAMETERS: usize = 32_766;

/// Rows in one statement at most; beyond, nothing is gained.
const ROWS: usize = 256;

pub(super) async fn insert<E>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
) -> Result<u64, StorageError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let into = insert_into::<E>();
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let mut written = 0;
    for chunk in chunks(rows, columns.len()) {
        let sql = format!("{into} VALUES {}", placeholders(columns.len(), chunk.len()));
        let values = chunk
            .iter()
            .flat_map(|row| columns.iter().map(|column| row.get(*column)))
            .collect();
        written += run(connection, sql, values).await?;
    }
    Ok(written)
}

pub(super) async fn update<E: Table>(
    connection: &impl ConnectionTrait,
    rows: &[(E::Model, i64)],
) -> Result<u64, StorageError>
where
    E::Model: ModelTrait<Entity = E>,
{
    let Change {
        table,
        set,
        matches,
    } = Change::of::<E>();
    let columns = changing_columns::<E>();
    let (names, width) = (listed(&columns), columns.len() + 1);
    let mut written = 0;
    for chunk in chunks(rows, width) {
        let sql = format!(
            "WITH changed ({names}, loaded_version) AS (VALUES {}) \
             UPDATE {table} SET {set} FROM changed WHERE {matches}",
            placeholders(width, chunk.len())
        );
        let mut values = Vec::with_capacity(width * chunk.len());
        for (row, loaded) in chunk {
            values.extend(columns.iter().map(|column| row.get(*column)));
            values.push(Value::from(*loaded));
        }
        written += run(connection, sql, values).await?;
    }
    Ok(written)
}

/// Rows in chunks of a power of two that can be bound.
fn chunks<T>(rows: &[T], columns: usize) -> impl Iterator<Item = &[T]> {
    let bound = (PARAMETERS / columns.max(1)).clamp(1, ROWS);
    let largest = 1 << bound.ilog2();
    let mut rest = rows;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = largest.min(1 << rest.len().ilog2());
        let (chunk, left) = rest.split_at(size);
        rest = left;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_that_fit() {
        let rows: Vec<usize> = (0..1_000).collect();
        for columns in [1, 7, 20, 200, 40_000] {
            let chunks: Vec<&[usize]> = chunks(&rows, columns).collect();
            assert_eq!(chunks.concat(), rows);
            for chunk in chunks {
                assert!(chunk.len().is_power_of_two());
                assert!(chunk.len() == 1 || chunk.len() * columns <= PARAMETERS);
            }
        }
    }
}
