//! The consumer of orders that are to be paid.

use super::ChargeOrder;
use crate::Market;
use crate::consumer::{Failure, Handler};
use crate::ports::{Incoming, Queue};

/// Pays orders.
#[derive(Debug, Clone)]
pub struct OrderPayments(pub Market);

impl Handler for OrderPayments {
    const QUEUE: Queue = Queue::OrderPaymentRequests;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        let command = ChargeOrder::read(message, self.0.fresh())?;
        self.0.execute(command).await?;
        Ok(())
    }
}
