//! Taking of quotas at the server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use p2p_application::ports::{Allowance, LimitKey, Quota, RateLimiter};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo, RedisError, Script};
use tokio::time::{Instant, timeout};

use crate::circuit_breaker::CircuitBreaker;
use crate::key;

/// How long a request waits for the server: a slow one is as good as none.
const REDIS_TIMEOUT: Duration = Duration::from_millis(50);

/// How long a connection may take to be opened, and to be missed.
const CONNECTING: Duration = Duration::from_secs(2);

/// Between two tries to connect, at most.
const RECONNECTING: Duration = Duration::from_secs(2);

/// Requests that may wait to be sent.
const WAITING: usize = 1_024;

/// The address of the server can't be used. It is not repeated here: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as redis://user:password@host:6379/0, or rediss:// for TLS")]
pub struct InvalidUrl;

/// Counts at a Redis server, and by another limiter while it does not answer.
pub struct RedisLimits {
    connection: ConnectionManager,
    script: Script,
    breaker: CircuitBreaker,
    redis_timeout: Duration,
    fallback: Arc<dyn RateLimiter>,
}

impl std::fmt::Debug for RedisLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLimits").finish_non_exhaustive()
    }
}

impl RedisLimits {
    /// Nothing is asked of the server yet, so it may be away. Needs tokio's runtime.
    pub fn new(url: &str, fallback: Arc<dyn RateLimiter>) -> Result<Self, InvalidUrl> {
        // If there is one already, that is as good.
        #[cfg(feature = "rediss")]
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_user_timeout(CONNECTING);
        let address = url.into_connection_info().map_err(|_| InvalidUrl)?;
        let client = Client::open(address.set_tcp_settings(tcp)).map_err(|_| InvalidUrl)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(CONNECTING))
            .set_max_delay(RECONNECTING)
            .set_pipeline_buffer_size(WAITING);
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(|_| InvalidUrl)?;
        Ok(Self {
            connection,
            script: Script::new(include_str!("take.lua")),
            breaker: CircuitBreaker::default(),
            redis_timeout: REDIS_TIMEOUT,
            fallback,
        })
    }

    /// Waits this long for an answer, instead of 50 ms.
    #[must_use]
    pub const fn with_timeout(mut self, redis_timeout: Duration) -> Self {
        self.redis_timeout = redis_timeout;
        self
    }

    async fn ask(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RedisError> {
        let mut connection = self.connection.clone();
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let (admitted, reset): (u8, u64) = self
            .script
            .key(key::name(key))
            .arg(micros(quota.interval()))
            .arg(micros(quota.window()))
            .invoke_async(&mut connection)
            .await?;
        let reset = Duration::from_micros(reset);
        Ok(Allowance::of(quota, admitted == 1, reset))
    }
}

#[async_trait]
impl RateLimiter for RedisLimits {
    async fn acquire(&self, key: LimitKey, quota: Quota) -> Allowance {
        if self.breaker.allows(Instant::now()) {
            match timeout(self.redis_timeout, self.ask(&key, quota)).await {
                Ok(Ok(allowance)) => {
                    self.breaker.success();
                    return allowance;
                }
                Ok(Err(error)) => self.breaker.failure(Instant::now(), &error),
                Err(_) => self.breaker.failure(Instant::now(), &"no answer in time"),
            }
        }
        self.fallback.acquire(key, quota).await
    }
}
