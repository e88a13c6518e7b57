//! Whose rights have changed of late: what makes an access token worth less than it says.
//!
//! Access tokens are believed without a look at storage. So that a changed role or an ended session counts all the same, each
//! process keeps in memory what has changed within a token's lifetime: at once where it made the change itself, and by
//! following storage where another replica did. There is little of it, and a token that is older than that has expired.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use p2p_domain::{Roles, SessionId, Timestamp, UserId};

use crate::Market;
use crate::ports::{AccessChanges, Bearer, ChangeSet, StorageError, TokenError};
use crate::timeout::with_timeout;

/// How often storage is asked what others have changed.
const EVERY: Duration = Duration::from_secs(5);

/// Who has not heard from storage for so long believes no token any more.
const TRUSTED_FOR: Duration = Duration::from_secs(50);

/// A change is committed some time after it was decided, and replicas' clocks differ.
const SLACK: Duration = Duration::from_secs(60);

/// What is known here. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: RwLock<Known>,
    /// How long a token can outlive a change.
    lifetime: Duration,
    /// When storage was last heard from, in microseconds; `i64::MAX` while nobody follows it.
    heard_at: AtomicI64,
}

#[derive(Debug, Default)]
struct Known {
    roles: HashMap<UserId, (Roles, Timestamp)>,
    ended: HashMap<SessionId, Timestamp>,
}

impl Access {
    /// Nothing is known to have changed. Until somebody follows storage, only changes made here count.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self(Arc::new(Shared {
            known: RwLock::default(),
            lifetime,
            heard_at: AtomicI64::new(i64::MAX),
        }))
    }

    /// What the token's bearer may do now.
    pub(crate) fn still_good(&self, bearer: Bearer, now: Timestamp) -> Result<Bearer, TokenError> {
        let heard_at = Timestamp::from_micros(self.0.heard_at.load(Ordering::Relaxed));
        if now.since(heard_at) > TRUSTED_FOR {
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
            // The token says whole seconds, of a clock that may be ahead.
            && bearer.issued_at <= at.after(SLACK)
        {
            bearer.caller.roles = *roles;
        }
        Ok(bearer)
    }

    /// Whether this session is known to have ended: for what outlasts a request.
    #[must_use]
    pub fn has_ended(&self, session: SessionId) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.ended.contains_key(&session)
    }

    /// What a commit of this process has changed.
    pub(crate) fn learn_of(&self, changes: &ChangeSet) {
        if changes.users.is_empty() && changes.sessions.is_empty() {
            return;
        }
        let users = changes.users.iter().map(|saved| &saved.value);
        let roles = users.filter_map(|user| Some((user.id, user.roles, user.roles_changed_at?)));
        let sessions = changes.sessions.iter().map(|saved| &saved.value);
        let ended = sessions.filter_map(|session| Some((session.id, session.ended?.0)));
        let learned = AccessChanges {
            roles: roles.collect(),
            ended: ended.collect(),
        };
        self.learn(learned, None);
    }

    /// Adds what is new, and forgets what no token can be older than.
    fn learn(&self, changes: AccessChanges, forget_before: Option<Timestamp>) {
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

    /// Asks storage what has changed since this process last asked; the first time, within a token's lifetime.
    pub async fn catch_up(&self, market: &Market) -> Result<(), StorageError> {
        let now = market.now();
        let horizon = now.before(self.0.lifetime).before(SLACK);
        let heard_at = self.0.heard_at.load(Ordering::Relaxed);
        let since = if heard_at == i64::MAX {
            horizon
        } else {
            horizon.max(Timestamp::from_micros(heard_at).before(SLACK))
        };
        let changes = with_timeout(market.queries().access_changes(since)).await?;
        self.learn(changes, Some(horizon));
        self.0.heard_at.store(now.as_micros(), Ordering::Relaxed);
        Ok(())
    }

    /// Follows storage, for ever. Should begin before the first request is served.
    pub async fn follow(self, market: Market) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.catch_up(&market).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "whose rights have changed can't be seen"
                );
            }
        }
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
    fn changed_roles_count_for_tokens_that_were_issued_before() {
        let access = Access::new(LIFETIME);
        let fewer = Roles::from([Role::Customer]);
        access.learn(changed(fewer, NOW), None);
        // What was known earlier comes in later.
        access.learn(changed(Roles::default(), NOW.before(LIFETIME)), None);
        let roles_of = |issued_at| {
            let good = access.still_good(bearer(issued_at), NOW).unwrap();
            good.caller.roles
        };
        assert_eq!(roles_of(NOW.before(Duration::from_secs(1))), fewer);
        assert_eq!(roles_of(NOW), fewer);
        assert_eq!(roles_of(NOW.after(SLACK)), fewer, "its clock is ahead");
        let later = NOW.after(SLACK + Duration::from_secs(1));
        assert_eq!(roles_of(later), bearer(later).caller.roles);
    }

    #[test]
    fn an_ended_session_is_over_and_forgotten_when_its_tokens_are() {
        let access = Access::new(LIFETIME);
        let session = SessionId::from_u128(5);
        let ended = AccessChanges {
            roles: vec![],
            ended: vec![(session, NOW)],
        };
        access.learn(ended, None);
        assert_eq!(access.still_good(bearer(NOW), NOW), Err(TokenError::Ended));
        assert!(access.has_ended(session));
        access.learn(AccessChanges::default(), Some(NOW.after(LIFETIME)));
        assert!(!access.has_ended(session));
    }

    #[test]
    fn who_has_not_heard_from_storage_for_long_believes_nobody() {
        let access = Access::new(LIFETIME);
        let good = |now| access.still_good(bearer(NOW), now).is_ok();
        assert!(good(NOW.after(LIFETIME)), "nobody follows storage");
        access.0.heard_at.store(NOW.as_micros(), Ordering::Relaxed);
        assert!(good(NOW.after(TRUSTED_FOR)));
        let late = NOW.after(TRUSTED_FOR + Duration::from_micros(1));
        assert_eq!(
            access.still_good(bearer(NOW), late),
            Err(TokenError::Unknown)
        );
    }
}
