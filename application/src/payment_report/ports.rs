//! How payment reports are read from storage.

use async_trait::async_trait;
use p2p_domain::{OfferId, PaymentReport, ReportId};

use crate::ports::StorageError;

/// Which payment reports to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportFilter {
    /// Only those that were applied, or only those that were not.
    pub applied: Option<bool>,
    pub offer: Option<OfferId>,
    pub after: Option<ReportId>,
    pub limit: u32,
}

/// What payment providers have reported.
#[async_trait]
pub trait ReportQueries: Send + Sync {
    /// By id, newest first.
    async fn list_reports(&self, filter: &ReportFilter)
    -> Result<Vec<PaymentReport>, StorageError>;
}
