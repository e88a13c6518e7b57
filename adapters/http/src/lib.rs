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
//! doc comment is its documentation, and its `#[utoipa::path]` declares its [`policy`]. Name it in the noun's `routes()`.

mod app;
mod audit_log;
mod cursor;
mod dispute;
mod docs;
mod exchanger;
mod extract;
mod idempotency;
mod limits;
mod listing;
mod middleware;
mod notification;
mod offer;
mod offer_view;
mod ops;
mod order;
mod payment;
mod payment_report;
mod policy;
mod problem;
mod push;
mod router;
mod second_factor;
mod server_state;
mod session;
mod settings;
mod streams;
mod user;
mod wallet;
mod wire;
mod withdrawal;

pub use router::{openapi, openapi_json, router};
pub use server_state::{CallCount, Calls, ServerState};
pub use settings::{
    CallbackSettings, CorsOrigins, GatewaySettings, HttpSettings, InvalidOrigin, Secret,
    StreamSettings,
};
pub use streams::Streams;
