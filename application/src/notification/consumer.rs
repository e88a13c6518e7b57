//! The consumer of events that concern users.

use super::{Broadcaster, Notify};
use crate::Market;
use crate::consumer::{Failure, Handler};
use crate::ports::{Incoming, Queue};

/// Notifies users of events.
#[derive(Debug, Clone)]
pub struct Notifier {
    pub market: Market,
    pub broadcaster: Broadcaster,
}

impl Handler for Notifier {
    const QUEUE: Queue = Queue::Notifications;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        let command = Notify::try_from(message)?;
        if command.concerns_users() {
            let delivered = self.market.execute(command).await?;
            self.broadcaster.announce(&delivered).await;
        }
        Ok(())
    }
}
