//! Changes that can be sent again: the `idempotency-key` of a call, and its one stored reply.

mod once;
mod stored;

pub(crate) use once::{Once, mark_replayed};
