//! Serving: connections are accepted within limits and answered until either side ends them. A client has to begin, to send
//! the headers of its requests and to read its answers in time. The server speaks HTTP/1.1; HTTP/2 is left to the proxy that
//! terminates TLS.

mod accept;
mod connections;
mod settings;
mod write_timeout;

pub use accept::{accept, set_keepalive, set_nodelay};
pub use connections::Connections;
pub use settings::ServerSettings;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use self::write_timeout::TimedSocket;
use crate::client::Peer;

/// Request line and headers, in bytes; hyper takes up to a hundred headers.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Serves until told to stop; then accepts no further connection, and ends with the last open request. Upgraded connections are
/// not waited for.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    connections: Connections,
    stop: CancellationToken,
) {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.idle_timeout)
        .max_header_size(MAX_HEAD_BYTES);
    let most = settings.max_connections.min(Semaphore::MAX_PERMITS);
    let semaphore = Arc::new(Semaphore::new(most));
    let answering = TaskTracker::new();
    let accepting = async {
        // The semaphore is never closed.
        while let Ok(share) = Arc::clone(&semaphore).acquire_owned().await {
            let (stream, peer) = accept(&listener).await;
            let Some(permit) = connections.acquire(peer.ip(), &settings, share) else {
                continue;
            };
            prepare(&stream, settings.write_timeout);
            let socket = TimedSocket::new(stream, permit, settings.write_timeout);
            let (first, stop) = (settings.header_timeout, stop.clone());
            answering.spawn(answer(
                http.clone(),
                socket,
                peer,
                router.clone(),
                first,
                stop,
            ));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.cancelled() => {}
    }
    drop(listener);
    answering.close();
    answering.wait().await;
}

/// Small pieces leave at once, and a client that vanished is noticed by what it does not acknowledge.
fn prepare(stream: &TcpStream, timeout: Duration) {
    set_nodelay(stream);
    let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
        tracing::debug!(%error, "clients that vanished may be noticed late");
    }
}

/// Answers the requests of one connection. hyper ends it if the next headers do not arrive in time; the first ones have less
/// time.
async fn answer(
    http: Builder,
    socket: TimedSocket<TcpStream>,
    peer: SocketAddr,
    router: Router,
    first: Duration,
    stop: CancellationToken,
) {
    let begun = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        begun.store(true, Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        router.clone().call(request)
    });
    let connection = http.serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection.with_upgrades());
    let mut stopped = pin!(stop.cancelled());
    let mut late = pin!(sleep(first));
    let (mut stopping, mut checked) = (false, false);
    let ended = loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => break ended,
            () = &mut stopped, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut late, if !checked => {
                checked = true;
                if !begun.load(Relaxed) {
                    return;
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}
