//! A command in the queue, together with the caller who waits for its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::{Command, CommandError, Desk, Needs};

/// A command whose types are forgotten, so that all kinds fit one queue.
pub(super) trait Job: Send {
    fn needs(&mut self, needs: &mut Needs);

    /// Decides and keeps the verdict; true where the desk's changes are to be kept.
    fn decide(&mut self, desk: &mut Desk<'_>) -> bool;

    /// Tells the caller the verdict.
    fn answer(self: Box<Self>);

    /// Tells the caller that it came to nothing.
    fn fail(self: Box<Self>, error: CommandError);
}

pub(super) struct Pending<C: Command> {
    command: C,
    /// It panicked before it could decide.
    broken: bool,
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
            broken: false,
            verdict: None,
            caller,
        }
    }
}

/// A defect in one command must not take the others down: what it did so far is dropped with the panic.
fn guarded<C, T>(doing: &str, work: impl FnOnce() -> T) -> Result<T, CommandError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        tracing::error!(
            command = std::any::type_name::<C>(),
            doing,
            "a command panicked; it was dropped"
        );
        CommandError::Internal
    })
}

impl<C: Command> Job for Pending<C> {
    fn needs(&mut self, needs: &mut Needs) {
        self.broken = guarded::<C, _>("naming its needs", || self.command.needs(needs)).is_err();
    }

    fn decide(&mut self, desk: &mut Desk<'_>) -> bool {
        let verdict = if self.broken {
            Err(CommandError::Internal)
        } else {
            guarded::<C, _>("deciding", || self.command.decide(desk))
                .and_then(|decision| decision.map_err(CommandError::Refused))
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
