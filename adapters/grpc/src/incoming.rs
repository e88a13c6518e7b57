//! Connections as they come in: no more at once than there is room for, and each has to begin before long.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, TcpIncoming};

/// How long nothing is accepted after it could not be, as where no file can be opened.
const PAUSE: Duration = Duration::from_secs(1);

/// A client begins with as many bytes at least: HTTP/2's preface, or more of TLS.
const PREFACE: usize = 24;

/// Up to `most` connections at once. Further ones wait until one of them ends. A client that has not begun within the time,
/// or when it is time to stop, is cut off.
pub(crate) fn connections(
    incoming: TcpIncoming,
    most: usize,
    time: Duration,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> {
    let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    stream::unfold(incoming, move |mut incoming| {
        let (room, stop) = (Arc::clone(&room), stop.clone());
        async move {
            let room = room.acquire_owned().await.ok()?;
            let stream = accepted(&mut incoming).await?;
            let late = async move {
                let _ = tokio::time::timeout(time, stop.cancelled()).await;
            };
            let connection = Connection {
                stream,
                missing: PREFACE,
                late: late.fuse().boxed(),
                _room: room,
            };
            Some((Ok(connection), incoming))
        }
    })
}

/// The next connection. What is wrong with one of them does not keep the others waiting.
async fn accepted(incoming: &mut TcpIncoming) -> Option<TcpStream> {
    loop {
        match incoming.next().await? {
            Ok(stream) => return Some(stream),
            Err(error) if is_of_a_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "connections can't be accepted; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_a_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

/// A connection, and its place among those that there may be.
pub(crate) struct Connection {
    stream: TcpStream,
    /// How many bytes are missing from the client's beginning.
    missing: usize,
    /// Ends when it is too late for them.
    late: BoxFuture<'static, ()>,
    _room: OwnedSemaphorePermit,
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
            ready!(self.late.as_mut().poll(context));
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
