//! Following a mailbox: notifications are read from storage in order, so none is missed or repeated. Broadcasts only say when to
//! read.

use std::time::Duration;

use p2p_domain::{Notification, UserId};

use super::hub::{Hub, Watch};
use crate::Market;
use crate::ports::StorageError;
use crate::timeout::with_timeout;

/// How many notifications are read at a time.
const PAGE: u32 = 100;

/// Broadcasts may be lost, so a follower also reads at this interval.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// One reader of one mailbox.
#[derive(Debug)]
pub struct Follower {
    market: Market,
    user: UserId,
    /// The number of the last notification that was returned.
    seen: u64,
    watch: Watch,
}

impl Follower {
    /// Follows a mailbox: everything after number `seen`, or everything from now on.
    pub async fn new(
        market: &Market,
        hub: &Hub,
        user: UserId,
        seen: Option<u64>,
    ) -> Result<Self, StorageError> {
        // Watches first and reads afterwards, so that no notification falls between.
        let watch = hub.watch(user);
        let mut follower = Self {
            market: market.clone(),
            user,
            seen: 0,
            watch,
        };
        let last = with_timeout(market.queries().mailbox(user)).await?;
        let last = last.map_or(0, |mailbox| mailbox.last);
        follower.seen = seen.map_or(last, |seen| seen.min(last));
        Ok(follower)
    }

    /// The number after which the next notifications are read.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// The next notifications, in order, as soon as there are any. Cancel safe: those not returned are read again.
    pub async fn next(&mut self) -> Result<Vec<Notification>, StorageError> {
        loop {
            self.watch.mark_seen();
            let queries = self.market.queries();
            let found =
                with_timeout(queries.notifications_after(self.user, self.seen, PAGE)).await?;
            if let Some(newest) = found.last() {
                self.seen = newest.number;
                return Ok(found);
            }
            let _ = tokio::time::timeout(POLL_INTERVAL, self.watch.changed()).await;
        }
    }
}
