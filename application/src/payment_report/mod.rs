//! Reports of payment providers about payments made outside of the market.

mod consumer;
mod ports;
mod queries;
mod receive;

pub use consumer::PaymentReports;
pub use ports::{ReportFilter, ReportQueries};
pub use queries::{ReportList, list_reports};
pub use receive::{ReceivePayment, Received, ReportedPayment, UnreadableReport};
