//! Disputes: both sides and moderators remark on them, a moderator decides.

mod comment;
mod queries;
mod resolve;

pub use comment::CommentOnDispute;
pub use queries::{DisputeList, DisputeView, get_dispute, list_disputes};
pub use resolve::{Decision, ResolveDispute};
