//! `GET /api/wallet/entries`.

use axum::Json;
use axum::extract::State;
use p2p_application::wallet::{StatementCursor, StatementEntry};
use p2p_application::wallet::{StatementList, statement};
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use super::view::EntryView;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// Which part of the statement to show.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListEntriesQuery {
    /// Only this asset.
    #[param(inline, example = "USDT")]
    asset: Option<wire::Asset>,
    /// The `next_cursor` of the page before.
    #[serde(alias = "after")]
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// List the entries of the caller's wallet.
///
/// For any authenticated user: every movement of the caller's balances, newest first. The sum of the amounts of one asset
/// and bucket is its balance.
#[utoipa::path(
    get,
    path = "/api/wallet/entries",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListEntriesQuery),
    responses((status = 200, description = "A page of the statement.", body = Page<EntryView>))
)]
pub(crate) async fn list_wallet_entries(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListEntriesQuery>,
) -> Result<Json<Page<EntryView>>, Problem> {
    let list = StatementList {
        asset: query.asset.map(|asset| asset.0),
        after: cursor::read_statement(query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = statement(app.market(), caller, list).await?;
    let cursor = |entry: &StatementEntry| {
        cursor::write_statement(StatementCursor {
            transfer: entry.transfer,
            bucket: entry.bucket,
        })
    };
    Ok(Json(Page::of(page.items, page.more, cursor, Into::into)))
}
