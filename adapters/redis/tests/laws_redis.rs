//! The laws of the port for rate limits, at a Redis server; and what is so there only: replicas count together, by names that
//! are gone when they are not needed.

#![allow(
    clippy::unwrap_used,
    reason = "what does not come has to stop the test"
)]

mod laws;
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use laws::{key, new_subject};
use p2p_application::ports::{Quota, RateLimiter};
use p2p_redis::RedisLimits;
use support::{direct, server};

struct Server {
    began: Instant,
    limiter: Arc<RedisLimits>,
}

impl Server {
    /// Where the server can't be asked, the test fails.
    fn new() -> Self {
        Self {
            began: Instant::now(),
            limiter: replica(),
        }
    }
}

fn replica() -> Arc<RedisLimits> {
    Arc::new(direct())
}

impl laws::Fixture for Server {
    fn limiter(&self) -> Arc<dyn RateLimiter> {
        Arc::<RedisLimits>::clone(&self.limiter)
    }

    async fn pass(&self, span: Duration) {
        // Time at the server can't be moved.
        tokio::time::sleep(span).await;
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

laws!(Server::new());

#[tokio::test]
async fn replicas_count_together() {
    let replicas = [replica(), replica(), replica()];
    let quota = Quota::new(1, Duration::from_secs(60 * 60), 10).unwrap();
    let key = key(new_subject());
    let mut admitted = 0;
    for turn in 0..30 {
        let answer = replicas[turn % 3].acquire(key, quota).await;
        admitted += usize::from(answer.admitted);
    }
    assert_eq!(admitted, 10);
}

#[tokio::test]
async fn a_name_is_kept_until_its_subject_is_at_rest() {
    let client = redis::Client::open(server()).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    let limiter = replica();
    // No other quota lasts between two months and three.
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let quota = Quota::new(1, month, 3).unwrap();
    let mark = key(new_subject());
    for _ in 0..4 {
        limiter.acquire(mark, quota).await;
    }
    let names: Vec<String> = redis::cmd("KEYS")
        .arg("p2p:*")
        .query_async(&mut raw)
        .await
        .unwrap();
    let mut kept = Vec::new();
    for name in names {
        let left: i64 = redis::cmd("PTTL")
            .arg(&name)
            .query_async(&mut raw)
            .await
            .unwrap();
        assert!(left != -1, "{name} is kept for ever");
        let left = Duration::from_millis(left.max(0).unsigned_abs());
        if left > month * 2 && left <= month * 3 {
            kept.push(name);
        }
    }
    assert!(!kept.is_empty());
    let gone: i64 = redis::cmd("DEL")
        .arg(&kept)
        .query_async(&mut raw)
        .await
        .unwrap();
    assert!(gone >= 1);
    assert!(limiter.acquire(mark, quota).await.admitted, "at rest again");
}
