//! The streams of notifications and their limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use p2p_domain::UserId;
use tokio::sync::Notify;

use crate::settings::StreamSettings;

/// Counts open streams, in all and by user. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Those whose user is not known yet.
    anonymous: usize,
    by_user: HashMap<UserId, usize>,
}

/// How many streams without a known user are allowed at least.
const MIN_ANONYMOUS: usize = 16;

impl Open {
    fn add(&mut self, user: UserId, most: usize) -> Result<(), Full> {
        let own = self.by_user.entry(user).or_default();
        if *own >= most {
            return Err(Full::User);
        }
        *own += 1;
        Ok(())
    }
}

/// Another stream would exceed a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The limit of this server.
    Server,
    /// The limit of the user.
    User,
}

impl Streams {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counted().all
    }

    /// Waits until none is open: after a stop, until all have ended.
    pub async fn drained(&self) {
        loop {
            let freed = self.0.freed.notified();
            if self.open() == 0 {
                return;
            }
            freed.await;
        }
    }

    /// A permit for a stream whose user is not known yet.
    pub(crate) fn acquire_anonymous(&self, most: usize) -> Result<StreamPermit, Full> {
        let mut open = self.counted();
        // Clients that have not authenticated must not keep out those that have.
        if open.all >= most || open.anonymous >= (most / 10).max(MIN_ANONYMOUS) {
            return Err(Full::Server);
        }
        open.anonymous += 1;
        Ok(self.permit(&mut open, OnceLock::new()))
    }

    /// A permit for a stream of this user.
    pub(crate) fn acquire(
        &self,
        user: UserId,
        limits: StreamSettings,
    ) -> Result<StreamPermit, Full> {
        let mut open = self.counted();
        if open.all >= limits.most {
            return Err(Full::Server);
        }
        open.add(user, limits.per_user)?;
        Ok(self.permit(&mut open, OnceLock::from(user)))
    }

    fn permit(&self, open: &mut Open, user: OnceLock<UserId>) -> StreamPermit {
        open.all += 1;
        StreamPermit {
            streams: self.clone(),
            user,
        }
    }

    fn counted(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permit of one stream, held until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    streams: Streams,
    user: OnceLock<UserId>,
}

impl StreamPermit {
    /// Counts the stream among this user's, unless it is already.
    pub(crate) fn belongs_to(&self, user: UserId, most: usize) -> Result<(), Full> {
        let mut open = self.streams.counted();
        if let Some(known) = self.user.get() {
            return if *known == user {
                Ok(())
            } else {
                Err(Full::User)
            };
        }
        open.add(user, most)?;
        // No other call can set it meanwhile: the lock is held.
        let _ = self.user.set(user);
        open.anonymous = open.anonymous.saturating_sub(1);
        Ok(())
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.streams.counted();
        open.all = open.all.saturating_sub(1);
        match self.user.get() {
            None => open.anonymous = open.anonymous.saturating_sub(1),
            Some(user) => {
                let own = open.by_user.entry(*user).or_default();
                *own = own.saturating_sub(1);
                if *own == 0 {
                    open.by_user.remove(user);
                }
            }
        }
        if open.all == 0 {
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
    async fn permits_are_counted_in_all_and_by_user_and_given_back() {
        let streams = Streams::default();
        let anna = UserId::from_u128(1);
        let acquire = || streams.acquire(anna, limits(2, 3));
        let first = acquire().unwrap();
        let second = acquire().unwrap();
        assert_eq!(acquire().unwrap_err(), Full::User);
        assert_eq!(streams.open(), 2, "a refused stream is not counted");
        let third = streams.acquire_anonymous(3).unwrap();
        assert_eq!(third.belongs_to(anna, 2), Err(Full::User));
        assert_eq!(first.belongs_to(anna, 2), Ok(()), "it is theirs already");
        assert_eq!(streams.acquire_anonymous(3).unwrap_err(), Full::Server);
        let boris = UserId::from_u128(2);
        assert_eq!(
            streams.acquire(boris, limits(2, 3)).unwrap_err(),
            Full::Server
        );
        drop(first);
        let again = acquire().unwrap();
        let waiting = tokio::spawn({
            let streams = streams.clone();
            async move { streams.drained().await }
        });
        drop((second, third, again));
        waiting.await.unwrap();
        assert!(streams.counted().by_user.is_empty());
        assert_eq!(streams.counted().anonymous, 0);
    }

    #[test]
    fn anonymous_streams_leave_room_for_known_users() {
        let streams = Streams::default();
        let most = 1_000;
        let anonymous: Vec<_> =
            std::iter::from_fn(|| streams.acquire_anonymous(most).ok()).collect();
        assert_eq!(anonymous.len(), 100);
        let anna = UserId::from_u128(1);
        let known = streams.acquire(anna, limits(1, most)).unwrap();
        anonymous[0].belongs_to(UserId::from_u128(2), 1).unwrap();
        let next = streams.acquire_anonymous(most).unwrap();
        assert_eq!(streams.acquire_anonymous(most).unwrap_err(), Full::Server);
        drop((known, next, anonymous));
        assert_eq!(streams.open(), 0);
    }
}
