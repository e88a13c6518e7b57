//! Notifications as they come, over server-sent events and over a WebSocket: one [`feed`], two dresses.

mod feed;
mod origin;
mod session;
mod sse;
mod ws;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use validator::Validate;

use crate::app::App;

pub(crate) const TAG: &str = "Push";

/// The routes of streams.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(sse::stream_events))
        .routes(routes!(ws::open_web_socket))
}

/// Where a stream goes on.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResumeQuery {
    /// The number of the last notification that was received: the stream goes on behind it. If left out, it begins with what
    /// comes from now on.
    #[validate(range(max = 9_007_199_254_740_991_u64))]
    #[param(maximum = 9_007_199_254_740_991_u64, example = 7)]
    last_event_id: Option<u64>,
}
