//! Rate limits over HTTP: what a request counts towards, and the headers that tell of it.
//!
//! The edge counts who arrives by their address; whoever shows a token is counted where it is verified. The tightest limit
//! that was asked stands in the answer's headers.

mod headers;
mod meter;

pub(crate) use headers::{POLICY, STATE};
pub(crate) use meter::{RateLimitState, count_caller};
