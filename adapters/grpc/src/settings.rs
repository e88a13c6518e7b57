//! What an operator decides about the gRPC interface.

use std::fmt;
use std::time::Duration;

/// How the market is served over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcSettings {
    /// The largest message that is taken, in bytes.
    pub max_message_bytes: usize,
    /// How long a call may take, whatever its client's deadline.
    pub call_timeout: Duration,
    /// How often a silent client is asked whether it is still there.
    pub keep_alive_interval: Duration,
    /// How long it may take to say so.
    pub keep_alive_timeout: Duration,
    /// How many connections there may be at once; further ones wait.
    pub max_connections: usize,
    /// How long a client may take to begin, and over the handshake of TLS.
    pub handshake_timeout: Duration,
    /// When a client is asked to connect anew. Calls that are open then may end.
    pub max_connection_age: Duration,
    /// How many calls one connection may have open at once.
    pub max_concurrent_streams: u32,
    /// How many streams (of health, of reflection) may be open at once, of all clients together.
    pub max_open_streams: usize,
    /// How long running calls may take to end once the server is told to stop.
    pub shutdown_patience: Duration,
    /// How often storage is asked whether it is there.
    pub health_interval: Duration,
    /// With it the server speaks TLS, and nothing else.
    pub tls: Option<Identity>,
}

impl Default for GrpcSettings {
    /// 64 KiB; thirty seconds for a call; a silent client is asked every minute and has twenty seconds to answer; 4096
    /// connections, each with ten seconds to begin and good for an hour; 256 calls in a connection; 256 streams; ten seconds
    /// to stop; storage is asked every second; no TLS.
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
            shutdown_patience: Duration::from_secs(10),
            health_interval: Duration::from_secs(1),
            tls: None,
        }
    }
}

/// Who the server is: the contents of two PEM files.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, with those that lead to its authority.
    pub certificate: Vec<u8>,
    /// Its private key. A secret.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
