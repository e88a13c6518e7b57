//! What is begun is done, whatever becomes of who has asked for it.

use std::panic::resume_unwind;

use tracing::Instrument;

/// Does something to its end, even if nobody waits for the answer any more: the client has hung up, or the time is over. For
/// what a commit alone does not finish, such as a mail that tells the owner of an account what has happened to it.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Nobody cancels it but a runtime that ends, and this with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::to_the_end;

    #[tokio::test]
    async fn what_nobody_waits_for_is_done_all_the_same() {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut waiting = Box::pin(to_the_end(async move {
            let _ = gone.await;
            let _ = tell.send("done");
        }));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(waiting);
        drop(go);
        assert_eq!(told.await, Ok("done"));
    }

    #[tokio::test]
    #[should_panic(expected = "as it was")]
    async fn a_panic_is_the_callers() {
        to_the_end(async { panic!("as it was") }).await
    }
}
