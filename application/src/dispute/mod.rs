//! Disputes: both sides and moderators remark on them, a moderator decides.

mod comment;
mod ports;
mod queries;
mod resolve;

pub use comment::CommentOnDispute;
pub use ports::{DisputeFilter, DisputeQueries};
pub use queries::{DisputeList, DisputeView, get_dispute, list_disputes};
pub use resolve::{Decision, ResolveDispute};
