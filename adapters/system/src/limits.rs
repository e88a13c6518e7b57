//! Counting what is taken of quotas, in this process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use p2p_application::limits::gcra;
use p2p_application::ports::{Allowance, Clock, LimitKey, Quota, RateLimiter};
use p2p_domain::Timestamp;

/// So many subjects can be counted at the same time without one waiting for another.
const SHARDS: usize = 16;

/// How many are remembered in all. Each takes up to a hundred bytes, or twice that for a moment while a table grows.
const MAX_SUBJECTS: usize = 1 << 18;

/// Those at rest are looked for when there are so many in a shard, and again when there are twice as many as were left.
const MIN_SWEEP: usize = 1 << 10;

/// Counts in memory, by the given clock. Subjects with their whole quota are dropped; if too many others remain, those that will
/// be at rest soonest are, too.
pub struct InProcessLimits {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    /// The most that a shard remembers.
    most: usize,
}

#[derive(Debug, Default)]
struct Shard {
    /// When each will have rested.
    rested: HashMap<LimitKey, Timestamp>,
    /// How many there are when some are forgotten next.
    enough: usize,
}

impl std::fmt::Debug for InProcessLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcessLimits").finish_non_exhaustive()
    }
}

impl InProcessLimits {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(MAX_SUBJECTS, clock)
    }

    fn with_capacity(most: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            most: (most / SHARDS).max(1),
        }
    }

    fn shard(&self, key: &LimitKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RateLimiter for InProcessLimits {
    async fn acquire(&self, key: LimitKey, quota: Quota) -> Allowance {
        let now = self.clock.now();
        let mut shard = self.shard(&key);
        if let Some(rested) = shard.rested.get_mut(&key) {
            let (allowance, then) = gcra::acquire(*rested, quota, now);
            *rested = then;
            return allowance;
        }
        if shard.rested.len() >= shard.enough.max(MIN_SWEEP.min(self.most)) {
            shard.forget(now, self.most);
        }
        let (allowance, then) = gcra::acquire(now, quota, now);
        shard.rested.insert(key, then);
        allowance
    }
}

impl Shard {
    /// Forgets who is at rest, and more where that is not enough.
    fn forget(&mut self, now: Timestamp, most: usize) {
        self.rested.retain(|_, at| *at > now);
        if self.rested.len() >= most {
            let mut times: Vec<_> = self.rested.values().copied().collect();
            let (_, middle, _) = times.select_nth_unstable(most / 2);
            let middle = *middle;
            self.rested.retain(|_, at| *at > middle);
        }
        self.enough = (self.rested.len() * 2).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use p2p_application::ports::Subject;
    use p2p_domain::{TypedId, UserId};
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
    use std::time::Duration;

    #[derive(Default)]
    struct Counts(AtomicI64);

    impl Clock for Counts {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(SeqCst))
        }
    }

    struct Fixture {
        clock: Arc<Counts>,
        limits: InProcessLimits,
        quota: Quota,
    }

    impl Fixture {
        /// A quota of one a second, ten at once.
        fn with_capacity(most: usize) -> Self {
            let clock = Arc::new(Counts::default());
            let hands: Arc<Counts> = Arc::clone(&clock);
            Self {
                clock,
                limits: InProcessLimits::with_capacity(most, hands),
                quota: Quota::new(1, Duration::from_secs(1), 10).unwrap(),
            }
        }

        async fn take(&self, user: u128) -> Allowance {
            let subject = Subject::User(UserId::from_u128(user));
            let limit = "test";
            self.limits
                .acquire(LimitKey { limit, subject }, self.quota)
                .await
        }

        fn pass(&self, seconds: i64) {
            self.clock.0.fetch_add(seconds * 1_000_000, SeqCst);
        }

        fn remembered(&self) -> usize {
            let shards = self.limits.shards.iter();
            shards.map(|shard| shard.lock().unwrap().rested.len()).sum()
        }
    }

    #[tokio::test]
    async fn who_is_at_rest_is_forgotten() {
        let fixture = Fixture::with_capacity(MAX_SUBJECTS);
        for user in 0..20_000 {
            fixture.take(user).await;
        }
        assert_eq!(fixture.remembered(), 20_000);
        fixture.pass(1);
        for user in 20_000..80_000 {
            fixture.take(user).await;
        }
        assert!(fixture.remembered() <= 60_000, "{}", fixture.remembered());
    }

    #[tokio::test]
    async fn however_many_ask_few_are_remembered_and_those_who_took_most() {
        let fixture = Fixture::with_capacity(3_200);
        let greedy = 1_000_000;
        for _ in 0..10 {
            assert!(fixture.take(greedy).await.admitted);
        }
        for user in 0..100_000 {
            assert!(fixture.take(user).await.admitted);
            assert!(fixture.remembered() <= 3_200);
        }
        assert!(!fixture.take(greedy).await.admitted);
        fixture.pass(1);
        assert!(fixture.take(greedy).await.admitted);
    }
}
