//! Push: the followers of mailboxes on this replica, and how they learn of new notifications.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use p2p_domain::{TypedId, UserId};
use tokio::sync::watch;

use crate::ports::{Broker, BrokerError};

/// How long to wait before subscribing to the broker again.
const RESUBSCRIBE_INTERVAL: Duration = Duration::from_secs(1);

/// The mailboxes that are followed on this replica. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    /// The highest number known to this replica.
    followed: Arc<Mutex<HashMap<UserId, watch::Sender<u64>>>>,
}

/// A mailbox and the number of its newest notification.
type LatestNumber = (UserId, u64);

impl Hub {
    /// Wakes the followers of these mailboxes.
    pub fn wake(&self, newest: &[LatestNumber]) {
        let followed = self.followed();
        for (user, number) in newest {
            if let Some(sender) = followed.get(user) {
                sender.send_if_modified(|known| {
                    let newer = number > known;
                    *known = (*known).max(*number);
                    newer
                });
            }
        }
    }

    /// How many followers there are on this replica.
    #[must_use]
    pub fn followers(&self) -> usize {
        let followed = self.followed();
        followed.values().map(watch::Sender::receiver_count).sum()
    }

    /// Receives the broadcasts of other replicas and wakes followers, for ever.
    pub async fn run(self, broker: Arc<dyn Broker>) {
        loop {
            if let Err(error) = self.receive(broker.as_ref()).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "broadcasts of other replicas can't be received"
                );
            }
            tokio::time::sleep(RESUBSCRIBE_INTERVAL).await;
        }
    }

    async fn receive(&self, broker: &dyn Broker) -> Result<(), BrokerError> {
        let mut broadcasts = broker.subscribe().await?;
        loop {
            self.wake(&decode(&broadcasts.next().await?));
        }
    }

    /// Watches a mailbox from now on.
    pub(crate) fn watch(&self, user: UserId) -> Watch {
        let mut followed = self.followed();
        let changes = match followed.entry(user) {
            Entry::Occupied(known) => known.get().subscribe(),
            Entry::Vacant(vacant) => vacant.insert(watch::Sender::new(0)).subscribe(),
        };
        Watch {
            hub: self.clone(),
            user,
            changes,
        }
    }

    fn unwatch(&self, user: UserId, changes: &mut watch::Receiver<u64>) {
        let mut followed = self.followed();
        // The receiver is dropped under the lock, so that exactly one watcher finds itself to be the last.
        *changes = watch::channel(0).1;
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

/// Watches one mailbox until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    hub: Hub,
    user: UserId,
    changes: watch::Receiver<u64>,
}

impl Watch {
    /// Marks everything up to now as known.
    pub(crate) fn mark_seen(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Resolves when there is a notification that is not marked as known.
    pub(crate) async fn changed(&mut self) {
        // The hub keeps the sender while there is a watcher.
        let _ = self.changes.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.unwatch(self.user, &mut self.changes);
    }
}

/// The body of a broadcast: 16 bytes of user and 8 of number each.
pub(super) fn encode(newest: &[LatestNumber]) -> Vec<u8> {
    let one = |(user, number): &LatestNumber| {
        let mut bytes = user.as_u128().to_be_bytes().to_vec();
        bytes.extend(number.to_be_bytes());
        bytes
    };
    newest.iter().flat_map(one).collect()
}

fn decode(bytes: &[u8]) -> Vec<LatestNumber> {
    let (entries, _) = bytes.as_chunks::<24>();
    let one = |bytes: &[u8; 24]| {
        let (user, number) = bytes.split_at(16);
        let user = u128::from_be_bytes(user.try_into().ok()?);
        let number = u64::from_be_bytes(number.try_into().ok()?);
        Some((UserId::from_u128(user), number))
    };
    entries.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_numbers_are_decoded() {
        let newest = [
            (UserId::from_u128(7), 1),
            (UserId::from_u128(u128::MAX), u64::MAX),
        ];
        assert_eq!(decode(&encode(&newest)), newest);
        assert_eq!(decode(b"nonsense"), []);
    }
}
