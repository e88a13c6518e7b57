//! Everything around a request in one layer: cheaper than six, and the order is plain to see.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::{Instrument, field};

use p2p_edge::failure::panic_message;
use p2p_edge::request_id::X_REQUEST_ID;
use p2p_edge::{ClientAddress, MAX_BODY, Peer, ProblemDetails, RequestId};

use crate::app::App;
use crate::limits::RateLimitState;

/// The headers that are added to an answer on its way out; to a page a few more.
const ADDED_HEADERS: usize = 9;

/// Carries a request through: id, address, span, limits, size, time limit, panics, problems, headers, log.
pub(crate) async fn outer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::of(request.headers(), || app.market().ids().next());
    request.extensions_mut().insert(id.clone());
    let client = client_of(&app, &request);
    request.extensions_mut().insert(client);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "request",
        request_id = id.text(),
        method = method.as_str(),
        route = name_of(route.as_ref()),
        user = field::Empty,
    );
    async move {
        let (mut response, meter) = rate_limited(&app, client, request, next).await;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allow = response.headers().get(header::ALLOW).cloned();
            response = ProblemDetails::method_not_allowed(allow).into_response();
        }
        if let Some(problem) = response.extensions_mut().remove::<ProblemDetails>() {
            log_cause(&problem, &id, &method, route.as_ref());
            let proof_lasts = app.market().policy().access.proof_lasts;
            response = problem.render(id.text(), proof_lasts);
        }
        let headers = response.headers_mut();
        headers.reserve(ADDED_HEADERS);
        if let Some(meter) = meter {
            meter.write(headers);
        }
        app.security_headers()
            .write(headers, is_page(route.as_ref()));
        headers.insert(X_REQUEST_ID, id.into_header());
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

/// The handler's answer within the rate limits, and what the request counts towards.
async fn rate_limited(
    app: &App,
    client: ClientAddress,
    mut request: Request,
    next: Next,
) -> (Response, Option<RateLimitState>) {
    let limits = &app.state().limits;
    let route = request.extensions().get::<MatchedPath>();
    let class = if limits.are_off() {
        None
    } else {
        app.policies().class(route, request.method())
    };
    let Some(class) = class else {
        return (answer(app, request, next).await, None);
    };
    let (meter, arrived) = RateLimitState::arrival(limits, class, client).await;
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
        return ProblemDetails::too_large().into_response();
    }
    let settings = app.settings();
    let request = request.map(|body| p2p_edge::with_timeout(body, settings.body_timeout));
    let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(settings.request_timeout, handler).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ProblemDetails::internal(panic_message(panic.as_ref())).into_response(),
        Err(_) => ProblemDetails::timed_out().into_response(),
    }
}

/// The route as the documentation spells it; raw paths can carry anything.
fn name_of(route: Option<&MatchedPath>) -> &str {
    route.map_or("(none)", MatchedPath::as_str)
}

/// Whether the route serves a page of the documentation.
fn is_page(route: Option<&MatchedPath>) -> bool {
    route.is_some_and(|route| route.as_str().starts_with("/swagger-ui"))
}

/// Logs what went wrong inside, which no client sees.
fn log_cause(
    problem: &ProblemDetails,
    id: &RequestId,
    method: &Method,
    route: Option<&MatchedPath>,
) {
    if let Some(cause) = problem.cause() {
        tracing::error!(
            request_id = id.text(),
            method = method.as_str(),
            route = name_of(route),
            code = problem.code(),
            cause,
            "a request failed"
        );
    }
}

/// Adds the security headers to the one answer that is given before the outer layer: to a CORS preflight.
pub(crate) async fn covered(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if !response.headers().contains_key(X_REQUEST_ID) {
        app.security_headers().write(response.headers_mut(), false);
    }
    response
}
