//! Withdrawals, in memory: the money is held while an administrator makes up their mind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use super::memory;
use p2p_application::withdrawal::{
    ApproveWithdrawal, RejectWithdrawal, RequestWithdrawal, WithdrawalList, get_withdrawal,
    list_withdrawals,
};
use p2p_application::{Caller, QueryError};
use p2p_domain::refusal::{AccessRefusal, LedgerRefusal, Resource, WithdrawalRefusal};
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{AccountKey, Asset, Refusal, Role, TypedId, WithdrawalId};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, decimal, deposit};

fn request(harness: &Harness<Memory>, caller: Caller, amount: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        id: harness.market.fresh(),
        caller,
        asset: Asset::Usdt,
        amount: decimal(amount),
        destination: "my other wallet".to_owned(),
    }
}

fn approve(caller: Caller, withdrawal: WithdrawalId) -> ApproveWithdrawal {
    ApproveWithdrawal {
        caller,
        withdrawal,
        reference: "tx 4711".to_owned(),
    }
}

fn reject(caller: Caller, withdrawal: WithdrawalId) -> RejectWithdrawal {
    RejectWithdrawal {
        caller,
        withdrawal,
        reason: "the address is not yours".to_owned(),
    }
}

fn outside(harness: &Harness<Memory>) -> i64 {
    let key = AccountKey::external(Asset::Usdt);
    harness.store.tables().accounts[&key].available().minor()
}

/// What the trail tells last.
fn told(harness: &Harness<Memory>) -> serde_json::Value {
    let tables = harness.store.tables();
    let (_, last) = tables.trail.last_key_value().unwrap();
    serde_json::from_str(&last.note.detail).unwrap()
}

#[tokio::test]
async fn the_trail_tells_where_money_went_and_why_it_did_not() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "100", Asset::Usdt).await;
    let asked = harness.done(request(&harness, anna, "60")).await;
    harness.done(approve(harness.admin, asked.id)).await;
    let detail = told(&harness);
    assert_eq!(detail["destination"], "my other wallet");
    assert_eq!(detail["reference"], "tx 4711");
    assert_eq!(detail["reason"], serde_json::Value::Null);
    let asked = harness.done(request(&harness, anna, "10")).await;
    harness.done(reject(harness.admin, asked.id)).await;
    let detail = told(&harness);
    assert_eq!(detail["destination"], "my other wallet");
    assert_eq!(detail["reference"], serde_json::Value::Null);
    assert_eq!(detail["reason"], "the address is not yours");
    harness.close().await;
}

#[tokio::test]
async fn money_is_held_and_leaves_when_it_is_approved() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "100", Asset::Usdt).await;
    let asked = harness.done(request(&harness, anna, "60")).await;
    let wallet = harness.wallet(anna.user, Asset::Usdt).await;
    assert_eq!(wallet, (40_000_000, 60_000_000));
    harness.assert_clean().await;

    let approved = harness.done(approve(harness.admin, asked.id)).await;
    assert_eq!(approved.status(), WithdrawalStatus::Approved);
    let wallet = harness.wallet(anna.user, Asset::Usdt).await;
    assert_eq!(wallet, (40_000_000, 0));
    assert_eq!(outside(&harness), -40_000_000);
    assert_eq!(
        harness.events(),
        ["WithdrawalRequested", "WithdrawalApproved"]
    );
    for again in [
        harness.refused(approve(harness.admin, asked.id)).await,
        harness.refused(reject(harness.admin, asked.id)).await,
    ] {
        assert_eq!(
            again,
            Refusal::Withdrawal(WithdrawalRefusal::AlreadyDecided)
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn money_comes_back_when_it_is_rejected() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "100", Asset::Usdt).await;
    let asked = harness.done(request(&harness, anna, "100")).await;
    // It is spoken for.
    let refusal = harness.refused(request(&harness, anna, "0.000001")).await;
    let asset = Asset::Usdt;
    assert_eq!(
        refusal,
        Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset })
    );
    let rejected = harness.done(reject(harness.admin, asked.id)).await;
    assert_eq!(rejected.status(), WithdrawalStatus::Rejected);
    let wallet = harness.wallet(anna.user, Asset::Usdt).await;
    assert_eq!(wallet, (100_000_000, 0));
    assert_eq!(outside(&harness), -100_000_000);
    harness.close().await;
}

#[tokio::test]
async fn only_administrators_decide_and_never_about_their_own() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "100", Asset::Usdt).await;
    let other = harness.person("other", [Role::Admin]).await;
    let usdt = deposit(other, harness.admin, "100", Asset::Usdt);
    harness.done(usdt).await;
    let asked = harness.done(request(&harness, anna, "1")).await;
    let berta = harness.customer("berta").await;
    let needs_admin = Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin });
    for caller in [anna, berta, harness.moderator] {
        let refusal = harness.refused(approve(caller, asked.id)).await;
        assert_eq!(refusal, needs_admin);
    }
    for caller in [berta, harness.moderator] {
        let refusal = harness.refused(reject(caller, asked.id)).await;
        assert_eq!(refusal, needs_admin);
    }
    let own = harness.done(request(&harness, harness.admin, "1")).await;
    let refusal = harness.refused(approve(harness.admin, own.id)).await;
    assert_eq!(refusal, Refusal::Access(AccessRefusal::ConflictOfInterest));
    // Whoever asked may take it back: nobody's money is stuck.
    for (owner, asked) in [(harness.admin, own.id), (anna, asked.id)] {
        let taken_back = harness.done(reject(owner, asked)).await;
        assert_eq!(taken_back.status(), WithdrawalStatus::Rejected);
        let wallet = harness.wallet(owner.user, Asset::Usdt).await;
        assert_eq!(wallet, (100_000_000, 0));
    }
    let nothing = WithdrawalId::from_u128(99);
    let refusal = harness.refused(approve(harness.admin, nothing)).await;
    assert_eq!(refusal, Refusal::NotFound(Resource::Withdrawal));
    harness.close().await;
}

#[tokio::test]
async fn a_withdrawal_is_its_owners_to_see() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = (
        harness.customer("anna").await,
        harness.customer("berta").await,
    );
    for person in [anna, berta] {
        harness.deposit(person, "100", Asset::Usdt).await;
    }
    let of_anna = harness.done(request(&harness, anna, "1")).await;
    let of_berta = harness.done(request(&harness, berta, "2")).await;
    harness.done(reject(harness.admin, of_berta.id)).await;
    let market = &harness.market;
    for caller in [anna, harness.admin] {
        assert!(get_withdrawal(market, caller, of_anna.id).await.is_ok());
    }
    assert!(matches!(
        get_withdrawal(market, berta, of_anna.id).await,
        Err(QueryError::Refused(Refusal::NotFound(Resource::Withdrawal)))
    ));
    let list = WithdrawalList {
        limit: 10,
        ..WithdrawalList::default()
    };
    let ids = |page: p2p_application::Page<p2p_domain::Withdrawal>| -> Vec<WithdrawalId> {
        page.items.iter().map(|one| one.id).collect()
    };
    let own = list_withdrawals(market, anna, list).await.unwrap();
    assert_eq!(ids(own), [of_anna.id]);
    let all = list_withdrawals(market, harness.admin, list).await.unwrap();
    assert_eq!(ids(all), [of_berta.id, of_anna.id]);
    let open = WithdrawalList {
        status: Some(WithdrawalStatus::Requested),
        ..list
    };
    let open = list_withdrawals(market, harness.admin, open).await.unwrap();
    assert_eq!(ids(open), [of_anna.id]);
    let of_others = WithdrawalList {
        user: Some(anna.user),
        ..list
    };
    assert!(list_withdrawals(market, berta, of_others).await.is_err());
    harness.close().await;
}
