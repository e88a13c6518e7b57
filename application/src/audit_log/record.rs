//! The operator's settings are recorded at the start of the process.

use p2p_domain::Refusal;
use p2p_domain::audit_log::{AuditAction, AuditNote};

use super::ports::AuditLogFilter;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::StorageError;
use crate::{CommandError, Market, QueryError};

/// Appends the settings to the audit log.
#[derive(Debug, Clone)]
pub struct RecordSettings {
    /// As a JSON object.
    pub settings: String,
}

impl Command for RecordSettings {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.audit_head();
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let (action, detail) = (AuditAction::SettingsChanged, self.settings.clone());
        uow.note(AuditNote::by_system(action, String::new(), detail))
    }
}

/// Records the settings unless they equal those recorded last; returns whether it did.
pub async fn record_settings(market: &Market, settings: String) -> Result<bool, QueryError> {
    let filter = AuditLogFilter {
        action: Some(AuditAction::SettingsChanged),
        limit: 1,
        ..AuditLogFilter::default()
    };
    let last = market.queries().list_audit_records(&filter).await?;
    if last
        .first()
        .is_some_and(|last| last.note.detail == settings)
    {
        return Ok(false);
    }
    let done = market.execute(RecordSettings { settings }).await;
    done.map(|()| true).map_err(|error| match error {
        CommandError::Refused(refusal) => QueryError::Refused(refusal),
        other => QueryError::Storage(StorageError::Unavailable {
            source: Box::new(other),
        }),
    })
}
