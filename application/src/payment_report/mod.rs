//! Payments outside, as payment providers report them.

mod consumer;
mod ports;
mod queries;
mod receive;

pub use consumer::PaymentReports;
pub use ports::{ReportFilter, ReportQueries};
pub use queries::{ReportList, list_reports};
pub use receive::{ReceivePayment, Received, ReportedPayment, UnreadableReport};
