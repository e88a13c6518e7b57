//! Withdrawals as clients see them.

use p2p_domain::Withdrawal;
use p2p_domain::withdrawal::WithdrawalState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// A withdrawal.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "withdrawal_id": "withdrawal_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "REQUESTED",
    "amount": "100.000000",
    "asset": "USDT",
    "destination": "TJRyWwFs9wTFGZg3JbrVriFbNfCug5tDeC",
    "message": "The money is set aside until an administrator decides",
    "reference": null,
    "reason": null,
    "created_at": "2025-04-18T15:00:00Z",
    "decided_at": null,
    "decided_by": null
}))]
pub(crate) struct WithdrawalView {
    withdrawal_id: wire::WithdrawalId,
    /// Whose money it is.
    user_id: wire::UserId,
    status: wire::WithdrawalStatus,
    amount: wire::Money,
    asset: wire::Asset,
    /// Where the money is to go, in the owner's words.
    destination: String,
    /// For people.
    message: &'static str,
    /// With APPROVED: what the payment is called outside.
    #[schema(required = true)]
    reference: Option<String>,
    /// With REJECTED: why.
    #[schema(required = true)]
    reason: Option<String>,
    created_at: wire::Time,
    #[schema(required = true)]
    decided_at: Option<wire::Time>,
    /// The administrator who decided.
    #[schema(required = true)]
    decided_by: Option<wire::UserId>,
}

impl From<Withdrawal> for WithdrawalView {
    fn from(withdrawal: Withdrawal) -> Self {
        let status = withdrawal.status();
        let (message, decided, reference, reason) = match withdrawal.state {
            WithdrawalState::Requested => (
                "The money is set aside until an administrator decides",
                None,
                None,
                None,
            ),
            WithdrawalState::Approved { by, at, reference } => {
                ("The money has left", Some((by, at)), Some(reference), None)
            }
            WithdrawalState::Rejected { by, at, reason } => (
                "The money is back in the wallet",
                Some((by, at)),
                None,
                Some(reason),
            ),
        };
        Self {
            withdrawal_id: wire::WithdrawalId(withdrawal.id),
            user_id: wire::UserId(withdrawal.user),
            status: wire::WithdrawalStatus(status),
            amount: wire::Money(withdrawal.amount),
            asset: wire::Asset(withdrawal.amount.asset()),
            destination: withdrawal.destination,
            message,
            reference,
            reason,
            created_at: wire::Time(withdrawal.created_at),
            decided_at: decided.map(|(_, at)| wire::Time(at)),
            decided_by: decided.map(|(by, _)| wire::UserId(by)),
        }
    }
}
