//! The settings of connections.

use std::time::Duration;

use crate::client::TrustedProxies;

/// How connections are treated, whatever is requested over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// How many may be open at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// How many of one address (of IPv6: of one /64 network); further ones are closed at once.
    pub max_connections_per_address: usize,
    /// Exempt from `max_connections_per_address`, as each of them speaks for many clients.
    pub trusted_proxies: TrustedProxies,
    /// How long a new connection may take until the headers of its first request have arrived.
    pub header_timeout: Duration,
    /// How long it may take from one answer until the headers of the next request have arrived.
    pub idle_timeout: Duration,
    /// A client that reads nothing of an answer for this long is cut off.
    pub write_timeout: Duration,
}

impl Default for ServerSettings {
    /// 10,000 connections, 1,000 of one address; ten seconds for the first headers, 75 between requests (longer than proxies
    /// keep theirs), half a minute for answers.
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            trusted_proxies: TrustedProxies::default(),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
        }
    }
}
