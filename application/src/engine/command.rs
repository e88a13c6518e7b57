//! What the engine carries out.

use p2p_domain::Refusal;

use super::read_set::ReadSet;
use super::unit_of_work::UnitOfWork;

/// A change of the market, decided over loaded aggregates.
pub trait Command: Send + Sync + 'static {
    /// What the caller gets when it is done.
    type Outcome: Send + 'static;

    /// Names what must be loaded before it can decide.
    fn read_set(&self, reads: &mut ReadSet);

    /// A number that commands for the same row share, so that they meet in one lane. The lane affects only how long a command
    /// takes, not its outcome.
    fn affinity(&self) -> u128 {
        0
    }

    /// Low priority: no caller blocks on it, or it contends for the end of the audit log. Runs in the background lane, if there
    /// are several lanes, so that it never delays an offer.
    fn is_background(&self) -> bool {
        false
    }

    /// Decides: purely, over what was loaded. Its changes are committed if it returns `Ok`, and dropped otherwise. May be
    /// called again, on fresh data, if the commit meets a conflict.
    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal>;
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The rules say no; nothing changed.
    #[error("{0}")]
    Refused(Refusal),
    /// Too many commands are waiting; nothing changed, try again later.
    #[error("too many requests are waiting")]
    Busy,
    /// Storage is not available; nothing changed.
    #[error("storage is not available")]
    Unavailable,
    /// The connection was lost while committing: it may have taken effect.
    #[error("whether the change took effect is not known")]
    InDoubt,
    /// A defect of ours; nothing changed. The log has the details.
    #[error("internal error")]
    Internal,
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
