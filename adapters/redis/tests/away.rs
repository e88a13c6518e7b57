//! The server is unavailable or slow: limits are counted in the process meanwhile, and no request is refused for that.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what does not come has to stop the test"
)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use p2p_application::ports::{LimitKey, Quota, RateLimiter, Subject};
use p2p_domain::{TypedId, UserId};
use p2p_redis::{InvalidUrl, RedisLimits};
use p2p_system::{InProcessLimits, SystemClock};
use support::{Never, Way, direct};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// A guard, and no promise: whatever takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

fn new_subject() -> LimitKey {
    LimitKey {
        limit: "away",
        subject: Subject::User(UserId::from_u128(p2p_system::random_bits().unwrap())),
    }
}

/// One an hour.
fn quota(burst: u32) -> Quota {
    Quota::new(1, Duration::from_secs(60 * 60), burst).unwrap()
}

fn limits(url: &str) -> RedisLimits {
    let clock = Arc::new(SystemClock);
    RedisLimits::new(url, Arc::new(InProcessLimits::new(clock))).unwrap()
}

/// An address without a listener.
async fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("redis://{}", listener.local_addr().unwrap())
}

async fn count(limits: &RedisLimits, key: LimitKey, quota: Quota, times: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..times {
        admitted += usize::from(limits.acquire(key, quota).await.admitted);
    }
    admitted
}

/// Whether the server counts: a new subject that takes its whole quota has none left there.
async fn is_counted_there(limits: &RedisLimits, direct: &RedisLimits) -> bool {
    let key = new_subject();
    assert!(limits.acquire(key, quota(1)).await.admitted);
    !direct.acquire(key, quota(1)).await.admitted
}

#[tokio::test]
async fn without_a_server_the_process_counts() {
    let limits = limits(&closed_address().await);
    for _ in 0..3 {
        assert_eq!(count(&limits, new_subject(), quota(5), 20).await, 5);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let way = Way::closed().await;
    let limits = limits(&way.url());
    let counting = async {
        for _ in 0..200 {
            assert_eq!(count(&limits, new_subject(), quota(5), 10).await, 5);
        }
    };
    // Two thousand time-outs would take a hundred seconds.
    timeout(HANGS, counting).await.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_none_where_tls_is_wanted() {
    let way = Way::closed().await;
    way.open();
    let limits = limits(&way.url().replace("redis:", "rediss:"));
    let direct = direct();
    for _ in 0..20 {
        assert!(!is_counted_there(&limits, &direct).await);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_server_that_comes_and_goes_and_comes_back_counts_again() {
    let way = Way::closed().await;
    let limits = limits(&way.url());
    let direct = direct();
    for _ in 0..2 {
        assert!(!is_counted_there(&limits, &direct).await);
        way.open();
        let comes = async {
            while !is_counted_there(&limits, &direct).await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(HANGS, comes).await.unwrap();
        way.close();
        let goes = async {
            while is_counted_there(&limits, &direct).await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(HANGS, goes).await.unwrap();
    }
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn it_is_said_once_in_a_while_and_without_the_password() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let closed_address = closed_address()
        .await
        .replace("redis://", "redis://user:s3cret@");
    let limits = limits(&closed_address);
    count(&limits, new_subject(), quota(5), 20).await;
    // Long enough for a second try.
    sleep(Duration::from_millis(1_200)).await;
    count(&limits, new_subject(), quota(5), 20).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!format!("{limits:?}").contains("s3cret"));
}

#[tokio::test]
async fn an_address_that_is_none_is_told_without_being_shown() {
    for bad in ["", "s3cret", "http://s3cret@127.0.0.1", "redis://:s3cret@"] {
        let error = RedisLimits::new(bad, Arc::new(Never)).err();
        assert_eq!(error, Some(InvalidUrl), "{bad}");
    }
    assert!(!InvalidUrl.to_string().contains("s3cret"));
}
