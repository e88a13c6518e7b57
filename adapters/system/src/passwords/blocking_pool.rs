//! Work that takes long: off the threads that serve requests, a little at once, and no long queue for it.

use std::sync::Arc;

use p2p_application::ports::PasswordError;
use tokio::sync::Semaphore;

use super::failed;

/// How much is done at once, and how much may wait.
#[derive(Debug, Clone)]
pub(super) struct BlockingPool {
    permits: Arc<Semaphore>,
    /// For what is done and what waits together.
    room: Arc<Semaphore>,
}

impl BlockingPool {
    pub(super) fn new(at_once: usize, waiting: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS / 2);
        let room = at_once.saturating_add(waiting);
        Self {
            permits: Arc::new(Semaphore::new(at_once)),
            room: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Does the work where blocking is allowed, once it is its turn. Busy at once where too much waits already.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|_| PasswordError::Busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| failed(&error))?;
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if its caller has gone.
            let _held = (room, permit);
            work()
        });
        done.await.map_err(|error| failed(&error))?
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::{Pin, pin};
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away_at_once() {
        let pool = BlockingPool::new(1, 1);
        let (end, ended) = mpsc::channel::<()>();
        let long = move || ended.recv().map_err(|error| failed(&error));
        let mut first = pin!(pool.run(long));
        assert!(is_pending(first.as_mut()).await);
        let mut second = pin!(pool.run(|| Ok(2)));
        assert!(is_pending(second.as_mut()).await);
        for _ in 0..2 {
            let third = pool.run(|| Ok(3)).await;
            assert!(matches!(third, Err(PasswordError::Busy)), "{third:?}");
        }
        end.send(()).unwrap();
        assert!(first.await.is_ok());
        assert_eq!(second.await.unwrap(), 2);
        assert_eq!(pool.run(|| Ok(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn who_leaves_the_queue_makes_room() {
        let pool = BlockingPool::new(1, 1);
        let (end, ended) = mpsc::channel::<()>();
        let long = move || ended.recv().map_err(|error| failed(&error));
        let mut first = pin!(pool.run(long));
        assert!(is_pending(first.as_mut()).await);
        {
            let mut gone = pin!(pool.run(|| Ok(())));
            assert!(is_pending(gone.as_mut()).await);
        }
        let mut second = pin!(pool.run(|| Ok(())));
        assert!(is_pending(second.as_mut()).await, "not busy");
        end.send(()).unwrap();
        assert!(first.await.is_ok() && second.await.is_ok());
    }

    #[tokio::test]
    async fn work_continues_without_a_waiter() {
        let pool = BlockingPool::new(1, 0);
        let (end, ended) = mpsc::channel::<()>();
        let long = move || ended.recv().map_err(|error| failed(&error));
        {
            let mut left = pin!(pool.run(long));
            assert!(is_pending(left.as_mut()).await);
        }
        let early = pool.run(|| Ok(())).await;
        assert!(matches!(early, Err(PasswordError::Busy)), "still at it");
        end.send(()).unwrap();
        // The permit comes back with the end of the work.
        let _permit = pool.room.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_holds_nothing() {
        let pool = BlockingPool::new(1, 0);
        let broken = pool.run(|| -> Result<(), _> { panic!("broken") }).await;
        assert!(matches!(broken, Err(PasswordError::Failed(_))));
        pool.run(|| Ok(())).await.unwrap();
    }
}
