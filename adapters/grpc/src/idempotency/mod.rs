//! Changes that can be sent again: the `idempotency-key` of a call, and the answer that is given once for it.

mod key;
mod once;
mod stored;

pub(crate) use once::{Once, mark_replayed};
