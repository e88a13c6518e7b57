//! The market over gRPC: the services of `openapi/proto`, with health and reflection.
//!
//! *What it is*: handlers that parse, call a use case and render, and nothing else, in one folder for each service with its
//! conversions beside it. The status of each error is in [`rpc_error`]; what happens around every call is in [`edge`].
//!
//! *What it may import*: `application`, `domain`, the web kit, tonic and what belongs to it. No database, no broker, no HTTP
//! adapter.
//!
//! *How to add the next thing*: describe the method in the service's proto; the generated trait then requires it. List it in
//! [`methods`], so that it is counted.

mod auth;
mod edge;
mod exchange;
mod fields;
mod health;
mod idempotency;
mod incoming;
mod limits;
mod methods;
mod payment;
pub mod proto;
mod rpc_error;
mod server;
mod settings;
mod stats;

pub use server::{GrpcServer, ServeError};
pub use settings::{GrpcSettings, Identity};
pub use stats::{CallCount, GrpcStats};
