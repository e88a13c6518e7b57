//! An administrator decides whether money leaves.

use domain::audit::{AuditAction, AuditNote};
use domain::user::Caller;
use domain::withdrawal::WithdrawalState;
use domain::{Refusal, Role, Withdrawal, WithdrawalId};

use super::settle;
use crate::pipeline::{Command, Desk, Needs};

/// The money has left the market.
#[derive(Debug, Clone)]
pub struct ApproveWithdrawal {
    pub caller: Caller,
    pub withdrawal: WithdrawalId,
    /// What the payment is called outside.
    pub reference: String,
}

impl Command for ApproveWithdrawal {
    type Outcome = Withdrawal;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.withdrawal(self.withdrawal);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Withdrawal, Refusal> {
        desk.require_staff(self.caller, Role::Admin)?;
        let withdrawal = desk.withdrawal(self.withdrawal)?;
        let step = withdrawal.approve(self.caller.user, self.reference.clone(), desk.now())?;
        note(
            desk,
            self.caller,
            AuditAction::WithdrawalApproved,
            &step.withdrawal,
        )?;
        settle(desk, step)
    }
}

/// The money stays, and is the owner's to use again. For ADMIN, and for the owner.
#[derive(Debug, Clone)]
pub struct RejectWithdrawal {
    pub caller: Caller,
    pub withdrawal: WithdrawalId,
    pub reason: String,
}

impl Command for RejectWithdrawal {
    type Outcome = Withdrawal;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.withdrawal(self.withdrawal);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Withdrawal, Refusal> {
        let withdrawal = desk.withdrawal(self.withdrawal);
        let own = matches!(&withdrawal, Ok(known) if known.user == self.caller.user);
        if !own {
            desk.require_staff(self.caller, Role::Admin)?;
        }
        let step = withdrawal?.reject(self.caller.user, self.reason.clone(), desk.now())?;
        note(
            desk,
            self.caller,
            AuditAction::WithdrawalRejected,
            &step.withdrawal,
        )?;
        settle(desk, step)
    }
}

fn note(
    desk: &mut Desk<'_>,
    caller: Caller,
    action: AuditAction,
    withdrawal: &Withdrawal,
) -> Result<(), Refusal> {
    let (reference, reason) = match &withdrawal.state {
        WithdrawalState::Requested => (None, None),
        WithdrawalState::Approved { reference, .. } => (Some(reference), None),
        WithdrawalState::Rejected { reason, .. } => (None, Some(reason)),
    };
    let detail = serde_json::json!({
        "user_id": withdrawal.user.to_string(),
        "amount": withdrawal.amount.to_string(),
        "asset": withdrawal.amount.asset().code(),
        "destination": withdrawal.destination,
        "reference": reference,
        "reason": reason,
    });
    let subject = withdrawal.id.to_string();
    desk.note(AuditNote::by(caller, action, subject, detail.to_string()))
}
