//! Withdrawals: the amount is held at the request, and leaves or becomes available again when an administrator decides.

mod decide;
mod ports;
mod queries;
mod request;

pub use decide::{ApproveWithdrawal, RejectWithdrawal};
pub use ports::{WithdrawalFilter, WithdrawalQueries};
pub use queries::{WithdrawalList, get_withdrawal, list_withdrawals};
pub use request::RequestWithdrawal;

use p2p_domain::withdrawal::Decision;
use p2p_domain::{Account, AccountKey, Refusal, Withdrawal};

use crate::engine::{ReadSet, Related, UnitOfWork};

/// Saves a decision: posting, event, and the withdrawal itself.
fn settle(uow: &mut UnitOfWork<'_>, step: Decision) -> Result<Withdrawal, Refusal> {
    uow.post(step.posting).map_err(|(_, refusal)| refusal)?;
    uow.emit([step.event]);
    uow.save(step.withdrawal.clone());
    Ok(step.withdrawal)
}

impl Related for Withdrawal {
    /// The owner's account, and that of the outside world.
    fn relate(&self, reads: &mut ReadSet) {
        let asset = self.amount.asset();
        reads.lock::<Account>(AccountKey::user(self.user, asset));
        reads.lock::<Account>(AccountKey::external(asset));
    }
}
