//! A command in the queue, together with the channel to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::command::{Command, CommandError};
use super::read_set::ReadSet;
use super::unit_of_work::UnitOfWork;

/// A command without its type, so that commands of all types fit one queue.
pub(super) trait Job: Send {
    fn read_set(&mut self, reads: &mut ReadSet);

    /// Decides and keeps the verdict; returns whether the changes are to be kept.
    fn decide(&mut self, uow: &mut UnitOfWork<'_>) -> bool;

    /// Sends the verdict to the caller.
    fn answer(self: Box<Self>);

    /// Sends the failure to the caller.
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

/// A panic in one command must not take the others down: its changes are dropped.
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
            catch_panics::<C, _>("naming its read set", || self.command.read_set(reads)).is_err();
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
        // The caller may have stopped waiting; the change stands.
        let _ = self.caller.send(verdict);
    }

    fn fail(self: Box<Self>, error: CommandError) {
        let _ = self.caller.send(Err(error));
    }
}
