//! Reading payment reports.

use p2p_domain::user::Caller;
use p2p_domain::{OfferId, PaymentReport, ReportId, Role};

use super::ports::ReportFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// Which reports to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportList {
    /// Only those that were applied, or only those that were not.
    pub applied: Option<bool>,
    /// Only about this deal.
    pub offer: Option<OfferId>,
    pub after: Option<ReportId>,
    pub limit: u32,
}

/// Reports, newest first. For MODERATOR.
pub async fn list_reports(
    market: &Market,
    caller: Caller,
    list: ReportList,
) -> Result<Page<PaymentReport>, QueryError> {
    caller.require(Role::Moderator)?;
    let limit = list.limit.clamp(1, MAX_PAGE);
    let filter = ReportFilter {
        applied: list.applied,
        offer: list.offer,
        after: list.after,
        limit: limit + 1,
    };
    let rows = market.queries().list_reports(&filter).await?;
    Ok(Page::of(rows, limit))
}
