//! The consumer of the results of order payments.

use super::SettleOrder;
use crate::Market;
use crate::consumer::{Failure, Handler};
use crate::notification::Broadcaster;
use crate::ports::{Incoming, Queue};

/// Settles orders and notifies their buyers.
#[derive(Debug, Clone)]
pub struct OrderResults {
    pub market: Market,
    pub broadcaster: Broadcaster,
}

impl Handler for OrderResults {
    const QUEUE: Queue = Queue::OrderPaymentResults;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        let command = SettleOrder::try_from(message)?;
        let delivered = self.market.execute(command).await?;
        self.broadcaster.announce(&delivered).await;
        Ok(())
    }
}
