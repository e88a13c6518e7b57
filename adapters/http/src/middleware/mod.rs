//! The edge: one layer around everything, which gives each request its id, its time limit and its line in the log.

mod body;
mod cors;
mod edge;
mod request_id;
mod shield;

pub(crate) use body::TooSlow;
pub(crate) use cors::cors;
pub(crate) use edge::{covered, edge};
pub(crate) use request_id::RequestId;
pub(crate) use shield::Shield;
