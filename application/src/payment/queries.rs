//! Reading payments, and accounts by id.

use p2p_domain::ledger::Owner;
use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Account, AccountId, Payment, PaymentId, Refusal, Role};

use crate::timeout::with_timeout;
use crate::{Market, QueryError};

/// A payment. For the user who requested it, the owners of its accounts, and moderators; for other users it does not exist.
pub async fn get_payment(
    market: &Market,
    caller: Caller,
    id: PaymentId,
) -> Result<Payment, QueryError> {
    let payment = with_timeout(market.queries().find_payment(id)).await?;
    let payment = payment.ok_or(Refusal::NotFound(Resource::Payment))?;
    if caller.require(Role::Moderator).is_ok() || payment.was_asked_for_by(caller.user) {
        return Ok(payment);
    }
    for side in [payment.terms.payer, payment.terms.payee]
        .into_iter()
        .flatten()
    {
        let account = with_timeout(market.queries().find_account(side)).await?;
        if account.is_some_and(|account| is_of(&account, caller)) {
            return Ok(payment);
        }
    }
    Err(Refusal::NotFound(Resource::Payment).into())
}

/// An account with its balances. For its owner and for moderators; for other users it does not exist.
pub async fn account_balance(
    market: &Market,
    caller: Caller,
    id: AccountId,
) -> Result<Account, QueryError> {
    let account = with_timeout(market.queries().find_account(id)).await?;
    let is_staff = caller.require(Role::Moderator).is_ok();
    let account = account.filter(|account| is_staff || is_of(account, caller));
    Ok(account.ok_or(Refusal::NotFound(Resource::Account))?)
}

fn is_of(account: &Account, caller: Caller) -> bool {
    account.key.owner == Owner::User(caller.user)
}
