//! Counting for rate limits at a Redis server, so that all replicas count together.
//!
//! *What it is*: [`RedisLimits`] takes of a quota by one script at the server, whose clock it is that counts: those of replicas
//! differ. While the server is unavailable or slow, a limiter of this process counts instead; no request is refused for that.
//!
//! *What it may import*: the application's ports and the crate `redis`, which belongs to this adapter.
//!
//! *How to add the next thing*: another port that is to be shared over replicas gets a file of its own, beside `limits.rs`; what
//! the server's absence means is the port's to say, [`breaker`] keeps the asking within bounds.

mod circuit_breaker;
mod key;
mod limits;

pub use limits::{InvalidUrl, RedisLimits};
