//! The consumer of payment reports that providers write to the queue.

use super::{ReceivePayment, ReportedPayment};
use crate::Market;
use crate::consumer::{Failure, Handler};
use crate::ports::{Incoming, Queue};

/// The largest report in bytes, over every transport.
const MAX_REPORT_SIZE: usize = 64 * 1_024;

/// Receives payment reports.
#[derive(Debug, Clone)]
pub struct PaymentReports(pub Market);

impl Handler for PaymentReports {
    const QUEUE: Queue = Queue::PaymentCallbacks;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        if message.body.len() > MAX_REPORT_SIZE {
            return Err(Failure::Permanent("it is too large".to_owned()));
        }
        let payment = ReportedPayment::read(&message.body, None)
            .map_err(|unreadable| Failure::Permanent(unreadable.to_string()))?;
        let command = ReceivePayment {
            report: self.0.fresh(),
            payment,
        };
        self.0.execute(command).await?;
        Ok(())
    }
}
