//! Telling all replicas which mailboxes have new notifications.

use std::sync::Arc;

use super::Delivered;
use super::hub::{Hub, encode};
use crate::ports::Broker;

/// Wakes followers on this replica and on all others.
#[derive(Clone)]
pub struct Broadcaster {
    hub: Hub,
    broker: Arc<dyn Broker>,
}

impl std::fmt::Debug for Broadcaster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broadcaster").finish_non_exhaustive()
    }
}

impl Broadcaster {
    #[must_use]
    pub fn new(hub: Hub, broker: Arc<dyn Broker>) -> Self {
        Self { hub, broker }
    }

    /// Wakes followers on this replica at once, on others through the broker.
    pub(crate) async fn announce(&self, delivered: &Delivered) {
        if delivered.is_empty() {
            return;
        }
        self.hub.wake(delivered);
        if let Err(error) = self.broker.broadcast(&encode(delivered)).await {
            tracing::debug!(%error, "a broadcast failed; other replicas find the notifications by polling");
        }
    }
}
