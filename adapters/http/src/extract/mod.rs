//! What handlers take from a request. Every rejection is a [`Problem`](crate::problem::Problem).

mod caller;
mod explain;
mod id;
mod json;
mod query;
mod validation;

pub(crate) use caller::{Auth, Bearing};
pub(crate) use id::PathId;
pub(crate) use json::{Json, MAX_BODY, OptionalJson, is_json, must_be_json, read};
pub(crate) use query::Query;
