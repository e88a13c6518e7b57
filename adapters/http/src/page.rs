//! Lists, page by page.

use serde::Serialize;
use utoipa::ToSchema;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// At most `limit` of them.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` for the next page; `null` on the last one. Opaque.
    #[schema(required = true)]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Renders a page of the application; `cursor` names the last row.
    pub(crate) fn of<R>(
        page: p2p_application::Page<R>,
        cursor: impl Fn(&R) -> String,
        item: impl FnMut(R) -> T,
    ) -> Self {
        let next_cursor = page.items.last().filter(|_| page.more).map(cursor);
        Self {
            items: page.items.into_iter().map(item).collect(),
            next_cursor,
        }
    }
}

/// How many rows a list shows if nothing is said.
pub(crate) const DEFAULT_LIMIT: u32 = 20;
