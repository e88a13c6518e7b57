//! A connection's socket: it holds the connection's permit, and fails if its other end reads nothing for too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_io_timeout::TimeoutStream;

use super::connections::Permit;

/// A socket with a timeout for writes. It is also the socket of an upgraded connection, so the permit stays with it.
#[derive(Debug)]
pub(super) struct TimedSocket<I> {
    io: Pin<Box<TimeoutStream<I>>>,
    _permit: Permit,
}

impl<I: AsyncRead + AsyncWrite> TimedSocket<I> {
    pub(super) fn new(io: I, permit: Permit, write_timeout: Duration) -> Self {
        let mut io = TimeoutStream::new(io);
        io.set_write_timeout(Some(write_timeout));
        Self {
            io: Box::pin(io),
            _permit: permit,
        }
    }
}

impl<I: AsyncRead + AsyncWrite> AsyncRead for TimedSocket<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_read(cx, buffer)
    }
}

impl<I: AsyncRead + AsyncWrite> AsyncWrite for TimedSocket<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Connections, ServerSettings};
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::{Instant, sleep};

    fn permit() -> Permit {
        let share = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let address = [192, 0, 2, 1].into();
        let permit = Connections::default().acquire(address, &ServerSettings::default(), share);
        permit.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_cut_off_and_a_slow_one_is_not() {
        let timeout = Duration::from_secs(30);
        let (near, mut far) = duplex(4);
        let mut near = TimedSocket::new(near, permit(), timeout);
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
        assert_eq!(began.elapsed(), timeout);
        drop(far);
    }
}
