//! The audit log: what staff and owners of accounts have done that must be provable later.
//!
//! Commands append to it within their commit; its hash chain is in [`audit_chain`](crate::audit_chain).

mod ports;
mod queries;
mod record;
mod verify;

pub use ports::{AuditLogFilter, AuditLogQueries};
pub use queries::list_audit_records;
pub use record::{RecordSettings, record_settings};
pub use verify::{ChainVerifier, compare_heads, verify_chain};
