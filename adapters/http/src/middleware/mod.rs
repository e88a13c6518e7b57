//! The edge: one layer around everything, which gives each request its id, its time limit and its line in the log.

mod cors;
mod edge;
mod request_id;

pub(crate) use cors::cors;
pub(crate) use edge::edge;
pub(crate) use request_id::RequestId;
