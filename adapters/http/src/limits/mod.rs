//! Rate limits over HTTP: which class a request is of, what it counts towards, and how it is told.
//!
//! The edge counts who arrives by their address; whoever shows a token is counted where it is verified. The tightest limit
//! that was asked stands in the answer's headers.

mod classes;
mod headers;
mod meter;

pub(crate) use classes::{Classes, is_limited};
pub(crate) use headers::{POLICY, STATE};
pub(crate) use meter::{Meter, count_caller};
