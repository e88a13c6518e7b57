//! `GET /api/events`.

use p2p_application::limits::Class;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::feed::{Feed, Item};
use super::{ResumeQuery, TAG};
use crate::app::App;
use crate::extract::{BearerAuth, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// The largest number that every client can read exactly.
const LARGEST: u64 = 9_007_199_254_740_991;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Asks proxies not to collect the stream before they pass it on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A stream without news says so often that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a client that lost the stream is to wait before it comes again.
const COME_AGAIN: Duration = Duration::from_secs(3);

/// One event of the stream, as clients of server-sent events take it apart.
struct StreamedEvent;

impl PartialSchema for StreamedEvent {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        ObjectBuilder::new()
            .description(Some("An event of the stream."))
            .property(
                "id",
                text()
                    .description(Some("The notification's number."))
                    .pattern(Some("^[0-9]+$")),
            )
            .property("event", wire::Event::schema())
            .property(
                "data",
                text()
                    .description(Some("The notification."))
                    .content_media_type("application/json")
                    .content_schema(Some(Ref::from_schema_name("NotificationView"))),
            )
            .required("id")
            .required("event")
            .required("data")
            .into()
    }
}

impl ToSchema for StreamedEvent {}

/// Follow the own notifications (server-sent events).
///
/// For any authenticated user. Each notification is one event: `id` is its number, `event` what has happened, `data` the
/// notification as in the list. A client that comes again with the header `Last-Event-ID` (or the parameter `last_event_id`,
/// where headers can't be set) goes on exactly behind that event. The first thing in the stream is an `id` without data, so
/// that this holds for clients that have received nothing yet. Comments every 15 seconds keep the connection alive.
///
/// The stream ends when the access token expires or its session ends, when the server stops, and when a client does not read for half a minute.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED).class(Class::Stream)))),
    params(
        ResumeQuery,
        (
            "Last-Event-ID" = Option<u64>,
            Header,
            description = "The `id` of the last event that was received.",
            maximum = 9_007_199_254_740_991_u64,
            example = 7
        ),
    ),
    responses(
        (
            status = 200,
            description = "The stream.",
            body = StreamedEvent,
            content_type = "text/event-stream",
            example = "retry: 3000\nid: 7\n\nid: 8\nevent: ExchangeOfferApproved\ndata: {\"number\": 8, \"title\": \"Offer accepted\"}\n\n"
        ),
        (
            status = 400,
            description = "`INVALID_LAST_EVENT_ID`: the header is not a number. `INVALID_QUERY`: `errors` names every bad \
                parameter."
        ),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
        (status = 429, description = "`TOO_MANY_STREAMS`: you have ten streams open (a setting)."),
        (
            status = 503,
            description = "`NO_STREAM_LEFT`: this server carries as many streams as it may. `UNAVAILABLE`: storage is away. \
                `OUTCOME_UNKNOWN`: the connection to storage was lost."
        ),
    )
)]
pub(crate) async fn stream_events(
    State(app): State<App>,
    BearerAuth(bearer): BearerAuth,
    Query(query): Query<ResumeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // What the browser adds when it comes again is newer than what is in the address.
    let last = from_header(&headers)?.or(query.last_event_id);
    let limits = app.settings().streams;
    let place = app.state().streams.acquire(bearer.caller.user, limits)?;
    let feed = Feed::open(&app, Arc::new(place), bearer, last).await?;
    let hello = Event::default()
        .retry(COME_AGAIN)
        .id(feed.begins_after().to_string());
    let events = futures::stream::iter([hello])
        .chain(feed.into_stream().map(event))
        .map(Ok::<_, Infallible>);
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let no_buffer = [(X_ACCEL_BUFFERING, HeaderValue::from_static("no"))];
    Ok((no_buffer, sse).into_response())
}

fn event(item: Item) -> Event {
    Event::default()
        .id(item.number.to_string())
        .event(item.event)
        .data(item.json)
}

/// The header as browsers send it; empty before the first event.
fn from_header(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok("") => Ok(None),
        Ok(text) => text
            .parse()
            .ok()
            .filter(|number| *number <= LARGEST)
            .map(Some)
            .ok_or_else(Problem::invalid_last_event_id),
        Err(_) => Err(Problem::invalid_last_event_id()),
    }
}
