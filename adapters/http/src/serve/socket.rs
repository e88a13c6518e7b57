//! A connection's socket: it keeps the connection's place, and fails when its other end takes nothing for too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::places::Place;

/// A socket with limited patience: who does not read what is sent is cut off, whatever it asked for.
#[derive(Debug)]
pub(super) struct Socket<I> {
    io: I,
    /// Also where it has become a WebSocket.
    _place: Place,
    patience: Duration,
    /// Since something could not be sent.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<I> Socket<I> {
    pub(super) const fn new(io: I, place: Place, patience: Duration) -> Self {
        Self {
            io,
            _place: place,
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

impl<I: AsyncRead + Unpin> AsyncRead for Socket<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Socket<I> {
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
    use std::sync::Arc;

    use super::super::{Connections, ServerSettings};
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    fn place() -> Place {
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let address = [192, 0, 2, 1].into();
        let place = Connections::default().enter(address, &ServerSettings::default(), room);
        place.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
        let patience = Duration::from_secs(30);
        let (near, mut far) = duplex(4);
        let mut near = Socket::new(near, place(), patience);
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
