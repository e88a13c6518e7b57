//! Payments outside, as payment providers report them.

mod queries;
mod receive;

pub use queries::{ReportList, list_reports};
pub use receive::{ReceivePayment, Received, ReportedPayment, UnreadableReport};
