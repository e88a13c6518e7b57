//! `GET /api/p2p/disputes`.

use axum::Json;
use axum::extract::State;
use p2p_application::dispute::DisputeList;
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use super::view::DisputeView;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// Which disputes to list.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListDisputesQuery {
    /// Only those that wait for a moderator, or only those that are decided.
    #[param(inline, example = "OPEN")]
    status: Option<wire::DisputeStageName>,
    /// The `next_cursor` of the page before.
    #[serde(alias = "after")]
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// List disputes.
///
/// MODERATOR sees all disputes, other users those of their own deals. Oldest first, so that `status=OPEN` is the
/// moderators' queue.
#[utoipa::path(
    get,
    path = "/api/p2p/disputes",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListDisputesQuery),
    responses((status = 200, description = "A page of disputes.", body = Page<DisputeView>))
)]
pub(crate) async fn list_disputes(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListDisputesQuery>,
) -> Result<Json<Page<DisputeView>>, Problem> {
    let list = DisputeList {
        open: query
            .status
            .map(|stage| stage.0 == wire::DisputeStage::Open),
        after: cursor::read_id(query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = p2p_application::dispute::list_disputes(app.market(), caller, list).await?;
    let cursor = |dispute: &p2p_domain::Dispute| dispute.id.to_string();
    Ok(Json(Page::of(page.items, page.more, cursor, Into::into)))
}
