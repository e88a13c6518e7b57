//! How much one statement may carry.

/// How much one statement may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementLimit {
    /// PostgreSQL: everything, in arrays.
    Unlimited,
    /// PostgreSQL over TLS: what fits one TLS record. The driver (sqlx 0.9.0) writes records one by one and does not set
    /// TCP_NODELAY: a second one may have to wait 40 ms for the other side to acknowledge the first.
    TlsRecord,
    /// SQLite: what it can bind, each value a parameter.
    Bound,
}

/// A TLS record's 16 KiB, less a little for the protocol around the rows.
const RECORD: usize = 15 * 1_024;

impl StatementLimit {
    /// Keys in portions for one statement each. A key is two values of no more than 16 bytes.
    pub(crate) fn keys<T>(self, keys: &[T]) -> std::slice::Chunks<'_, T> {
        keys.chunks(match self {
            Self::Unlimited => keys.len().max(1),
            Self::TlsRecord => 384,
            Self::Bound => 8_192,
        })
    }

    /// Keys with texts in them, in portions for one statement each. A key is a few hundred bytes at most.
    pub(crate) fn texts<T>(self, keys: &[T]) -> std::slice::Chunks<'_, T> {
        keys.chunks(match self {
            Self::Unlimited => keys.len().max(1),
            Self::TlsRecord => 32,
            Self::Bound => 8_192,
        })
    }

    /// Rows in portions for one array statement each: `size` is what a row takes, `head` what the arrays take without
    /// any.
    pub(super) fn portions<T>(
        self,
        rows: &[T],
        size: impl Fn(&T) -> usize,
        head: usize,
    ) -> Vec<&[T]> {
        if self != Self::TlsRecord {
            return vec![rows];
        }
        let limit = RECORD.saturating_sub(head);
        let (mut portions, mut first, mut taken) = (Vec::new(), 0, 0);
        for (index, row) in rows.iter().enumerate() {
            let size = size(row);
            if index > first && taken + size > limit {
                portions.push(&rows[first..index]);
                (first, taken) = (index, 0);
            }
            taken += size;
        }
        portions.push(&rows[first..]);
        portions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_fit_a_record_and_lose_nothing() {
        let rows: Vec<usize> = (0..2_000).map(|row| row * 7 % 1_000).collect();
        let portions = StatementLimit::TlsRecord.portions(&rows, |row| *row, 500);
        assert_eq!(portions.concat(), rows);
        for portion in &portions {
            assert!(portion.iter().sum::<usize>() <= RECORD - 500);
        }
        // A row that fits no record travels alone.
        let rows = [10, 99_999, 99_999, 10, 10];
        let portions = StatementLimit::TlsRecord.portions(&rows, |row| *row, 500);
        assert_eq!(portions, [&rows[..1], &rows[1..2], &rows[2..3], &rows[3..]]);
        assert_eq!(
            StatementLimit::Unlimited.portions(&rows, |row| *row, 500),
            [&rows]
        );
    }
}
