//! `GET /api/ws`: the way into a WebSocket.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use p2p_application::limits::Class;

use super::origin;
use super::session::{self, Greeting};
use super::{ResumeQuery, TAG};
use crate::app::App;
use crate::extract::Query;
use crate::limits::count_caller;
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::streams::{Full, StreamPermit};

/// What is spoken in the socket.
const PROTOCOL: &str = "p2p.v1";

/// A subprotocol that is none: it carries the access token, where browsers can set no header.
const BEARER: &str = "bearer.";

/// The socket itself gives up on a longer message; see [`session::MAX_MESSAGE`] for those that are told off.
const HARD_LIMIT: usize = 64 * 1024;

/// Follow the own notifications (WebSocket).
///
/// For any holder of an access token, which never stands in the address: either the client offers the subprotocols `p2p.v1`
/// and `bearer.<access token>`, of which the server picks the first, or its first message, within ten seconds, is
/// `{"token": "…", "last_event_id": 7}`. Every frame from the server is text, `{"id": 8, "event": "…", "data": {…}}`, with the
/// same content as the server-sent events of `/api/events`; the first one is `{"id": 7, "event": "connected", "data": {}}` and
/// names the notification behind which the stream begins. Apart from its first message the client has nothing to say.
///
/// The server pings every 20 seconds, and drops who does not answer for a minute or does not read for half a minute. It closes
/// with 4401 (the reason is one of the codes of a 401) for a token that is not good or has expired, or whose session has ended,
/// 4408 where the first message came too late, 4429 where you have too many streams open or open them too often, 1008 for a
/// message that is none of ours, 1009 for one of more than 4 KiB, 1001 when the server stops, 1013 while storage is away.
///
/// Web pages may open it from this server's own origin and from those that the operator allows.
#[utoipa::path(
    get,
    path = "/api/ws",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::PUBLIC).class(Class::Stream)))),
    params(
        ResumeQuery,
        (
            "Sec-WebSocket-Protocol" = Option<String>,
            Header,
            description = "`p2p.v1, bearer.<access token>`, or nothing.",
            example = "p2p.v1"
        ),
    ),
    responses(
        (status = 101, description = "The socket is open."),
        (status = 403, description = "`ORIGIN_NOT_ALLOWED`: the page that asks comes from elsewhere."),
        (status = 426, description = "`UPGRADE_REQUIRED`: this is no WebSocket's handshake."),
        (status = 503, description = "`NO_STREAM_LEFT`: this server carries as many streams as it may."),
    )
)]
pub(crate) async fn open_web_socket(
    State(app): State<App>,
    parts: Parts,
    Query(query): Query<ResumeQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !origin::is_allowed(&parts.headers, &app.settings().cors) {
        return Err(Problem::origin_not_allowed());
    }
    let upgrade = upgrade.map_err(|_| Problem::upgrade_required())?;
    let greeting = upgrade
        .requested_protocols()
        .find_map(token)
        .map(|token| Greeting {
            token,
            last_event_id: None,
        });
    let place = permit(&app, &parts, greeting.as_ref()).await?;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(HARD_LIMIT)
        .max_frame_size(HARD_LIMIT)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a WebSocket was not opened"));
    Ok(upgrade.on_upgrade(move |socket| {
        session::serve(app, place, socket, greeting, query.last_event_id)
    }))
}

/// A permit of the user, if a valid token came along; else an anonymous one, counted by address. A user with too many open streams
/// is let in as anonymous as well, to be told so over the socket.
async fn permit(
    app: &App,
    parts: &Parts,
    greeting: Option<&Greeting>,
) -> Result<StreamPermit, Problem> {
    let (streams, limits) = (&app.state().streams, app.settings().streams);
    let bearer = greeting.and_then(|greeting| app.market().admit(&greeting.token).ok());
    let user = bearer.map(|bearer| bearer.caller.user);
    match user.map(|user| streams.acquire(user, limits)) {
        Some(Ok(place)) => return Ok(place),
        Some(Err(Full::Server)) => return Err(Full::Server.into()),
        Some(Err(Full::User)) | None => {}
    }
    count_caller(parts, &app.state().limits, user).await?;
    Ok(streams.acquire_anonymous(limits.most)?)
}

/// The token that an offered subprotocol carries.
fn token(offered: &HeaderValue) -> Option<String> {
    let text = offered.to_str().ok()?.trim();
    text.strip_prefix(BEARER).map(str::to_owned)
}
