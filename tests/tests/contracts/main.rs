//! The published contracts, compared with the running market.

mod asyncapi;
mod bench_fill;
mod conformance;
