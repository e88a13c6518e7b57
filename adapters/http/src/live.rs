//! What goes on while the API is served: who follows their notifications, what is on its way out, and when to stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use p2p_application::RelayStats;
use p2p_application::consumer::ConsumerStats;
use p2p_application::limits::Limits;
use p2p_application::notification::Hub;
use p2p_application::ports::{Outbox, Queue};
use p2p_domain::UserId;
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

impl Taken {
    fn one_more_of(&mut self, user: UserId, most: usize) -> Result<(), Full> {
        let own = self.by_user.entry(user).or_default();
        if *own >= most {
            return Err(Full::Own);
        }
        *own += 1;
        Ok(())
    }
}

/// There is no place for another stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// This server carries as many as it may.
    All,
    /// The user has as many as one may.
    Own,
}

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
            return Err(Full::All);
        }
        taken.strangers += 1;
        Ok(self.place(&mut taken, OnceLock::new()))
    }

    /// Takes a place for a stream of this user.
    pub(crate) fn seat(&self, user: UserId, limits: StreamSettings) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.all >= limits.most {
            return Err(Full::All);
        }
        taken.one_more_of(user, limits.per_user)?;
        Ok(self.place(&mut taken, OnceLock::from(user)))
    }

    fn place(&self, taken: &mut Taken, user: OnceLock<UserId>) -> Place {
        taken.all += 1;
        Place {
            streams: self.clone(),
            user,
        }
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
    /// Counts the stream among this user's, unless it is already.
    pub(crate) fn belongs_to(&self, user: UserId, most: usize) -> Result<(), Full> {
        let mut taken = self.streams.taken();
        if let Some(known) = self.user.get() {
            return if *known == user {
                Ok(())
            } else {
                Err(Full::Own)
            };
        }
        taken.one_more_of(user, most)?;
        // Nobody else says so meanwhile: all of them would have to hold what is taken.
        let _ = self.user.set(user);
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
    use p2p_domain::TypedId;

    fn limits(per_user: usize, most: usize) -> StreamSettings {
        StreamSettings {
            per_user,
            most,
            ..StreamSettings::default()
        }
    }

    #[tokio::test]
    async fn places_are_counted_in_all_and_by_user_and_given_back() {
        let streams = Streams::default();
        let anna = UserId::from_u128(1);
        let seat = || streams.seat(anna, limits(2, 3));
        let first = seat().unwrap();
        let second = seat().unwrap();
        assert_eq!(seat().unwrap_err(), Full::Own);
        assert_eq!(streams.open(), 2, "who is turned away takes no place");
        let third = streams.enter(3).unwrap();
        assert_eq!(third.belongs_to(anna, 2), Err(Full::Own));
        assert_eq!(first.belongs_to(anna, 2), Ok(()), "it is already");
        assert_eq!(streams.enter(3).unwrap_err(), Full::All);
        let boris = UserId::from_u128(2);
        assert_eq!(streams.seat(boris, limits(2, 3)).unwrap_err(), Full::All);
        drop(first);
        let again = seat().unwrap();
        let waiting = tokio::spawn({
            let streams = streams.clone();
            async move { streams.drained().await }
        });
        drop((second, third, again));
        waiting.await.unwrap();
        assert!(streams.taken().by_user.is_empty());
        assert_eq!(streams.taken().strangers, 0);
    }

    #[test]
    fn strangers_keep_nobody_out_who_has_said_who_they_are() {
        let streams = Streams::default();
        let most = 1_000;
        let strangers: Vec<_> = std::iter::from_fn(|| streams.enter(most).ok()).collect();
        assert_eq!(strangers.len(), 100);
        let anna = UserId::from_u128(1);
        let seat = streams.seat(anna, limits(1, most)).unwrap();
        strangers[0].belongs_to(UserId::from_u128(2), 1).unwrap();
        let next = streams.enter(most).unwrap();
        assert_eq!(streams.enter(most).unwrap_err(), Full::All);
        drop((seat, next, strangers));
        assert_eq!(streams.open(), 0);
    }
}
