//! What handlers take from a request. Every rejection is a [`Problem`](crate::problem::Problem). Changes take their bodies
//! together with their keys: see [`idempotency`](crate::idempotency).

mod caller;
mod explain;
mod id;
mod json;
mod origin;
mod query;
mod validation;

pub(crate) use caller::{Auth, Bearing, has_logged_out};
pub(crate) use explain::Members;
pub(crate) use id::PathId;
pub(crate) use json::{Json, MAX_BODY, is_json, must_be_json, parse, read};
pub(crate) use origin::{AskedFrom, peer_of};
pub(crate) use query::Query;
