//! A withdrawal is approved or rejected.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::user::Caller;
use p2p_domain::withdrawal::WithdrawalState;
use p2p_domain::{Refusal, Role, Withdrawal, WithdrawalId};

use super::settle;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Approves a withdrawal: the money has left the market. For ADMIN.
#[derive(Debug, Clone)]
pub struct ApproveWithdrawal {
    pub caller: Caller,
    pub withdrawal: WithdrawalId,
    /// The reference of the payment at the bank or on the chain.
    pub reference: String,
}

impl Command for ApproveWithdrawal {
    type Outcome = Withdrawal;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<Withdrawal>(self.withdrawal);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Withdrawal, Refusal> {
        uow.require_staff(self.caller, Role::Admin)?;
        let withdrawal = uow.get::<Withdrawal>(&self.withdrawal)?;
        let step = withdrawal.approve(self.caller.user, self.reference.clone(), uow.now())?;
        note(
            uow,
            self.caller,
            AuditAction::WithdrawalApproved,
            &step.withdrawal,
        )?;
        settle(uow, step)
    }
}

/// Rejects a withdrawal: the money is available to its owner again. For ADMIN and for the owner.
#[derive(Debug, Clone)]
pub struct RejectWithdrawal {
    pub caller: Caller,
    pub withdrawal: WithdrawalId,
    pub reason: String,
}

impl Command for RejectWithdrawal {
    type Outcome = Withdrawal;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<Withdrawal>(self.withdrawal);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Withdrawal, Refusal> {
        let withdrawal = uow.get::<Withdrawal>(&self.withdrawal);
        let own = matches!(&withdrawal, Ok(known) if known.user == self.caller.user);
        if !own {
            uow.require_staff(self.caller, Role::Admin)?;
        }
        let step = withdrawal?.reject(self.caller.user, self.reason.clone(), uow.now())?;
        note(
            uow,
            self.caller,
            AuditAction::WithdrawalRejected,
            &step.withdrawal,
        )?;
        settle(uow, step)
    }
}

fn note(
    uow: &mut UnitOfWork<'_>,
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
    uow.note(AuditNote::by(caller, action, subject, detail.to_string()))
}
