//! Listening with limited patience: a client that does not read what it is sent is cut off, whatever it asked for.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener, ListenerExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::{Sleep, sleep};

use crate::client::Peer;

/// A listener whose connections are sent to at once, and are closed when nothing could be sent for this long.
pub fn patient(
    listener: TcpListener,
    patience: Duration,
) -> Patient<impl Listener<Addr = SocketAddr>> {
    let listener = listener.tap_io(move |stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small pieces may wait for larger ones");
        }
        // A client that is gone without a word is noticed by what it does not acknowledge.
        let most = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&*stream, most) {
            tracing::debug!(%error, "who is gone may be noticed late");
        }
    });
    Patient {
        inner: listener,
        patience,
    }
}

/// A listener with limited patience.
#[derive(Debug)]
pub struct Patient<L> {
    inner: L,
    patience: Duration,
}

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, Patient<L>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Patient<L>>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl<L: Listener> Listener for Patient<L> {
    type Io = Hurried<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = self.inner.accept().await;
        (Hurried::new(io, self.patience), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A connection that fails when its other end takes nothing for too long.
#[derive(Debug)]
pub struct Hurried<I> {
    io: I,
    patience: Duration,
    /// Since something could not be sent.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<I> Hurried<I> {
    const fn new(io: I, patience: Duration) -> Self {
        Self {
            io,
            patience,
            waiting: None,
        }
    }

    /// What became of sending, and how long it has been waited for.
    fn hurry<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.waiting = None;
            return sent;
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        if waiting.as_mut().poll(cx).is_ready() {
            self.waiting = None;
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Hurried<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Hurried<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.hurry(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        self.hurry(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.io).poll_flush(cx);
        self.hurry(cx, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.io).poll_shutdown(cx);
        self.hurry(cx, sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
        let patience = Duration::from_secs(30);
        let (near, mut far) = duplex(4);
        let mut near = Hurried::new(near, patience);
        let slow = tokio::spawn(async move {
            let mut piece = [0; 4];
            for _ in 0..10 {
                sleep(Duration::from_secs(20)).await;
                far.read_exact(&mut piece).await.unwrap();
            }
            far
        });
        near.write_all(&[7; 40]).await.unwrap();
        let far = slow.await.unwrap();
        let began = Instant::now();
        let error = near.write_all(&[7; 40]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), patience);
        drop(far);
    }
}
