//! Reading the audit log.

use p2p_domain::Role;
use p2p_domain::audit_log::AuditRecord;
use p2p_domain::user::Caller;

use super::ports::AuditLogFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// Records of the audit log, newest first. For MODERATOR.
pub async fn list_audit_records(
    market: &Market,
    caller: Caller,
    filter: AuditLogFilter,
) -> Result<Page<AuditRecord>, QueryError> {
    caller.require(Role::Moderator)?;
    let limit = filter.limit.clamp(1, MAX_PAGE);
    let one_more = AuditLogFilter {
        limit: limit + 1,
        ..filter
    };
    let rows = market.queries().list_audit_records(&one_more).await?;
    Ok(Page::of(rows, limit))
}
