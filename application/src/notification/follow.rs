//! Following a mailbox as it fills: what is stored is read in its order, so nothing is missed and nothing comes twice; news
//! from the broker only say when to look.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use p2p_domain::{Notification, TypedId, UserId};
use tokio::sync::watch;

use crate::Market;
use crate::ports::{Broker, StorageError};
use crate::timeout::with_timeout;

/// How many notifications are read at a time.
const AT_A_TIME: u32 = 100;

/// News may be lost: so often a follower looks for itself.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How long to wait before the broker is listened to again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Who on this replica follows a mailbox, and what is known of it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    /// The highest number of which this replica has heard.
    followed: Arc<Mutex<HashMap<UserId, watch::Sender<u64>>>>,
}

/// News of a mailbox: the number of its newest notification.
type News = (UserId, u64);

impl Hub {
    /// Passes news on to those who follow these mailboxes.
    pub fn pass_on(&self, news: &[News]) {
        let followed = self.followed();
        for (user, number) in news {
            if let Some(sender) = followed.get(user) {
                sender.send_if_modified(|known| {
                    let newer = number > known;
                    *known = (*known).max(*number);
                    newer
                });
            }
        }
    }

    /// How many follow a mailbox on this replica.
    #[must_use]
    pub fn followers(&self) -> usize {
        let followed = self.followed();
        followed.values().map(watch::Sender::receiver_count).sum()
    }

    /// Hears what other replicas shout and passes it on, for ever.
    pub async fn run(self, broker: Arc<dyn Broker>) {
        loop {
            if let Err(error) = self.hear(broker.as_ref()).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "news of other replicas can't be heard"
                );
            }
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    }

    async fn hear(&self, broker: &dyn Broker) -> Result<(), crate::ports::BrokerError> {
        let mut shouts = broker.listen().await?;
        loop {
            self.pass_on(&decode(&shouts.next().await?));
        }
    }

    /// Hears of what comes into a mailbox from now on.
    pub(crate) fn watch(&self, user: UserId) -> Watch {
        let mut followed = self.followed();
        let news = match followed.entry(user) {
            Entry::Occupied(known) => known.get().subscribe(),
            Entry::Vacant(vacant) => vacant.insert(watch::Sender::new(0)).subscribe(),
        };
        Watch {
            hub: self.clone(),
            user,
            news,
        }
    }

    fn leave(&self, user: UserId, news: &mut watch::Receiver<u64>) {
        let mut followed = self.followed();
        // Let go while nobody else comes or goes: the last one clears up, whoever that is.
        *news = watch::channel(0).1;
        if let Entry::Occupied(known) = followed.entry(user)
            && known.get().receiver_count() == 0
        {
            known.remove();
        }
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<UserId, watch::Sender<u64>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An ear at one mailbox, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    hub: Hub,
    user: UserId,
    news: watch::Receiver<u64>,
}

impl Watch {
    /// What has come until now is known.
    pub(crate) fn mark_seen(&mut self) {
        self.news.mark_unchanged();
    }

    /// Something has come since.
    pub(crate) async fn changed(&mut self) {
        // The hub keeps the sender for as long as somebody watches.
        let _ = self.news.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.leave(self.user, &mut self.news);
    }
}

/// One reader of one mailbox.
#[derive(Debug)]
pub struct Follower {
    market: Market,
    user: UserId,
    /// The number of the last notification that was handed out.
    seen: u64,
    news: Watch,
}

impl Follower {
    /// Follows a mailbox: everything after number `seen`, or what comes from now on.
    pub async fn new(
        market: &Market,
        hub: &Hub,
        user: UserId,
        seen: Option<u64>,
    ) -> Result<Self, StorageError> {
        // Heard first, looked after: nothing falls between.
        let news = hub.watch(user);
        let mut follower = Self {
            market: market.clone(),
            user,
            seen: 0,
            news,
        };
        let last = with_timeout(market.queries().mailbox(user)).await?;
        let last = last.map_or(0, |mailbox| mailbox.last);
        follower.seen = seen.map_or(last, |seen| seen.min(last));
        Ok(follower)
    }

    /// The number after which the next notifications come.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// The next notifications, in order, as soon as there are any. Cancel safe: what was not handed out comes again.
    pub async fn next(&mut self) -> Result<Vec<Notification>, StorageError> {
        loop {
            self.news.mark_seen();
            let queries = self.market.queries();
            let found =
                with_timeout(queries.notifications_after(self.user, self.seen, AT_A_TIME)).await?;
            if let Some(newest) = found.last() {
                self.seen = newest.number;
                return Ok(found);
            }
            // Either something is new, or it is time to look whether news were lost.
            let _ = tokio::time::timeout(LOOK_EVERY, self.news.changed()).await;
        }
    }
}

/// News as they are shouted: 16 bytes of user and 8 of number each.
pub(crate) fn encode(news: &[News]) -> Vec<u8> {
    let one = |(user, number): &News| {
        let mut bytes = user.as_u128().to_be_bytes().to_vec();
        bytes.extend(number.to_be_bytes());
        bytes
    };
    news.iter().flat_map(one).collect()
}

fn decode(bytes: &[u8]) -> Vec<News> {
    let (news, _) = bytes.as_chunks::<24>();
    let one = |bytes: &[u8; 24]| {
        let (user, number) = bytes.split_at(16);
        let user = u128::from_be_bytes(user.try_into().ok()?);
        let number = u64::from_be_bytes(number.try_into().ok()?);
        Some((UserId::from_u128(user), number))
    };
    news.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_heard_as_they_were_shouted() {
        let news = [
            (UserId::from_u128(7), 1),
            (UserId::from_u128(u128::MAX), u64::MAX),
        ];
        assert_eq!(decode(&encode(&news)), news);
        assert_eq!(decode(b"nonsense"), []);
    }
}
