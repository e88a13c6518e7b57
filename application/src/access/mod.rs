//! Revoked rights: role changes and ended sessions that overrule an access token.
//!
//! Access tokens are verified without reading storage. So that a changed role or an ended session takes effect before its
//! tokens expire, each process caches the changes of one token lifetime: its own at the commit, those of other replicas by
//! polling storage. The cache stays small, because a token older than that has expired.

mod ports;

pub use ports::{AccessChanges, AccessQueries};

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use p2p_domain::{Roles, SessionId, Timestamp, UserId};

use crate::ports::{Bearer, ChangeSet, StorageError, TokenError};
use crate::timeout::with_timeout;

/// How often storage is asked for the changes of other replicas.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// A process that has not read storage for longer than this accepts no token.
const MAX_STALENESS: Duration = Duration::from_secs(50);

/// A change is committed some time after it was decided, and the clocks of replicas differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The revocations that this process knows of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RevocationCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: RwLock<Known>,
    /// How long a token can outlive a change.
    lifetime: Duration,
    /// When storage was last read, in microseconds; `i64::MAX` before the first time.
    refreshed_at: AtomicI64,
}

#[derive(Debug, Default)]
struct Known {
    roles: HashMap<UserId, (Roles, Timestamp)>,
    ended: HashMap<SessionId, Timestamp>,
}

impl RevocationCache {
    /// An empty cache. Until the first refresh it knows only the changes made by this process.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self(Arc::new(Shared {
            known: RwLock::default(),
            lifetime,
            refreshed_at: AtomicI64::new(i64::MAX),
        }))
    }

    /// The bearer with the roles that they have now; an error if their session has ended or the cache is stale.
    pub(crate) fn check(&self, bearer: Bearer, now: Timestamp) -> Result<Bearer, TokenError> {
        let refreshed_at = Timestamp::from_micros(self.0.refreshed_at.load(Ordering::Relaxed));
        if now.since(refreshed_at) > MAX_STALENESS {
            return Err(TokenError::Unknown);
        }
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut bearer = bearer;
        if !known.ended.is_empty()
            && let Some(session) = bearer.caller.session
            && known.ended.contains_key(&session)
        {
            return Err(TokenError::Ended);
        }
        if !known.roles.is_empty()
            && let Some((roles, at)) = known.roles.get(&bearer.caller.user)
            // `issued_at` has whole seconds, by a clock that may be ahead.
            && bearer.issued_at <= at.after(CLOCK_SKEW)
        {
            bearer.caller.roles = *roles;
        }
        Ok(bearer)
    }

    /// Whether this session is known to have ended: for connections that outlast a request.
    #[must_use]
    pub fn has_ended(&self, session: SessionId) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.ended.contains_key(&session)
    }

    /// Adds the revocations of a commit of this process.
    pub(crate) fn record_commit(&self, changes: &ChangeSet) {
        if changes.users.is_empty() && changes.sessions.is_empty() {
            return;
        }
        let users = changes.users.iter().map(|saved| &saved.value);
        let roles = users.filter_map(|user| Some((user.id, user.roles, user.roles_changed_at?)));
        let sessions = changes.sessions.iter().map(|saved| &saved.value);
        let ended = sessions.filter_map(|session| Some((session.id, session.ended?.0)));
        let changes = AccessChanges {
            roles: roles.collect(),
            ended: ended.collect(),
        };
        self.record(changes, None);
    }

    /// Adds changes, and drops those that every token still valid is younger than.
    fn record(&self, changes: AccessChanges, forget_before: Option<Timestamp>) {
        if changes == AccessChanges::default() && forget_before.is_none() {
            return;
        }
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        for (user, roles, at) in changes.roles {
            let newest = known.roles.entry(user).or_insert((roles, at));
            if newest.1 <= at {
                *newest = (roles, at);
            }
        }
        known.ended.extend(changes.ended);
        if let Some(before) = forget_before {
            known.roles.retain(|_, (_, at)| *at >= before);
            known.ended.retain(|_, at| *at >= before);
        }
    }

    /// Reads the changes since the last refresh from storage; the first time, those of one token lifetime.
    pub(crate) async fn refresh(
        &self,
        queries: &(impl AccessQueries + ?Sized),
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let horizon = now.before(self.0.lifetime).before(CLOCK_SKEW);
        let refreshed_at = self.0.refreshed_at.load(Ordering::Relaxed);
        let since = if refreshed_at == i64::MAX {
            horizon
        } else {
            horizon.max(Timestamp::from_micros(refreshed_at).before(CLOCK_SKEW))
        };
        let changes = with_timeout(queries.access_changes(since)).await?;
        self.record(changes, Some(horizon));
        self.0
            .refreshed_at
            .store(now.as_micros(), Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::user::Caller;
    use p2p_domain::{Role, TypedId};

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
    const LIFETIME: Duration = Duration::from_secs(900);

    fn bearer(issued_at: Timestamp) -> Bearer {
        let roles = Roles::from([Role::Customer, Role::Moderator]);
        Bearer {
            caller: Caller {
                session: Some(SessionId::from_u128(5)),
                ..Caller::new(UserId::from_u128(7), roles)
            },
            issued_at,
            expires_at: issued_at.after(LIFETIME),
        }
    }

    fn changed(roles: Roles, at: Timestamp) -> AccessChanges {
        AccessChanges {
            roles: vec![(UserId::from_u128(7), roles, at)],
            ended: vec![],
        }
    }

    #[test]
    fn changed_roles_apply_to_tokens_issued_before() {
        let cache = RevocationCache::new(LIFETIME);
        let fewer = Roles::from([Role::Customer]);
        cache.record(changed(fewer, NOW), None);
        // An older change that arrives later is ignored.
        cache.record(changed(Roles::default(), NOW.before(LIFETIME)), None);
        let roles_of = |issued_at| {
            let good = cache.check(bearer(issued_at), NOW).unwrap();
            good.caller.roles
        };
        assert_eq!(roles_of(NOW.before(Duration::from_secs(1))), fewer);
        assert_eq!(roles_of(NOW), fewer);
        assert_eq!(
            roles_of(NOW.after(CLOCK_SKEW)),
            fewer,
            "the clock of the issuer is ahead"
        );
        let later = NOW.after(CLOCK_SKEW + Duration::from_secs(1));
        assert_eq!(roles_of(later), bearer(later).caller.roles);
    }

    #[test]
    fn an_ended_session_is_refused_until_its_tokens_have_expired() {
        let cache = RevocationCache::new(LIFETIME);
        let session = SessionId::from_u128(5);
        let ended = AccessChanges {
            roles: vec![],
            ended: vec![(session, NOW)],
        };
        cache.record(ended, None);
        assert_eq!(cache.check(bearer(NOW), NOW), Err(TokenError::Ended));
        assert!(cache.has_ended(session));
        cache.record(AccessChanges::default(), Some(NOW.after(LIFETIME)));
        assert!(!cache.has_ended(session));
    }

    #[test]
    fn a_stale_cache_accepts_no_token() {
        let cache = RevocationCache::new(LIFETIME);
        let good = |now| cache.check(bearer(NOW), now).is_ok();
        assert!(good(NOW.after(LIFETIME)), "before the first refresh");
        cache
            .0
            .refreshed_at
            .store(NOW.as_micros(), Ordering::Relaxed);
        assert!(good(NOW.after(MAX_STALENESS)));
        let late = NOW.after(MAX_STALENESS + Duration::from_micros(1));
        assert_eq!(cache.check(bearer(NOW), late), Err(TokenError::Unknown));
    }
}
