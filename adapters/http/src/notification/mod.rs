//! Mailboxes: what people were told, and what of it they have read. As it comes: see [`push`](crate::push).

mod list;
mod read;
pub(crate) mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Notifications";

/// The routes of mailboxes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list::list_notifications))
        .routes(routes!(list::list_notifications_of))
        .routes(routes!(read::read_notifications))
        .routes(routes!(read::read_notification))
}
