//! Requests that may be sent again.

use p2p_domain::Timestamp;

/// Names a request that may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// The bits of the caller's user id, or of a digest of the address where the caller has no id yet.
    pub caller: u128,
    /// The operation: the same key may be used for several.
    pub operation: String,
    pub key: String,
}

/// A reply as the transport that gave it encodes it. Only that transport reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Tells the transport how to read the body; at most `i16::MAX`.
    pub tag: u16,
    pub body: Vec<u8>,
}

/// The reply to a request, stored in the commit of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    pub key: IdempotencyKey,
    /// A digest of the request: the same key with another one is a mistake.
    pub fingerprint: u128,
    pub reply: Reply,
    pub at: Timestamp,
}
