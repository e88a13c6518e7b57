//! Notifications, numbered consecutively in the mailbox of their recipient.

use crate::event::FactName;
use crate::{DisputeId, Money, NotificationId, OfferId, OrderId, Timestamp, UserId, WithdrawalId};

/// What a user is notified of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationContent {
    pub event: FactName,
    pub offer: Option<OfferId>,
    pub dispute: Option<DisputeId>,
    /// The exchanger, where it is about one and not about a deal.
    pub exchanger: Option<UserId>,
    pub order: Option<OrderId>,
    pub withdrawal: Option<WithdrawalId>,
    /// The crypto of the deal; what the order costs, or what is to be withdrawn.
    pub amount: Option<Money>,
    /// The fiat of the deal.
    pub fiat: Option<Money>,
    /// Actor, resolution, reason or reference, by the event.
    pub detail: Option<String>,
    /// When it happened.
    pub at: Timestamp,
}

/// A notification in a user's mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    pub user: UserId,
    /// Its place in the mailbox, from 1 without a gap: who has seen a number has seen all below it.
    pub number: u64,
    pub news: NotificationContent,
    /// When it was read by itself; see also [`Mailbox::read_to`].
    pub read_at: Option<Timestamp>,
    pub version: u64,
}

impl Notification {
    /// New, and not read.
    #[must_use]
    pub const fn new(
        id: NotificationId,
        user: UserId,
        number: u64,
        news: NotificationContent,
    ) -> Self {
        Self {
            id,
            user,
            number,
            news,
            read_at: None,
            version: 1,
        }
    }

    /// Notes that it was read; once.
    #[must_use]
    pub fn read(mut self, now: Timestamp) -> Self {
        if self.read_at.is_none() {
            self.read_at = Some(now);
            self.version += 1;
        }
        self
    }
}

/// A user's notifications, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox {
    pub user: UserId,
    /// How many notifications there are; the newest has this number.
    pub last: u64,
    /// Everything up to this number was marked as read together.
    pub read_to: u64,
    pub version: u64,
}

impl Mailbox {
    /// An empty one.
    #[must_use]
    pub const fn open(user: UserId) -> Self {
        Self {
            user,
            last: 0,
            read_to: 0,
            version: 1,
        }
    }

    /// Makes room for one more, which gets the number [`last`](Self::last).
    #[must_use]
    pub const fn one_more(mut self) -> Self {
        self.last += 1;
        self.version += 1;
        self
    }

    /// Marks everything up to a number as read. What was marked stays so.
    #[must_use]
    pub const fn read_to(mut self, number: u64) -> Option<Self> {
        if number > self.last {
            return None;
        }
        if number > self.read_to {
            self.read_to = number;
            self.version += 1;
        }
        Some(self)
    }
}
