//! The laws of the port for rate limits, written once. Every adapter is held to all of them by [`laws!`].
//!
//! A law is an async function over a [`Fixture`], named by what it says; where time has to stand still, a quota is given back
//! so slowly that it does not matter. To add one: write it here, and name it in the macro.
#![allow(unreachable_pub, reason = "each test binary has its own copy of this")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use p2p_application::ports::{Allowance, LimitKey, Quota, RateLimiter, Subject};
use p2p_domain::{TypedId, UserId};

/// An adapter, and its time.
pub trait Fixture {
    fn limiter(&self) -> Arc<dyn RateLimiter>;

    /// Lets this much of its time pass, or more.
    fn pass(&self, span: Duration) -> impl Future<Output = ()>;

    /// How much has passed since it began, or more.
    fn elapsed(&self) -> Duration;
}

/// Makes a test of every law, in a world that the expression makes for each of them.
#[macro_export]
macro_rules! laws {
    ($fixture:expr) => {
        $crate::laws! { @each $fixture;
            a_subject_at_rest_has_the_whole_quota
            a_rejected_request_takes_nothing
            keys_are_independent
            concurrent_requests_are_admitted_up_to_the_quota
            a_rejected_key_is_admitted_after_the_announced_wait
            over_any_time_no_more_is_admitted_than_the_quota_has
            a_smaller_quota_counts_from_now_on
            the_fastest_and_the_largest_quotas_are_counted
        }
    };
    (@each $fixture:expr; $($law:ident)+) => {
        $(
            #[tokio::test]
            async fn $law() {
                laws::$law($fixture).await;
            }
        )+
    };
}

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Given back one an hour.
fn slow(burst: u32) -> Quota {
    Quota::new(1, HOUR, burst).unwrap()
}

/// A subject that no other test uses.
pub fn new_subject() -> Subject {
    Subject::User(UserId::from_u128(p2p_system::random_bits().unwrap()))
}

pub const fn key(subject: Subject) -> LimitKey {
    LimitKey {
        limit: "law",
        subject,
    }
}

/// How many of so many are admitted.
async fn admitted(limiter: &dyn RateLimiter, key: LimitKey, quota: Quota, count: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..count {
        admitted += usize::from(limiter.acquire(key, quota).await.admitted);
    }
    admitted
}

pub async fn a_subject_at_rest_has_the_whole_quota(fixture: impl Fixture) {
    let (limiter, key, quota) = (fixture.limiter(), key(new_subject()), slow(3));
    for left in [2, 1, 0] {
        let allowance = limiter.acquire(key, quota).await;
        assert!(allowance.admitted);
        assert_eq!((allowance.quota, allowance.remaining), (quota, left));
        let rest = HOUR * (3 - left);
        assert!(allowance.reset <= rest && allowance.reset > rest - HOUR / 2);
        assert_eq!(allowance.retry_after.is_zero(), left > 0);
    }
    let refused = limiter.acquire(key, quota).await;
    assert!(!refused.admitted && refused.remaining == 0);
    assert!(refused.retry_after <= HOUR && refused.retry_after > HOUR / 2);
}

pub async fn a_rejected_request_takes_nothing(fixture: impl Fixture) {
    let (limiter, key) = (fixture.limiter(), key(new_subject()));
    assert_eq!(admitted(&*limiter, key, slow(2), 50).await, 2);
    let Allowance {
        admitted, reset, ..
    } = limiter.acquire(key, slow(2)).await;
    assert!(!admitted && reset <= HOUR * 2);
}

pub async fn keys_are_independent(fixture: impl Fixture) {
    let limiter = fixture.limiter();
    let (one, other) = (new_subject(), new_subject());
    let network = |subject| match subject {
        Subject::User(id) => Subject::address(std::net::Ipv6Addr::from_bits(id.as_u128()).into()),
        address @ Subject::Address(_) => address,
    };
    let keys = [
        key(one),
        key(other),
        LimitKey {
            limit: "another law",
            ..key(one)
        },
        key(network(one)),
        key(network(other)),
    ];
    for key in keys {
        assert_eq!(admitted(&*limiter, key, slow(2), 3).await, 2, "{key:?}");
    }
}

pub async fn concurrent_requests_are_admitted_up_to_the_quota(fixture: impl Fixture) {
    let (limiter, key) = (fixture.limiter(), key(new_subject()));
    let asking = (0..100).map(|_| {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move { limiter.acquire(key, slow(20)).await.admitted })
    });
    let answers = join_all(asking).await.into_iter().map(Result::unwrap);
    assert_eq!(answers.filter(|admitted| *admitted).count(), 20);
}

pub async fn a_rejected_key_is_admitted_after_the_announced_wait(fixture: impl Fixture) {
    let (limiter, key) = (fixture.limiter(), key(new_subject()));
    let quota = Quota::new(5, Duration::from_secs(1), 2).unwrap();
    for _ in 0..3 {
        let mut answer = limiter.acquire(key, quota).await;
        while answer.admitted {
            answer = limiter.acquire(key, quota).await;
        }
        fixture.pass(answer.retry_after).await;
        assert!(limiter.acquire(key, quota).await.admitted);
    }
}

pub async fn over_any_time_no_more_is_admitted_than_the_quota_has(fixture: impl Fixture) {
    let (limiter, key) = (fixture.limiter(), key(new_subject()));
    let quota = Quota::new(100, Duration::from_secs(1), 5).unwrap();
    let began = fixture.elapsed();
    let mut taken = 0;
    for _ in 0..100 {
        taken += admitted(&*limiter, key, quota, 2).await;
        fixture.pass(Duration::from_millis(3)).await;
    }
    let passed = (fixture.elapsed() - began).as_millis() / quota.interval().as_millis();
    assert!(taken >= 5, "{taken}");
    assert!(taken <= 5 + usize::try_from(passed).unwrap() + 1, "{taken}");
}

pub async fn a_smaller_quota_counts_from_now_on(fixture: impl Fixture) {
    let (limiter, key) = (fixture.limiter(), key(new_subject()));
    assert_eq!(admitted(&*limiter, key, slow(50), 50).await, 50);
    let answer = limiter.acquire(key, slow(2)).await;
    assert!(!answer.admitted && answer.reset <= HOUR * 2);
    assert!(answer.retry_after <= HOUR);
}

pub async fn the_fastest_and_the_largest_quotas_are_counted(fixture: impl Fixture) {
    let limiter = fixture.limiter();
    for (count, span, burst) in [
        (u32::MAX, Duration::from_secs(1), u32::MAX),
        (1, Duration::from_secs(60), u32::MAX),
        (1_000_000, Duration::from_secs(1), 1),
    ] {
        let quota = Quota::new(count, span, burst).unwrap();
        assert!(limiter.acquire(key(new_subject()), quota).await.admitted);
    }
}
