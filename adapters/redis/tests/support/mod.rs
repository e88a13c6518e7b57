//! The server that tests use, and a way to it that can be closed.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not come has to stop the test"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use p2p_application::ports::{Allowance, LimitKey, Quota, RateLimiter};
use p2p_redis::RedisLimits;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where the server is: as `REDIS_URL` says, or on this machine. `cargo xtask test` provides it.
pub fn server() -> String {
    std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// For limits that are never to fall back.
#[derive(Debug)]
pub struct Never;

#[async_trait]
impl RateLimiter for Never {
    async fn acquire(&self, _: LimitKey, _: Quota) -> Allowance {
        panic!("is Redis running? `cargo xtask test` provides it")
    }
}

/// Limits at the server, patient enough for a machine that has much to do.
pub fn direct() -> RedisLimits {
    let limits = RedisLimits::new(&server(), Arc::new(Never)).unwrap();
    limits.with_timeout(Duration::from_secs(10))
}

/// A proxy to the server that accepts connections but passes nothing while it is closed.
pub struct Way {
    pub address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Way {
    pub async fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, is_open.clone()));
            }
        });
        Self { address, open }
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Cuts what is connected, too.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

async fn pass(mut near: TcpStream, mut is_open: watch::Receiver<bool>) {
    if is_open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let server = server();
    let server = server.split("//").nth(1).unwrap();
    let server = server.split(['/', '@']).next_back().unwrap();
    let mut far = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = is_open.wait_for(|open| !*open) => {}
    }
}
