//! Public events, stored with their facts.

use std::borrow::Cow;

use p2p_domain::event::AggregateRef;
use p2p_domain::{EventId, Timestamp};

use crate::ports::Queue;

/// A public event, stored in the commit of its fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    pub id: EventId,
    /// The event's public name.
    pub name: Cow<'static, str>,
    pub aggregate: AggregateRef,
    /// The aggregate's version, by which a consumer drops stale events.
    pub version: u64,
    /// The JSON text.
    pub body: String,
    pub at: Timestamp,
    /// The only queue that gets it; `None`: all queues that its name reaches.
    pub only: Option<Queue>,
}
