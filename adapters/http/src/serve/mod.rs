//! Serving: connections are taken within limits and answered until either side ends them. Each has to begin before long, to
//! send its requests' headers in time and to take its answers. HTTP/1.1 is spoken; HTTP/2 is up to the proxy that ends TLS.

mod places;
mod settings;
mod socket;

pub use places::Connections;
pub use settings::ServerSettings;

use std::io::ErrorKind;
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

use self::socket::Socket;
use crate::client::Peer;

/// Request line and headers, in bytes; hyper takes up to a hundred of them.
const MAX_HEAD: usize = 32 * 1024;

/// How long nothing is accepted after it could not be, as where no file can be opened.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until told to stop; then takes no connection any more, and ends with the last request that is open. Who has gone over
/// to a WebSocket is nobody's request any more.
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
        .max_header_size(MAX_HEAD);
    let most = settings.max_connections.min(Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(most));
    let answering = TaskTracker::new();
    let accepting = async {
        // Nobody closes the room.
        while let Ok(room) = Arc::clone(&room).acquire_owned().await {
            let (stream, peer) = accepted(&listener).await;
            let Some(place) = connections.enter(peer.ip(), &settings, room) else {
                continue;
            };
            prepare(&stream, settings.write_patience);
            let socket = Socket::new(stream, place, settings.write_patience);
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

/// The next connection. What is wrong with one of them does not keep the others waiting.
async fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
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
                sleep(PAUSE).await;
            }
        }
    }
}

/// What is sent leaves at once, and who is gone without a word is noticed by what they do not acknowledge.
fn prepare(stream: &TcpStream, patience: Duration) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small pieces may wait for larger ones");
    }
    let most = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, most) {
        tracing::debug!(%error, "who is gone may be noticed late");
    }
}

/// Answers what is asked over one connection. hyper ends it where the next headers do not come in time; the first ones have
/// less.
async fn answer(
    http: Builder,
    socket: Socket<TcpStream>,
    peer: SocketAddr,
    router: Router,
    first: Duration,
    stop: CancellationToken,
) {
    let begun = AtomicBool::new(false);
    let asked = service_fn(|request: Request<Incoming>| {
        begun.store(true, Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        router.clone().call(request)
    });
    let connection = http.serve_connection(TokioIo::new(socket), asked);
    let mut connection = pin!(connection.with_upgrades());
    let mut stopped = pin!(stop.cancelled());
    let mut late = pin!(sleep(first));
    let (mut stopping, mut looked) = (false, false);
    let ended = loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => break ended,
            () = &mut stopped, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut late, if !looked => {
                looked = true;
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
