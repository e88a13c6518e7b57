//! The state that the API shares with the rest of the program while it is served.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::RelayStats;
use p2p_application::consumer::ConsumerStats;
use p2p_application::limits::Limits;
use p2p_application::notification::Hub;
use p2p_application::ports::{Outbox, Queue};
use p2p_edge::Connections;
use tokio_util::sync::CancellationToken;

use crate::streams::Streams;

/// What the API shares with the rest of the program. The default has no metrics of other parts and never stops.
#[derive(Clone, Default)]
pub struct ServerState {
    /// Wakes the followers of a mailbox.
    pub hub: Hub,
    /// Counts what the relay has published, for the metrics.
    pub relay: Option<Arc<RelayStats>>,
    /// Counts what the consumers have done, by queue, for the metrics.
    pub consumers: Vec<(Queue, Arc<ConsumerStats>)>,
    /// Holds the events that wait to be published, for the metrics.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// Counts the calls over gRPC, for the metrics.
    pub calls: Option<Calls>,
    /// The rate limits, shared by all interfaces.
    pub limits: Limits,
    /// Cancelled when the server is to stop: all streams end then, and no new one begins.
    pub stop: CancellationToken,
    /// The open streams.
    pub streams: Streams,
    /// The open connections.
    pub connections: Connections,
}

impl std::fmt::Debug for ServerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerState")
            .field("streams", &self.streams.open())
            .finish_non_exhaustive()
    }
}

/// The calls of one method that were answered with one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    pub method: &'static str,
    pub code: &'static str,
    pub calls: u64,
    /// How long they took, together.
    pub time: Duration,
}

/// Counts calls; asked each time that the metrics are.
#[derive(Clone)]
pub struct Calls(Arc<dyn Fn() -> Vec<CallCount> + Send + Sync>);

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls")
    }
}

impl Calls {
    pub fn new(count: impl Fn() -> Vec<CallCount> + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }

    pub(crate) fn count(&self) -> Vec<CallCount> {
        self.0()
    }
}
