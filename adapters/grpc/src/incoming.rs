//! Incoming connections: a limited number at once, and each has to begin in time.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{FutureExt, Stream, future::BoxFuture, stream};
use p2p_edge::server::{accept, set_keepalive, set_nodelay};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// How long a connection may be silent at the level of TCP before it is probed.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// The bytes that every client begins with: HTTP/2's preface, or more of TLS.
const PREFACE_BYTES: usize = 24;

/// Up to `max` connections at once; further ones wait until one of them ends. A client that has not begun within `timeout`, or
/// when the server stops, is cut off.
pub(crate) fn connections(
    listener: TcpListener,
    max: usize,
    timeout: Duration,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> {
    let semaphore = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
    stream::unfold(listener, move |listener| {
        let (semaphore, stop) = (Arc::clone(&semaphore), stop.clone());
        async move {
            let permit = semaphore.acquire_owned().await.ok()?;
            let (stream, _) = accept(&listener).await;
            set_nodelay(&stream);
            set_keepalive(&stream, TCP_KEEPALIVE);
            let too_late = async move {
                let _ = tokio::time::timeout(timeout, stop.cancelled()).await;
            };
            let connection = Connection {
                stream,
                missing: PREFACE_BYTES,
                too_late: too_late.fuse().boxed(),
                _permit: permit,
            };
            Some((Ok(connection), listener))
        }
    })
}

/// A connection, and its permit.
pub(crate) struct Connection {
    stream: TcpStream,
    /// How many bytes of the client's preface are missing.
    missing: usize,
    /// Ends when it is too late for them.
    too_late: BoxFuture<'static, ()>,
    _permit: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = <TcpStream as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.missing == 0 {
            return read;
        }
        let came = buffer.filled().len() - before;
        self.missing = self.missing.saturating_sub(came);
        if read.is_pending() {
            ready!(self.too_late.as_mut().poll(context));
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
