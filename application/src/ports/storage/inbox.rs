//! The inbox: messages that have taken effect.

use p2p_domain::Timestamp;

/// Names a message for one of its consumers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxKey {
    pub consumer: &'static str,
    pub message: String,
}

/// Marks a message as processed, in the commit of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxMark {
    pub key: InboxKey,
    pub at: Timestamp,
}
