//! Notifications: events become news in the mailboxes of those whom they concern.

mod follow;
mod queries;
mod read;
mod tell;
mod texts;

pub(crate) use follow::encode;
pub use follow::{Follower, Hub};
pub use queries::{
    MOST_UNREAD, NotificationList, NotificationView, Reader, list_notifications, mailbox_of,
    reader_of,
};
pub use read::{ReadNotification, ReadNotifications};
pub use tell::{CONSUMER, TellPeople, Told};
pub use texts::{Text, text};
