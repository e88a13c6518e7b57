//! A command in the queue, together with the caller who waits for its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::{Command, CommandError, ReadSet, UnitOfWork};

/// A command whose types are forgotten, so that all kinds fit one queue.
pub(super) trait Job: Send {
    fn read_set(&mut self, reads: &mut ReadSet);

    /// Decides and keeps the verdict; true where the desk's changes are to be kept.
    fn decide(&mut self, uow: &mut UnitOfWork<'_>) -> bool;

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
fn catch_panics<C, T>(doing: &str, work: impl FnOnce() -> T) -> Result<T, CommandError> {
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
    fn read_set(&mut self, reads: &mut ReadSet) {
        self.broken =
            catch_panics::<C, _>("naming its needs", || self.command.read_set(reads)).is_err();
    }

    fn decide(&mut self, uow: &mut UnitOfWork<'_>) -> bool {
        let verdict = if self.broken {
            Err(CommandError::Internal)
        } else {
            catch_panics::<C, _>("deciding", || self.command.decide(uow))
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
