//! Notifications: events become news in the mailboxes of those whom they concern.

mod follow;
mod notify;
mod ports;
mod queries;
mod read;
mod texts;

pub(crate) use follow::encode;
pub use follow::{Follower, Hub};
pub use notify::{CONSUMER, Delivered, Notify};
pub use ports::{NotificationFilter, NotificationQueries};
pub use queries::{
    MOST_UNREAD, NotificationList, NotificationView, Reader, list_notifications, mailbox_of,
    reader_of,
};
pub use read::{ReadNotification, ReadNotifications};
pub use texts::{Text, text};
