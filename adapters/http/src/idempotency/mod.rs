//! Changes that can be sent again: the `Idempotency-Key` of a request, and the answer that is given once for it.
//!
//! Handlers take an [`Idempotent`] body and hand their command to its [`Once`], with what is to be answered. Only payments go
//! another way: they are kept under their key themselves.

mod extract;
mod once;
mod scope;

pub(crate) use extract::{Idempotent, NoBody, OptionalBody};
pub(crate) use once::{Once, created, no_content, ok, respond};
pub(crate) use scope::Scope;
