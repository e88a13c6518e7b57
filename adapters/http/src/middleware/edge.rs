//! All that happens around every request, in one layer: it is cheaper than six, and the order is plain to see.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::{Instrument, field};

use super::body::in_time;
use super::request_id::{self, RequestId, X_REQUEST_ID};
use crate::app::App;
use crate::client::{ClientAddress, Peer};
use crate::extract::MAX_BODY;
use crate::limits::Meter;
use crate::problem::Problem;

/// More are added to an answer on its way out only where it is a page.
const MOST_HEADERS: usize = 9;

/// Carries a request through: id, address, span, limits, size, time limit, panics, problems, headers, log.
pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id::of(request.headers(), app.ids());
    request.extensions_mut().insert(RequestId(id.clone()));
    let client = client_of(&app, &request);
    request.extensions_mut().insert(client);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "request",
        request_id = request_id::text(&id),
        method = method.as_str(),
        route = name_of(route.as_ref()),
        user = field::Empty,
    );
    async move {
        let (mut response, meter) = metered(&app, client, request, next).await;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allow = response.headers().get(header::ALLOW).cloned();
            response = Problem::method_not_allowed(allow).into_response();
        }
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            log_cause(&problem, &id, &method, route.as_ref());
            let proof_lasts = app.policy().access.proof_lasts;
            response = problem.render(request_id::text(&id), proof_lasts);
        }
        let headers = response.headers_mut();
        headers.reserve(MOST_HEADERS);
        if let Some(meter) = meter {
            meter.write(headers);
        }
        app.shield().cover(headers, route.as_ref());
        headers.insert(X_REQUEST_ID, id);
        tracing::info!(
            status = response.status().as_u16(),
            elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }
    .instrument(span)
    .await
}

/// The handler's answer to those who do not ask too often, and what the request counts towards.
async fn metered(
    app: &App,
    client: ClientAddress,
    mut request: Request,
    next: Next,
) -> (Response, Option<Meter>) {
    let limits = &app.live().limits;
    let route = request.extensions().get::<MatchedPath>();
    let class = if limits.are_off() {
        None
    } else {
        app.classes().find(route, request.method())
    };
    let Some(class) = class else {
        return (answer(app, request, next).await, None);
    };
    let (meter, arrived) = Meter::arrival(limits, class, client).await;
    let response = match arrived {
        Ok(()) => {
            request.extensions_mut().insert(meter.clone());
            answer(app, request, next).await
        }
        Err(problem) => problem.into_response(),
    };
    (response, Some(meter))
}

/// The address that the request comes from.
fn client_of(app: &App, request: &Request) -> ClientAddress {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    ClientAddress::of(peer, request.headers(), &app.settings().trusted_proxies)
}

/// The handler's answer, if it comes in time and without a panic.
async fn answer(app: &App, request: Request, next: Next) -> Response {
    let size = request.body().size_hint();
    if size.lower() > u64::try_from(MAX_BODY).unwrap_or(u64::MAX) {
        return Problem::too_large().into_response();
    }
    let settings = app.settings();
    let request = request.map(|body| in_time(body, settings.body_timeout));
    let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(settings.request_timeout, handler).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => Problem::internal(words_of(panic.as_ref())).into_response(),
        Err(_) => Problem::timed_out().into_response(),
    }
}

/// The route as it is written in the documentation; raw paths can carry anything.
fn name_of(route: Option<&MatchedPath>) -> &str {
    route.map_or("(none)", MatchedPath::as_str)
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("a handler panicked: {words}")
}

/// What went wrong inside is told to the log, once, and to nobody else.
fn log_cause(problem: &Problem, id: &HeaderValue, method: &Method, route: Option<&MatchedPath>) {
    if let Some(cause) = problem.cause() {
        tracing::error!(
            request_id = request_id::text(id),
            method = method.as_str(),
            route = name_of(route),
            code = problem.code(),
            cause,
            "a request failed"
        );
    }
}

/// Covers an answer that is given before the edge: that to a browser's question whether another origin may call.
pub(crate) async fn covered(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if !response.headers().contains_key(X_REQUEST_ID) {
        app.shield().cover(response.headers_mut(), None);
    }
    response
}
