//! Disputes: both sides and moderators comment on them, a moderator resolves them.

mod comment;
mod ports;
mod queries;
mod resolve;

pub use comment::CommentOnDispute;
pub use ports::{DisputeFilter, DisputeQueries};
pub use queries::{DisputeList, DisputeView, get_dispute, list_disputes};
pub use resolve::{Decision, ResolveDispute};
