//! A command in the queue, together with the caller who waits for its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::{Command, CommandError, Desk, Needs};

/// A command whose types are forgotten, so that all kinds fit one queue.
pub(super) trait Job: Send {
    fn needs(&self, needs: &mut Needs);

    /// Decides and keeps the verdict; true where the desk's changes are to be kept.
    fn decide(&mut self, desk: &mut Desk<'_>) -> bool;

    /// Tells the caller the verdict.
    fn answer(self: Box<Self>);

    /// Tells the caller that it came to nothing.
    fn fail(self: Box<Self>, error: CommandError);
}

pub(super) struct Pending<C: Command> {
    command: C,
    verdict: Option<Result<C::Outcome, CommandError>>,
    caller: oneshot::Sender<Result<C::Outcome, CommandError>>,
}

impl<C: Command> Pending<C> {
    pub(super) const fn new(
        command: C,
        caller: oneshot::Sender<Result<C::Outcome, CommandError>>,
    ) -> Self {
        Self {
            command,
            verdict: None,
            caller,
        }
    }
}

impl<C: Command> Job for Pending<C> {
    fn needs(&self, needs: &mut Needs) {
        self.command.needs(needs);
    }

    fn decide(&mut self, desk: &mut Desk<'_>) -> bool {
        // A defect in one command must not take the others down: the desk's changes are dropped with the panic.
        let verdict = catch_unwind(AssertUnwindSafe(|| self.command.decide(desk)));
        let verdict = match verdict {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(refusal)) => Err(CommandError::Refused(refusal)),
            Err(_) => {
                tracing::error!(
                    command = std::any::type_name::<C>(),
                    "a command panicked while deciding; it was dropped"
                );
                Err(CommandError::Internal)
            }
        };
        let kept = verdict.is_ok();
        self.verdict = Some(verdict);
        kept
    }

    fn answer(self: Box<Self>) {
        let verdict = self.verdict.unwrap_or(Err(CommandError::Internal));
        // A caller who has gone away no longer wants the answer; the change stands all the same.
        let _ = self.caller.send(verdict);
    }

    fn fail(self: Box<Self>, error: CommandError) {
        let _ = self.caller.send(Err(error));
    }
}
