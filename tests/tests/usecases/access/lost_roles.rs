//! Tokens that are older than what is stored, in memory: what would outlast a role that was taken away is refused, whatever
//! the token still says.

use super::memory;
use p2p_application::Caller;
use p2p_application::dispute::{Decision, ResolveDispute};
use p2p_application::exchanger::{SwitchOnline, UnfreezeExchanger};
use p2p_application::listing::{CloseListing, ListingChange, UpdateListing};
use p2p_application::payment::{AuthorizePayment, RefundPayment};
use p2p_application::user::SetRoles;
use p2p_application::wallet::Deposit;
use p2p_application::withdrawal::{ApproveWithdrawal, RejectWithdrawal, RequestWithdrawal};
use p2p_domain::refusal::{AccessRefusal, ExchangerRefusal};
use p2p_domain::{
    AccountKey, Asset, Decline, ExchangeType, Money, Refusal, Role, Roles, Status, TypedId,
};
use p2p_tests::harness::{Harness, Offering, Stage, decimal};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

const fn requires_role(role: Role) -> Refusal {
    Refusal::Access(AccessRefusal::RoleRequired { role })
}

#[tokio::test]
async fn whoever_is_no_exchanger_any_more_offers_nothing_and_finishes_what_runs() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Pending).await;
    let (caller, listing) = (deal.exchanger, deal.listing.id);
    harness
        .appoint(caller.user, Roles::from([Role::Customer]))
        .await;
    let required = requires_role(Role::Exchanger);
    let publication = harness.publication(caller, &Offering::of(BUYS));
    assert_eq!(harness.refused(publication).await, required);
    let change = ListingChange::default();
    let update = UpdateListing {
        caller,
        listing,
        change,
    };
    assert_eq!(harness.refused(update).await, required);
    let close = CloseListing { caller, listing };
    assert_eq!(harness.refused(close).await, required);
    let online = SwitchOnline {
        caller,
        exchanger: caller.user,
        online: true,
    };
    assert_eq!(harness.refused(online).await, required);
    // The listing is still there, and its exchanger is offline: nobody can answer it.
    let opening = harness.opening(deal.customer, &deal.listing, "10");
    assert_eq!(
        harness.refused(opening).await,
        Refusal::Exchanger(ExchangerRefusal::Offline)
    );

    // The deal that runs is brought to its end by whoever is a side of it.
    let offer = harness.accept(&deal.offer).await;
    let offer = harness.pay(&offer).await;
    assert_eq!(harness.receive(&offer).await.status(), Status::Finished);
    harness.close().await;
}

#[tokio::test]
async fn whoever_is_no_moderator_any_more_decides_nothing() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Disputed).await;
    let dispute = harness.store.tables().disputes.pop_first().unwrap().0;
    let caller = harness.moderator;
    harness.appoint(caller.user, Roles::default()).await;
    let verdict = ResolveDispute {
        caller,
        dispute,
        decision: Decision::Finished,
        comment: "as before".to_owned(),
    };
    assert_eq!(
        harness.refused(verdict).await,
        requires_role(Role::Moderator)
    );
    let thaw = UnfreezeExchanger {
        caller,
        exchanger: deal.exchanger.user,
    };
    assert_eq!(harness.refused(thaw).await, requires_role(Role::Moderator));
    harness.close().await;
}

#[tokio::test]
async fn whoever_is_no_administrator_any_more_gives_neither_money_nor_roles() {
    let harness = Harness::open(memory()).await;
    let former = harness.person("former", [Role::Admin]).await;
    // A moderator still: less than the token says, more than nothing.
    harness
        .appoint(former.user, Roles::from([Role::Moderator]))
        .await;
    let deposit = Deposit {
        caller: former,
        user: former.user,
        asset: Asset::Usdt,
        amount: decimal("1"),
    };
    assert_eq!(harness.refused(deposit).await, requires_role(Role::Admin));
    let back = SetRoles {
        caller: former,
        user: former.user,
        roles: Roles::from([Role::Admin]),
    };
    assert_eq!(harness.refused(back).await, requires_role(Role::Admin));
    let refund = RefundPayment {
        caller: former,
        order: TypedId::from_u128(9),
    };
    assert_eq!(harness.refused(refund).await, requires_role(Role::Admin));

    let anna = harness.customer("anna").await;
    harness.deposit(anna, "5", Asset::Usdt).await;
    let asked = RequestWithdrawal {
        id: harness.market.fresh(),
        caller: anna,
        asset: Asset::Usdt,
        amount: decimal("5"),
        destination: "elsewhere".to_owned(),
    };
    let withdrawal = harness.done(asked).await.id;
    let approve = ApproveWithdrawal {
        caller: former,
        withdrawal,
        reference: "tx".to_owned(),
    };
    assert_eq!(harness.refused(approve).await, requires_role(Role::Admin));
    let reject = RejectWithdrawal {
        caller: former,
        withdrawal,
        reason: "no".to_owned(),
    };
    assert_eq!(harness.refused(reject).await, requires_role(Role::Admin));
    let tables = harness.store.tables();
    let account = |user| tables.accounts[&AccountKey::user(user, Asset::Usdt)].id;
    let payment = AuthorizePayment {
        id: harness.market.fresh(),
        caller: former,
        key: "k".to_owned(),
        payer: Some(account(anna.user)),
        payee: Some(account(former.user)),
        amount: Money::new(1, Asset::Usdt),
        description: String::new(),
        limited: false,
    };
    let declined = harness.done(payment).await.payment.decline();
    assert_eq!(declined, Some(Decline::AccountNotFound));
    harness.close().await;
}

/// An account without any role is closed: what is on it stays there.
#[tokio::test]
async fn whoever_has_no_role_any_more_takes_no_money_out() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let boris = harness.customer("boris").await;
    harness.deposit(anna, "5", Asset::Usdt).await;
    let closed = Caller {
        roles: Roles::default(),
        ..anna
    };
    let withdrawal = RequestWithdrawal {
        id: harness.market.fresh(),
        caller: closed,
        asset: Asset::Usdt,
        amount: decimal("5"),
        destination: "elsewhere".to_owned(),
    };
    assert_eq!(
        harness.refused(withdrawal).await,
        requires_role(Role::Customer)
    );
    let tables = harness.store.tables();
    let account = |user| tables.accounts[&AccountKey::user(user, Asset::Usdt)].id;
    let payment = AuthorizePayment {
        id: harness.market.fresh(),
        caller: closed,
        key: "k".to_owned(),
        payer: Some(account(anna.user)),
        payee: Some(account(boris.user)),
        amount: Money::new(1, Asset::Usdt),
        description: String::new(),
        limited: false,
    };
    assert_eq!(
        harness.refused(payment).await,
        requires_role(Role::Customer)
    );
    assert_eq!(harness.store.tables(), tables);
    harness.close().await;
}

/// The other way round: a role that was given is good once the token says so, not before.
#[tokio::test]
async fn a_role_that_the_token_does_not_have_is_of_no_use_yet() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let roles = Roles::from([Role::Exchanger]);
    harness.appoint(anna.user, roles).await;
    let publication = harness.publication(anna, &Offering::of(BUYS));
    assert_eq!(
        harness.refused(publication).await,
        requires_role(Role::Exchanger)
    );
    let renewed = Caller { roles, ..anna };
    harness.publish(renewed, &Offering::of(BUYS)).await;
    harness.close().await;
}

/// In the same batch, too: who loses the role first, has lost it.
#[tokio::test]
async fn a_role_is_lost_for_the_rest_of_the_batch() {
    let harness = Harness::open(memory()).await;
    let anna = harness.exchanger("anna").await;
    let first = harness.post(harness.publication(anna, &Offering::of(BUYS)));
    let loss = harness.post(SetRoles {
        caller: harness.admin,
        user: anna.user,
        roles: Roles::default(),
    });
    let second = harness.post(harness.publication(anna, &Offering::of(BUYS)));
    assert!(first.await.is_ok());
    assert!(loss.await.is_ok());
    assert_eq!(second.await, Err(requires_role(Role::Exchanger).into()));
    harness.close().await;
}

/// An EXCHANGER may do all that a CUSTOMER may.
#[tokio::test]
async fn an_exchanger_answers_listings_of_others() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Cancelled).await;
    let berta = harness.person("berta", [Role::Exchanger]).await;
    harness.deposit(berta, "100", Asset::Usdt).await;
    harness.offer(berta, &deal.listing, "10").await;
    harness.close().await;
}
