//! The market over HTTP: an axum router with server-sent events and a WebSocket, its OpenAPI description and Swagger UI.
//!
//! *What it is*: handlers that parse, call a use case and render, and nothing else. Bodies and answers are the structs
//! beside them; how ids, amounts and names look on the wire is in [`wire`]; which error has which status is the one
//! table in [`problem`].
//!
//! *What it may import*: `application`, `domain`, axum and what belongs to it. No database, no broker, and nothing that
//! issues tokens or hashes passwords: those come through the market's ports. (The signature of a payment report is a
//! matter of HTTP, and is checked here.)
//!
//! *How to add the next thing*: one file per operation, under its noun and named by its verb, as in `application`; its
//! doc comment is its documentation. Name it in the noun's `routes()`.

mod app;
mod audit_log;
mod cursor;
mod dispute;
mod docs;
mod exchanger;
mod extract;
mod gateway;
mod idempotency;
mod limits;
mod listing;
mod middleware;
mod notification;
mod offer;
mod ops;
mod order;
mod payment;
mod payment_report;
mod problem;
mod push;
mod second_factor;
mod server_state;
mod session;
mod settings;
mod streams;
mod user;
mod wallet;
mod wire;
mod withdrawal;

pub use gateway::GatewaySettings;
pub use server_state::{CallCount, Calls, ServerState};
pub use settings::{
    CallbackSettings, CorsOrigins, HttpSettings, InvalidOrigin, Secret, StreamSettings,
};
pub use streams::Streams;

use axum::Router;
use axum::middleware::from_fn_with_state;
use p2p_application::Market;
use p2p_edge::ProblemDetails;

use app::App;
use limits::Classes;

/// The whole API of a running market, with its documentation.
pub fn router(market: Market, settings: HttpSettings, state: ServerState) -> Router {
    let cors = middleware::cors(&settings.cors);
    let (routes, api) = docs::documented().split_for_parts();
    let app = App::new(market, settings, state, Classes::of(&api));
    let router = routes
        .merge(docs::pages(&docs::complete(api)))
        .fallback(no_such_route)
        .layer(from_fn_with_state(app.clone(), middleware::outer))
        .with_state(app.clone());
    match cors {
        Some(cors) => router
            .layer(cors)
            .layer(from_fn_with_state(app, middleware::covered)),
        None => router,
    }
}

/// The description of the API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    docs::complete(docs::documented().into_openapi())
}

/// The description of the API as it is published: pretty JSON that is the same every time, with a newline at its end.
#[must_use]
pub fn openapi_json() -> String {
    docs::to_json(&openapi())
}

async fn no_such_route() -> ProblemDetails {
    ProblemDetails::no_such_route()
}
