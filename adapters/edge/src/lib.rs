//! The web kit: what serving requests takes, whatever they are about.
//!
//! *What it is*: connections and their limits, where a request comes from, its id, its JSON body or query string, the problem
//! that it is answered with, and its idempotency key. `http` and `grpc` share it.
//!
//! *What it may import*: axum, hyper and what belongs to them. It knows neither `domain` nor `application`: what the kit needs
//! of them comes as an argument.
//!
//! *How to add the next thing*: put it here only if it would be the same in another service.

mod body_timeout;
pub mod client;
pub mod digest;
pub mod failure;
pub mod idempotency;
pub mod json;
mod page;
pub mod problem;
mod query;
pub mod request_id;
mod run_to_completion;
mod security_headers;
pub mod server;
mod value;

pub use body_timeout::{BodyTooSlow, with_timeout};
pub use client::{ClientAddress, InvalidProxy, Peer, TrustedProxies};
pub use json::{JsonBody, MAX_BODY};
pub use page::{DEFAULT_LIMIT, Page};
pub use problem::{Challenge, FieldError, ProblemBody, ProblemDetails};
pub use query::Query;
pub use request_id::RequestId;
pub use run_to_completion::run_to_completion;
pub use security_headers::SecurityHeaders;
pub use server::{Connections, ServerSettings, serve};
pub use value::InvalidValue;
