//! Lists, page by page.

use serde::Serialize;
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// At most `limit` of them.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; `null` on the last one. Opaque.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Renders rows; `more` follow them, after the row that `cursor` names.
    pub fn of<R>(
        rows: Vec<R>,
        more: bool,
        cursor: impl Fn(&R) -> String,
        item: impl FnMut(R) -> T,
    ) -> Self {
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        Self {
            items: rows.into_iter().map(item).collect(),
            next_cursor,
        }
    }
}

/// How many rows a list shows by default.
pub const DEFAULT_LIMIT: u32 = 20;
