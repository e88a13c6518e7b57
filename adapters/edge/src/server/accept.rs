//! Accepting connections, and the options of their sockets.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// The pause after a failure to accept, such as too many open files.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The next connection. A failure of one connection does not keep the others waiting.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionReset
                        | ErrorKind::ConnectionRefused
                ) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again");
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

/// Sends small pieces at once.
pub fn set_nodelay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small pieces may wait for larger ones");
    }
}

/// Probes a connection that is silent at the level of TCP for this long.
pub fn set_keepalive(stream: &TcpStream, idle: Duration) {
    let set = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, idle));
    if let Err(error) = set {
        tracing::debug!(%error, "clients that vanished may be noticed late");
    }
}
