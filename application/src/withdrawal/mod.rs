//! Withdrawals: money is set aside when it is asked for, and leaves or comes back when an administrator decides.

mod decide;
mod queries;
mod request;

pub use decide::{ApproveWithdrawal, RejectWithdrawal};
pub use queries::{WithdrawalList, get_withdrawal, list_withdrawals};
pub use request::RequestWithdrawal;

use domain::withdrawal::Step;
use domain::{Refusal, Withdrawal};

use crate::pipeline::Desk;

/// Books a step: money, event, and the withdrawal itself.
fn settle(desk: &mut Desk<'_>, step: Step) -> Result<Withdrawal, Refusal> {
    desk.post(step.posting).map_err(|(_, refusal)| refusal)?;
    desk.emit([step.event]);
    desk.save_withdrawal(step.withdrawal.clone());
    Ok(step.withdrawal)
}
