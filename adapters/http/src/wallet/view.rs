//! Wallets as clients see them.

use application::ports::StatementEntry;
use domain::ledger::Reference;
use domain::{Account, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// One account of a wallet.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "asset": "USDT",
    "available": "400.000000",
    "held": "100.000000"
}))]
pub(crate) struct BalanceView {
    account_id: wire::AccountId,
    asset: wire::Asset,
    /// What the owner can use.
    available: wire::Money,
    /// What is held in escrow for open deals.
    held: wire::Money,
}

impl From<Account> for BalanceView {
    fn from(account: Account) -> Self {
        Self {
            account_id: wire::AccountId(account.id),
            asset: wire::Asset(account.key.asset),
            available: wire::Money(account.available()),
            held: wire::Money(account.held()),
        }
    }
}

/// All balances of a user.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "balances": [{
        "account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wa",
        "asset": "USDT",
        "available": "400.000000",
        "held": "100.000000"
    }]
}))]
pub(crate) struct WalletView {
    user_id: wire::UserId,
    /// One for each asset of the market.
    balances: Vec<BalanceView>,
}

impl WalletView {
    pub(crate) fn of(user: UserId, accounts: Vec<Account>) -> Self {
        Self {
            user_id: wire::UserId(user),
            balances: accounts.into_iter().map(Into::into).collect(),
        }
    }
}

/// What became of a deposit.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "asset": "RUB",
    "available": "1000.00",
    "held": "0.00",
    "message": "Deposit booked"
}))]
pub(crate) struct DepositAnswer {
    user_id: wire::UserId,
    #[serde(flatten)]
    balance: BalanceView,
    /// For people.
    message: &'static str,
}

impl DepositAnswer {
    pub(crate) fn of(user: UserId, account: Account) -> Self {
        Self {
            user_id: wire::UserId(user),
            balance: account.into(),
            message: "Deposit booked",
        }
    }
}

/// One line of a statement.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "transfer_id": "transfer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "kind": "HOLD",
    "asset": "USDT",
    "bucket": "AVAILABLE",
    "amount": "-100.000000",
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "booked_by": null,
    "at": "2025-04-18T15:00:00Z"
}))]
pub(crate) struct EntryView {
    transfer_id: wire::TransferId,
    kind: wire::EntryKind,
    asset: wire::Asset,
    /// Which of the two balances moved.
    bucket: wire::Bucket,
    /// By how much it moved; negative where it fell.
    amount: wire::Money,
    /// The deal for which the money moved.
    #[schema(required = true)]
    offer_id: Option<wire::OfferId>,
    /// The member of staff who booked a deposit.
    #[schema(required = true)]
    booked_by: Option<wire::UserId>,
    at: wire::Time,
}

impl From<StatementEntry> for EntryView {
    fn from(entry: StatementEntry) -> Self {
        let (offer_id, booked_by) = match entry.reference {
            Reference::Offer(offer) => (Some(wire::OfferId(offer)), None),
            Reference::Staff(user) => (None, Some(wire::UserId(user))),
        };
        Self {
            transfer_id: wire::TransferId(entry.transfer),
            kind: wire::EntryKind(entry.kind),
            asset: wire::Asset(entry.amount.asset()),
            bucket: wire::Bucket(entry.bucket),
            amount: wire::Money(entry.amount),
            offer_id,
            booked_by,
            at: wire::Time(entry.at),
        }
    }
}
