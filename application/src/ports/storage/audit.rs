//! Records for the audit log.

use p2p_domain::audit_log::{AuditHead, AuditRecord};

/// Records to append to the audit log, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAppend {
    /// The end that they follow: if it is no longer the end, that is a conflict.
    pub after: AuditHead,
    pub records: Vec<AuditRecord>,
}

impl AuditAppend {
    /// The end of the log with them.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        self.records.last().map_or(self.after, |last| AuditHead {
            count: last.number,
            hash: last.hash,
        })
    }
}
