//! Payments outside, as payment providers report them.

mod ports;
mod queries;
mod receive;

pub use ports::{ReportFilter, ReportQueries};
pub use queries::{ReportList, list_reports};
pub use receive::{ReceivePayment, Received, ReportedPayment, UnreadableReport};
