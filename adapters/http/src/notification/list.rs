//! `GET /api/notifications` and `GET /api/notifications/{user_id}`.

use axum::Json;
use axum::extract::State;
use p2p_application::notification::NotificationList;
use p2p_domain::Role;
use p2p_domain::UserId;
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use super::view::NotificationPage;
use crate::app::App;
use crate::extract::{Auth, PathId, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::DEFAULT_LIMIT;

/// Which notifications to list.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListNotificationsQuery {
    /// Only unread ones.
    unread: Option<bool>,
    /// Only those with smaller numbers: the `next_cursor` of the page before.
    #[serde(alias = "cursor")]
    #[validate(range(min = 1, max = 9_007_199_254_740_991_u64))]
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_u64)]
    before: Option<u64>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

impl From<ListNotificationsQuery> for NotificationList {
    fn from(query: ListNotificationsQuery) -> Self {
        Self {
            unread_only: query.unread.unwrap_or(false),
            before: query.before,
            limit: query.limit.unwrap_or(DEFAULT_LIMIT),
        }
    }
}

/// Read the own notifications.
///
/// For any authenticated user: newest first, in the language of the account.
#[utoipa::path(
    get,
    path = "/api/notifications",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListNotificationsQuery),
    responses(
        (status = 200, description = "A page of notifications.", body = NotificationPage),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
    )
)]
pub(crate) async fn list_notifications(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListNotificationsQuery>,
) -> Result<Json<NotificationPage>, Problem> {
    let list = query.into();
    let found =
        p2p_application::notification::list_notifications(app.market(), caller, caller.user, list)
            .await?;
    Ok(Json(found.into()))
}

/// List the notifications of a user.
///
/// For ADMIN, and for the recipient. In the recipient's language. Reading them here
/// does not mark them as read.
#[utoipa::path(
    get,
    path = "/api/notifications/{user_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Admin))))),
    params(("user_id" = inline(wire::UserId), Path), ListNotificationsQuery),
    responses(
        (status = 200, description = "A page of notifications.", body = NotificationPage),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, to read another user's."),
        (status = 404, description = "`USER_NOT_FOUND`"),
    )
)]
pub(crate) async fn list_notifications_of(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(user): PathId<UserId>,
    Query(query): Query<ListNotificationsQuery>,
) -> Result<Json<NotificationPage>, Problem> {
    let list = query.into();
    let found =
        p2p_application::notification::list_notifications(app.market(), caller, user, list).await?;
    Ok(Json(found.into()))
}
