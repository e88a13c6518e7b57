//! The market over gRPC: the services of `openapi/proto`, with health and reflection.
//!
//! *What it is*: handlers that parse, call a use case and render, and nothing else, in one folder for each service with its
//! conversions beside it. Which error has which status is the application's table; how it is written down is in [`fault`].
//! What happens around every call is in [`edge`].
//!
//! *What it may import*: `application`, `domain`, tonic and what belongs to it. No database, no broker, no HTTP adapter.
//!
//! *How to add the next thing*: describe the method in the service's proto; the generated trait then asks for it. Name it in
//! [`methods`], so that it is counted.

mod auth;
mod client;
mod edge;
mod exchange;
mod fault;
mod fields;
mod health;
mod idempotency;
mod incoming;
mod limits;
mod methods;
mod payment;
pub mod proto;
mod server;
mod settings;
mod stats;

pub use server::{GrpcServer, ServeError};
pub use settings::{GrpcSettings, Identity};
pub use stats::{CallCount, GrpcStats};
