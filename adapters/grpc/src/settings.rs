//! The settings of the gRPC interface.

use std::fmt;
use std::time::Duration;

/// How the market is served over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcSettings {
    /// The largest accepted message, in bytes.
    pub max_message_bytes: usize,
    /// How long a call may take, whatever its client's deadline.
    pub call_timeout: Duration,
    /// How often a silent client is pinged.
    pub keep_alive_interval: Duration,
    /// How long it may take to answer the ping.
    pub keep_alive_timeout: Duration,
    /// How many connections may be open at once; further ones wait.
    pub max_connections: usize,
    /// How long a client may take to begin, and for the TLS handshake.
    pub handshake_timeout: Duration,
    /// The age at which a connection is closed. Its open calls may end.
    pub max_connection_age: Duration,
    /// How many calls may be open at once in one connection.
    pub max_concurrent_streams: u32,
    /// How many streams (of health, of reflection) may be open at once, over all clients.
    pub max_open_streams: usize,
    /// How long running calls may take to end once the server is told to stop.
    pub shutdown_timeout: Duration,
    /// How often the health check pings storage.
    pub health_interval: Duration,
    /// If set, the server speaks TLS only.
    pub tls: Option<Identity>,
}

impl Default for GrpcSettings {
    /// 64 KiB; thirty seconds for a call; a silent client is pinged every minute and has twenty seconds to answer; 4096
    /// connections, each with ten seconds to begin and closed after an hour; 256 calls in a connection; 256 streams; ten seconds
    /// to stop; storage is pinged every second; no TLS.
    fn default() -> Self {
        Self {
            max_message_bytes: 64 * 1024,
            call_timeout: Duration::from_secs(30),
            keep_alive_interval: Duration::from_secs(60),
            keep_alive_timeout: Duration::from_secs(20),
            max_connections: 4096,
            handshake_timeout: Duration::from_secs(10),
            max_connection_age: Duration::from_secs(60 * 60),
            max_concurrent_streams: 256,
            max_open_streams: 256,
            shutdown_timeout: Duration::from_secs(10),
            health_interval: Duration::from_secs(1),
            tls: None,
        }
    }
}

/// The identity of the server: the contents of two PEM files.
#[derive(Clone)]
pub struct Identity {
    /// The certificate chain.
    pub certificate: Vec<u8>,
    /// Its private key. A secret.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
