//! Work that is finished even if the client hangs up.

use std::panic::resume_unwind;

use tracing::Instrument;

/// Runs the work to its end, even if the caller stops waiting: the client has hung up, or the time is over. For what a commit
/// alone does not finish, such as a mail that tells the owner of an account what has happened to it.
pub async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Only a runtime that ends cancels the task, and it ends this one too.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::run_to_completion;

    #[tokio::test]
    async fn work_is_done_after_its_caller_is_gone() {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let (report, reported) = tokio::sync::oneshot::channel();
        let mut waiting = Box::pin(run_to_completion(async move {
            let _ = gone.await;
            let _ = report.send("done");
        }));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(waiting);
        drop(go);
        assert_eq!(reported.await, Ok("done"));
    }

    #[tokio::test]
    #[should_panic(expected = "as it was")]
    async fn the_caller_gets_a_panic() {
        run_to_completion(async { panic!("as it was") }).await
    }
}
