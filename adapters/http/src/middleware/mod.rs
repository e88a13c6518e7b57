//! The outer layer: one layer around everything, which gives each request its id, its time limit and its line in the log.

mod cors;
mod outer;

pub(crate) use cors::cors;
pub(crate) use outer::{covered, outer};
