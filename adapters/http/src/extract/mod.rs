//! The extractors that know the market; the others are the web kit's. Every rejection is a problem. Changes take their bodies
//! together with their keys: see [`idempotency`](crate::idempotency).

mod caller;
mod gateway;
mod id;
mod origin;

pub(crate) use caller::{Auth, BearerAuth, has_logged_out};
pub(crate) use id::PathId;
pub(crate) use origin::ClientOrigin;
pub(crate) use p2p_edge::Query;

#[cfg(test)]
mod tests;
