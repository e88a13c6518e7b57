//! Looking into a mailbox.

use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Language, Mailbox, Notification, Refusal, Role, UserId};

use super::ports::NotificationFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// Which notifications to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotificationList {
    pub unread_only: bool,
    /// Only those with smaller numbers.
    pub before: Option<u64>,
    pub limit: u32,
}

/// A page of a mailbox with its reader and unread count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationView {
    pub page: Page<Notification>,
    pub reader: Reader,
    /// At most [`MAX_UNREAD`].
    pub unread: u64,
}

/// The user data needed to render notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    pub language: Language,
    pub mailbox: Mailbox,
}

/// The reader of a user's notifications.
pub async fn reader_of(market: &Market, user: UserId) -> Result<Reader, QueryError> {
    let known = market.queries().find_user(user).await?;
    let known = known.ok_or(Refusal::NotFound(Resource::User))?;
    Ok(Reader {
        language: known.language,
        mailbox: mailbox_of(market, user).await?,
    })
}

/// Unread notifications are counted up to this number.
pub const MAX_UNREAD: u64 = 1_000;

/// The notifications of a user, newest first. For the user and for ADMIN.
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
    let reader = reader_of(market, user).await?;
    let read_to = reader.mailbox.read_to;
    let filter = NotificationFilter {
        user,
        unread_after: list.unread_only.then_some(read_to),
        before: list.before,
        limit: limit + 1,
    };
    let rows = queries.list_notifications(&filter).await?;
    let unread = queries.count_unread(user, read_to, MAX_UNREAD).await?;
    Ok(NotificationView {
        page: Page::of(rows, limit),
        reader,
        unread,
    })
}

/// The mailbox of a user, empty before the first notification.
pub async fn mailbox_of(market: &Market, user: UserId) -> Result<Mailbox, QueryError> {
    let known = market.queries().mailbox(user).await?;
    Ok(known.unwrap_or_else(|| Mailbox::open(user)))
}
