//! Looking into a mailbox.

use domain::user::Caller;
use domain::{Language, Mailbox, Notification, Role, UserId};

use crate::ports::NotificationFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// Which notifications somebody wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotificationList {
    pub unread_only: bool,
    /// Only those with smaller numbers.
    pub before: Option<u64>,
    pub limit: u32,
}

/// A page of a mailbox, and what there is beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationView {
    pub page: Page<Notification>,
    pub mailbox: Mailbox,
    /// At most [`MOST_UNREAD`].
    pub unread: u64,
    pub language: Language,
}

/// Beyond, nobody counts unread notifications.
pub const MOST_UNREAD: u64 = 1_000;

/// Somebody's notifications, newest first: one's own, or anybody's for ADMIN.
pub async fn list_notifications(
    market: &Market,
    caller: Caller,
    user: UserId,
    list: NotificationList,
) -> Result<NotificationView, QueryError> {
    if caller.user != user {
        caller.require(Role::Admin)?;
    }
    let queries = market.queries();
    let limit = list.limit.clamp(1, MAX_PAGE);
    let known = queries.find_user(user).await?;
    let known = known.ok_or(domain::Refusal::NotFound(domain::refusal::Noun::User))?;
    let mailbox = mailbox_of(market, user).await?;
    let filter = NotificationFilter {
        user,
        unread_after: list.unread_only.then_some(mailbox.read_to),
        before: list.before,
        limit: limit + 1,
    };
    let rows = queries.list_notifications(&filter).await?;
    let unread = queries
        .count_unread(user, mailbox.read_to, MOST_UNREAD)
        .await?;
    Ok(NotificationView {
        page: Page::of(rows, limit),
        mailbox,
        unread,
        language: known.language,
    })
}

/// Somebody's mailbox, empty where nothing has come yet.
pub async fn mailbox_of(market: &Market, user: UserId) -> Result<Mailbox, QueryError> {
    let known = market.queries().mailbox(user).await?;
    Ok(known.unwrap_or_else(|| Mailbox::open(user)))
}
