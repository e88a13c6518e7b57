//! Commands that were sent and whose answers are waited for later.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use p2p_application::{Command, CommandError};

use super::{Harness, Storage};

type Answer<T> = Result<T, CommandError>;

/// A command that the pipeline has accepted, or answered at once. Await it for the answer; drop it, and nobody waits.
pub struct Posted<T> {
    answer: Option<Answer<T>>,
    waiting: Pin<Box<dyn Future<Output = Answer<T>> + Send>>,
}

impl<T> std::fmt::Debug for Posted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posted").finish_non_exhaustive()
    }
}

impl<T> Posted<T> {
    /// The answer, where it came at once.
    pub const fn at_once(&self) -> Option<&Answer<T>> {
        self.answer.as_ref()
    }
}

impl<T: Unpin> Future for Posted<T> {
    type Output = Answer<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => self.waiting.as_mut().poll(context),
        }
    }
}

impl<S: Storage> Harness<S> {
    /// Puts a command into the pipeline's queue, now, and goes on without waiting. On a runtime of one thread the pipeline
    /// takes nothing before the test awaits something: all that was posted until then is one batch.
    pub fn post<C: Command>(&self, command: C) -> Posted<C::Outcome> {
        let market = self.market.clone();
        let mut waiting = Box::pin(async move { market.execute(command).await });
        let mut context = Context::from_waker(Waker::noop());
        let answer = match waiting.as_mut().poll(&mut context) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        };
        Posted { answer, waiting }
    }

    /// Puts commands of one kind into the queue and waits for all answers.
    pub async fn together<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C>,
    ) -> Vec<Answer<C::Outcome>>
    where
        C::Outcome: Unpin,
    {
        let posted: Vec<_> = commands.into_iter().map(|one| self.post(one)).collect();
        let mut answers = Vec::with_capacity(posted.len());
        for one in posted {
            answers.push(one.await);
        }
        answers
    }
}
