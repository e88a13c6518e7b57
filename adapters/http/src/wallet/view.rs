//! Wallets as clients see them.

use p2p_application::wallet::StatementEntry;
use p2p_domain::ledger::Reference;
use p2p_domain::{Account, UserId};
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
    /// What is held: in escrow for open deals, and for withdrawals that are not decided.
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
    "payment_id": null,
    "withdrawal_id": null,
    "report_id": null,
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
    /// The payment by which it moved, or for whose refund.
    #[schema(required = true)]
    payment_id: Option<wire::PaymentId>,
    /// The withdrawal for which it moved.
    #[schema(required = true)]
    withdrawal_id: Option<wire::WithdrawalId>,
    /// The payment provider's report of a deposit.
    #[schema(required = true)]
    report_id: Option<wire::ReportId>,
    /// Who booked a deposit: a member of staff, or in a demonstration the owner.
    #[schema(required = true)]
    booked_by: Option<wire::UserId>,
    at: wire::Time,
}

impl From<StatementEntry> for EntryView {
    fn from(entry: StatementEntry) -> Self {
        let mut view = Self {
            transfer_id: wire::TransferId(entry.transfer),
            kind: wire::EntryKind(entry.kind),
            asset: wire::Asset(entry.amount.asset()),
            bucket: wire::Bucket(entry.bucket),
            amount: wire::Money(entry.amount),
            offer_id: None,
            payment_id: None,
            withdrawal_id: None,
            report_id: None,
            booked_by: None,
            at: wire::Time(entry.at),
        };
        match entry.reference {
            Reference::Offer(id) => view.offer_id = Some(wire::OfferId(id)),
            Reference::Payment(id) => view.payment_id = Some(wire::PaymentId(id)),
            Reference::Withdrawal(id) => view.withdrawal_id = Some(wire::WithdrawalId(id)),
            Reference::Report(id) => view.report_id = Some(wire::ReportId(id)),
            Reference::Staff(id) => view.booked_by = Some(wire::UserId(id)),
        }
        view
    }
}

impl EntryView {
    /// The names of the columns of a statement as a table.
    pub(crate) const COLUMNS: &'static str = "transfer_id,at,kind,asset,bucket,amount,offer_id,payment_id,withdrawal_id,report_id,booked_by\r\n";

    /// The line as a row of that table (RFC 4180). Ids, names, numbers and times: nothing in it needs quotes.
    pub(crate) fn row(&self) -> String {
        let columns = [
            self.transfer_id.0.to_string(),
            self.at.0.to_string(),
            self.kind.name().to_owned(),
            self.asset.name().to_owned(),
            self.bucket.name().to_owned(),
            self.amount.0.to_string(),
            text(self.offer_id.map(|id| id.0)),
            text(self.payment_id.map(|id| id.0)),
            text(self.withdrawal_id.map(|id| id.0)),
            text(self.report_id.map(|id| id.0)),
            text(self.booked_by.map(|id| id.0)),
        ];
        columns.join(",") + "\r\n"
    }
}

/// Nothing where there is nothing.
fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
