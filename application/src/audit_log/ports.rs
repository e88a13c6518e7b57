//! How the audit log is read from storage.

use async_trait::async_trait;
use p2p_domain::UserId;
use p2p_domain::audit_log::{AuditAction, AuditHead, AuditRecord};

use crate::ports::StorageError;

/// Which records to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditLogFilter {
    pub actor: Option<UserId>,
    pub action: Option<AuditAction>,
    /// The id of the thing that the action was about.
    pub subject: Option<String>,
    /// Only those with smaller numbers.
    pub before: Option<u64>,
    pub limit: u32,
}

/// The audit log.
#[async_trait]
pub trait AuditLogQueries: Send + Sync {
    /// By number, newest first.
    async fn list_audit_records(
        &self,
        filter: &AuditLogFilter,
    ) -> Result<Vec<AuditRecord>, StorageError>;

    /// Those with greater numbers, oldest first.
    async fn audit_records_after(
        &self,
        number: u64,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError>;

    /// The number and hash of the last record.
    async fn audit_head(&self) -> Result<AuditHead, StorageError>;
}
