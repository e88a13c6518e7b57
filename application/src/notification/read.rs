//! Somebody has read what they were told.

use domain::refusal::Noun;
use domain::user::Caller;
use domain::{Mailbox, Notification, NotificationId, Refusal};

use crate::pipeline::{Command, Desk, Needs};

/// Marks one notification as read.
#[derive(Debug, Clone, Copy)]
pub struct ReadNotification {
    pub caller: Caller,
    pub notification: NotificationId,
}

impl Command for ReadNotification {
    type Outcome = Notification;

    fn needs(&self, needs: &mut Needs) {
        needs.notification(self.notification);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Notification, Refusal> {
        let before = desk.notification(self.notification)?;
        if before.user != self.caller.user {
            return Err(Refusal::NotFound(Noun::Notification));
        }
        let after = before.clone().read(desk.now());
        if after != before {
            desk.save_notification(after.clone());
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

    fn needs(&self, needs: &mut Needs) {
        needs.mailbox(self.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Mailbox, Refusal> {
        let before = desk.mailbox(self.caller.user);
        let after = before.read_to(self.up_to)?;
        if after != before {
            desk.save_mailbox(after);
        }
        Ok(after)
    }
}
