//! The laws of the port for rate limits, written once. Every adapter is held to all of them by [`laws!`].
//!
//! A law is an async function over a [`World`], named by what it says; where time has to stand still, a quota is given back
//! so slowly that it does not matter. To add one: write it here, and name it in the macro.
#![allow(
    unreachable_pub,
    reason = "each test binary has its own copy of this, which nobody else sees"
)]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use p2p_application::ports::{Allowance, LimitKey, Quota, RateLimiter, Subject};
use p2p_domain::{TypedId, UserId};

/// An adapter, and its time.
pub trait World {
    fn limiter(&self) -> Arc<dyn RateLimiter>;

    /// Lets this much of its time pass, or more.
    fn pass(&self, span: Duration) -> impl Future<Output = ()>;

    /// How much has passed since it began, or more.
    fn elapsed(&self) -> Duration;
}

/// Makes a test of every law, in a world that the expression makes for each of them.
#[macro_export]
macro_rules! laws {
    ($world:expr) => {
        $crate::laws! { @each $world;
            a_subject_at_rest_has_the_whole_quota
            what_is_not_admitted_takes_nothing
            keys_do_not_meet
            of_those_who_ask_at_once_as_many_are_admitted_as_there_is_room_for
            one_is_admitted_when_the_answer_says
            over_any_time_no_more_is_admitted_than_the_quota_has
            a_smaller_quota_counts_from_now_on
            the_fastest_and_the_largest_quotas_are_counted
        }
    };
    (@each $world:expr; $($law:ident)+) => {
        $(
            #[tokio::test]
            async fn $law() {
                laws::$law($world).await;
            }
        )+
    };
}

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Given back one an hour.
fn slow(burst: u32) -> Quota {
    Quota::new(1, HOUR, burst).unwrap()
}

/// Somebody who has never been seen, whichever test asks.
pub fn somebody() -> Subject {
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

pub async fn a_subject_at_rest_has_the_whole_quota(world: impl World) {
    let (limiter, key, quota) = (world.limiter(), key(somebody()), slow(3));
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

pub async fn what_is_not_admitted_takes_nothing(world: impl World) {
    let (limiter, key) = (world.limiter(), key(somebody()));
    assert_eq!(admitted(&*limiter, key, slow(2), 50).await, 2);
    let Allowance {
        admitted, reset, ..
    } = limiter.acquire(key, slow(2)).await;
    assert!(!admitted && reset <= HOUR * 2);
}

pub async fn keys_do_not_meet(world: impl World) {
    let limiter = world.limiter();
    let (one, other) = (somebody(), somebody());
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

pub async fn of_those_who_ask_at_once_as_many_are_admitted_as_there_is_room_for(world: impl World) {
    let (limiter, key) = (world.limiter(), key(somebody()));
    let asking = (0..100).map(|_| {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move { limiter.acquire(key, slow(20)).await.admitted })
    });
    let answers = join_all(asking).await.into_iter().map(Result::unwrap);
    assert_eq!(answers.filter(|admitted| *admitted).count(), 20);
}

pub async fn one_is_admitted_when_the_answer_says(world: impl World) {
    let (limiter, key) = (world.limiter(), key(somebody()));
    let quota = Quota::new(5, Duration::from_secs(1), 2).unwrap();
    for _ in 0..3 {
        let mut answer = limiter.acquire(key, quota).await;
        while answer.admitted {
            answer = limiter.acquire(key, quota).await;
        }
        world.pass(answer.retry_after).await;
        assert!(limiter.acquire(key, quota).await.admitted);
    }
}

pub async fn over_any_time_no_more_is_admitted_than_the_quota_has(world: impl World) {
    let (limiter, key) = (world.limiter(), key(somebody()));
    let quota = Quota::new(100, Duration::from_secs(1), 5).unwrap();
    let began = world.elapsed();
    let mut taken = 0;
    for _ in 0..100 {
        taken += admitted(&*limiter, key, quota, 2).await;
        world.pass(Duration::from_millis(3)).await;
    }
    let passed = (world.elapsed() - began).as_millis() / quota.interval().as_millis();
    assert!(taken >= 5, "{taken}");
    assert!(taken <= 5 + usize::try_from(passed).unwrap() + 1, "{taken}");
}

pub async fn a_smaller_quota_counts_from_now_on(world: impl World) {
    let (limiter, key) = (world.limiter(), key(somebody()));
    assert_eq!(admitted(&*limiter, key, slow(50), 50).await, 50);
    let answer = limiter.acquire(key, slow(2)).await;
    assert!(!answer.admitted && answer.reset <= HOUR * 2);
    assert!(answer.retry_after <= HOUR);
}

pub async fn the_fastest_and_the_largest_quotas_are_counted(world: impl World) {
    let limiter = world.limiter();
    for (count, span, burst) in [
        (u32::MAX, Duration::from_secs(1), u32::MAX),
        (1, Duration::from_secs(60), u32::MAX),
        (1_000_000, Duration::from_secs(1), 1),
    ] {
        let quota = Quota::new(count, span, burst).unwrap();
        assert!(limiter.acquire(key(somebody()), quota).await.admitted);
    }
}
