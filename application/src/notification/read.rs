//! A user marks notifications as read.

use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Mailbox, Notification, NotificationId, Refusal};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Marks one notification as read.
#[derive(Debug, Clone, Copy)]
pub struct ReadNotification {
    pub caller: Caller,
    pub notification: NotificationId,
}

impl Command for ReadNotification {
    type Outcome = Notification;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Notification>(self.notification);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Notification, Refusal> {
        let before = uow.get::<Notification>(&self.notification)?;
        if before.user != self.caller.user {
            return Err(Refusal::NotFound(Resource::Notification));
        }
        let after = before.clone().read(uow.now());
        if after != before {
            uow.save(after.clone());
        }
        Ok(after)
    }
}

/// Marks all notifications up to a number as read.
#[derive(Debug, Clone, Copy)]
pub struct ReadNotifications {
    pub caller: Caller,
    pub up_to: u64,
}

impl Command for ReadNotifications {
    type Outcome = Mailbox;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Mailbox>(self.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Mailbox, Refusal> {
        let before = uow.get_or_new::<Mailbox>(self.caller.user);
        let after = before
            .read_to(self.up_to)
            .ok_or(Refusal::NotFound(Resource::Notification))?;
        if after != before {
            uow.save(after);
        }
        Ok(after)
    }
}
