//! Notifications: events are delivered to the mailboxes of the users they concern.

mod broadcaster;
mod consumer;
mod follower;
mod hub;
mod notify;
mod ports;
mod queries;
mod read;
mod texts;

pub use broadcaster::Broadcaster;
pub use consumer::Notifier;
pub use follower::Follower;
pub use hub::Hub;
pub use notify::{CONSUMER, Delivered, Notify};
pub use ports::{NotificationFilter, NotificationQueries};
pub use queries::{
    MAX_UNREAD, NotificationList, NotificationView, Reader, list_notifications, mailbox_of,
    reader_of,
};
pub use read::{ReadNotification, ReadNotifications};
pub use texts::{Text, text};

use p2p_domain::{Mailbox, Notification};

use crate::engine::Related;

impl Related for Mailbox {}

impl Related for Notification {}
