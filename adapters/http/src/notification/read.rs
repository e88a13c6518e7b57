//! `POST /api/notifications/{notification_id}/read` and `POST /api/notifications/read`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::notification::{ReadNotification, ReadNotifications, reader_of};
use p2p_domain::NotificationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::NotificationView;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, NoBody, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// Mark one notification as read.
///
/// For its recipient. A notification that is read stays read: a second time changes nothing.
#[utoipa::path(
    post,
    path = "/api/notifications/{notification_id}/read",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::OWNER)))),
    params(("notification_id" = inline(wire::NotificationId), Path)),
    responses(
        (status = 200, description = "The notification as it is now.", body = NotificationView),
        (
            status = 404,
            description = "`NOTIFICATION_NOT_FOUND`: there is no such notification, or it belongs to another user. \
                `USER_NOT_FOUND`: the token is good, but the account is gone."
        ),
    )
)]
pub(crate) async fn read_notification(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(notification): PathId<NotificationId>,
    Idempotent(NoBody, once): Idempotent<NoBody>,
) -> Result<Response, Problem> {
    let command = ReadNotification {
        caller,
        notification,
    };
    // Whose language it is does not change with it.
    let reader = reader_of(app.market(), caller.user).await?;
    once.carry_out(&app, caller, command, move |notification| {
        ok(&NotificationView::of(&notification, &reader))
    })
    .await
}

/// Up to which notification the mailbox is read.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"up_to": 7}))]
pub(crate) struct ReadNotificationsRequest {
    /// The number of the newest one that was read.
    up_to: u64,
}

/// How far a mailbox is read.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"read_to": 7, "last": 9}))]
pub(crate) struct ReadNotificationsAnswer {
    /// Everything up to this number is read.
    read_to: u64,
    /// The number of the newest notification.
    last: u64,
}

/// Mark all notifications up to a number as read.
///
/// For any authenticated user: their own notifications. What is read stays read: a smaller number changes nothing.
#[utoipa::path(
    post,
    path = "/api/notifications/read",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::AUTHENTICATED)))),
    request_body = ReadNotificationsRequest,
    responses(
        (status = 200, description = "How far the mailbox is read now.", body = ReadNotificationsAnswer),
        (status = 404, description = "`NOTIFICATION_NOT_FOUND`: there are not so many."),
    )
)]
pub(crate) async fn read_notifications(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<ReadNotificationsRequest>>,
) -> Result<Response, Problem> {
    let up_to = body.up_to;
    once.carry_out(
        &app,
        caller,
        ReadNotifications { caller, up_to },
        |mailbox| {
            ok(&ReadNotificationsAnswer {
                read_to: mailbox.read_to,
                last: mailbox.last,
            })
        },
    )
    .await
}
