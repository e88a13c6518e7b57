//! A deal's history, kept for ever.

use super::actor::Actor;
use super::status::Status;
use crate::{OfferId, Timestamp, UserId};

/// One step of a deal: the status that it led to, who made it and what they said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub offer: OfferId,
    /// The deal's version after this step; counts from 1 without gaps.
    pub version: u64,
    pub status: Status,
    pub actor: Actor,
    /// The person behind the actor, where there is one.
    pub user: Option<UserId>,
    pub comment: Option<String>,
    pub at: Timestamp,
}
