//! What goes on while the API is served: who follows their notifications, what is on its way out, and when to stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use application::RelayStats;
use application::consumer::ConsumerStats;
use application::limits::Limits;
use application::notification::Hub;
use application::ports::{Outbox, Queue};
use domain::UserId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::serve::Connections;
use crate::settings::StreamSettings;

/// What the API shares with the rest of the program. The default has nothing to show and never stops.
#[derive(Clone, Default)]
pub struct Live {
    /// Passes news on to those who follow a mailbox.
    pub hub: Hub,
    /// What the relay has done, for the metrics.
    pub relay: Option<Arc<RelayStats>>,
    /// What the consumers have done, by queue, for the metrics.
    pub consumers: Vec<(Queue, Arc<ConsumerStats>)>,
    /// What waits to be published, for the metrics.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// What has been asked over another interface, for the metrics.
    pub calls: Option<Calls>,
    /// How often somebody may ask; the same for all interfaces.
    pub limits: Limits,
    /// Cancelled when the server is to stop: all streams end then, and no new one begins.
    pub stop: CancellationToken,
    /// The streams that are open.
    pub streams: Streams,
    /// The connections that are.
    pub connections: Connections,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("streams", &self.streams.open())
            .finish_non_exhaustive()
    }
}

/// The calls of one method that were answered with one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    pub method: &'static str,
    pub code: &'static str,
    pub calls: u64,
    /// How long they took, together.
    pub time: Duration,
}

/// Counts calls; asked each time that the metrics are.
#[derive(Clone)]
pub struct Calls(Arc<dyn Fn() -> Vec<CallCount> + Send + Sync>);

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls")
    }
}

impl Calls {
    pub fn new(count: impl Fn() -> Vec<CallCount> + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }

    pub(crate) fn count(&self) -> Vec<CallCount> {
        self.0()
    }
}

/// Counts open streams, in all and by user. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Those of them that are nobody's yet.
    strangers: usize,
    by_user: HashMap<UserId, usize>,
}

/// So many at least may be nobody's yet.
const FEW: usize = 16;

/// There is no place for another stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Streams {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.taken().all
    }

    /// Waits until none is open: after a stop, until all have said good-bye.
    pub async fn drained(&self) {
        loop {
            let freed = self.0.freed.notified();
            if self.open() == 0 {
                return;
            }
            freed.await;
        }
    }

    /// Takes a place for a stream that may turn out to be anybody's.
    pub(crate) fn enter(&self, most: usize) -> Result<Place, Full> {
        let mut taken = self.taken();
        // Whoever has not said who they are must not keep those out who have.
        if taken.all >= most || taken.strangers >= (most / 10).max(FEW) {
            return Err(Full);
        }
        taken.all += 1;
        taken.strangers += 1;
        Ok(Place {
            streams: self.clone(),
            user: OnceLock::new(),
        })
    }

    /// Takes a place for a stream of this user.
    pub(crate) fn seat(&self, user: UserId, limits: StreamSettings) -> Result<Place, Full> {
        let place = self.enter(limits.most)?;
        place.belongs_to(user, limits.per_user)?;
        Ok(place)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    streams: Streams,
    user: OnceLock<UserId>,
}

impl Place {
    /// Counts the stream among this user's; once.
    pub(crate) fn belongs_to(&self, user: UserId, most: usize) -> Result<(), Full> {
        let mut taken = self.streams.taken();
        let own = taken.by_user.entry(user).or_default();
        if *own >= most || self.user.set(user).is_err() {
            return Err(Full);
        }
        *own += 1;
        taken.strangers = taken.strangers.saturating_sub(1);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.streams.taken();
        taken.all = taken.all.saturating_sub(1);
        match self.user.get() {
            None => taken.strangers = taken.strangers.saturating_sub(1),
            Some(user) => {
                let own = taken.by_user.entry(*user).or_default();
                *own = own.saturating_sub(1);
                if *own == 0 {
                    taken.by_user.remove(user);
                }
            }
        }
        if taken.all == 0 {
            self.streams.0.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::TypedId;

    #[tokio::test]
    async fn places_are_counted_in_all_and_by_user_and_given_back() {
        let streams = Streams::default();
        let anna = UserId::from_u128(1);
        let seat = || {
            let place = streams.enter(3)?;
            place.belongs_to(anna, 2).map(|()| place)
        };
        let first = seat().unwrap();
        let second = seat().unwrap();
        assert_eq!(seat().unwrap_err(), Full);
        assert_eq!(streams.open(), 2, "who is turned away takes no place");
        let third = streams.enter(3).unwrap();
        assert_eq!(streams.enter(3).unwrap_err(), Full);
        drop(first);
        let again = seat().unwrap();
        let waiting = tokio::spawn({
            let streams = streams.clone();
            async move { streams.drained().await }
        });
        drop((second, third, again));
        waiting.await.unwrap();
        assert!(streams.taken().by_user.is_empty());
    }
}
