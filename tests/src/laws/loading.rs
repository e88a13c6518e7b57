//! Loading rows for a unit of work: exactly what was asked for, each once, and nothing for keys that name nothing.

use p2p_application::dispute::DisputeQueries;
use p2p_application::ports::{OfferSummary, Store};
use p2p_application::user::UserQueries;
use p2p_domain::listing::Switch;
use p2p_domain::user::Email;
use p2p_domain::{
    Account, AccountKey, Asset, Dispute, DisputeId, ExchangeType, Exchanger, Listing, ListingId,
    Offer, Owner, Role, TypedId, User, UserId,
};

use super::Backend;
use super::rows::nothing;
use crate::harness::{Harness, Offering, Stage};

/// Asked for together with keys that do name something, and alone.
pub async fn keys_that_name_nothing_are_left_out<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Disputed)
        .await;
    let dispute = harness
        .store
        .disputes_of(deal.id())
        .await
        .unwrap()
        .remove(0);
    let nobody = UserId::from_u128(u128::MAX);
    let (no_listing, no_dispute) = (
        ListingId::from_u128(u128::MAX),
        DisputeId::from_u128(u128::MAX),
    );
    let mut deals = [deal.id(), nothing()];
    deals.sort_unstable();
    let account = AccountKey::user(deal.customer.user, Asset::Usdt);

    let mut unit = harness.store.begin().await.unwrap();
    let told = unit
        .offers_of_disputes(&[dispute.id, no_dispute])
        .await
        .unwrap();
    assert_eq!(told, [(dispute.id, deal.id())]);
    let owners = unit
        .exchangers_of_listings(&[deal.listing.id, no_listing])
        .await
        .unwrap();
    assert_eq!(owners, [(deal.listing.id, deal.exchanger.user)]);
    let unknown = Email::new("nobody@example.org");
    let users = unit
        .load_by::<User>(&[deal.customer.user, nobody], &[unknown])
        .await
        .unwrap();
    assert_eq!(
        users.iter().map(|user| user.id).collect::<Vec<_>>(),
        [deal.customer.user]
    );
    let offers = unit.load_by_key::<Offer>(&deals).await.unwrap();
    assert_eq!(offers, [harness.deal_now(deal.id()).await]);
    assert_eq!(
        unit.load_by::<Dispute>(&[], &deals).await.unwrap(),
        [dispute]
    );
    let exchangers = [deal.exchanger.user, nobody];
    let record = harness.exchanger_record(deal.exchanger.user).await;
    assert_eq!(unit.read_exchangers(&exchangers).await.unwrap(), [record]);
    assert_eq!(
        unit.load_by_key::<Exchanger>(&exchangers).await.unwrap(),
        [record]
    );
    let listings = unit
        .load_by::<Listing>(&[deal.listing.id, no_listing], &[nobody])
        .await
        .unwrap();
    assert_eq!(listings, [harness.listing(deal.listing.id).await]);
    // Nothing is locked by it, so it may be asked again.
    assert_eq!(unit.read_exchangers(&exchangers).await.unwrap(), [record]);
    let keys = [account, AccountKey::user(nobody, Asset::Usdt)];
    let accounts = unit.load_by_key::<Account>(&keys).await.unwrap();
    assert_eq!(
        accounts.iter().map(|one| one.key).collect::<Vec<_>>(),
        [account]
    );
    let offer_preconditions = unit.offer_preconditions(&[], &exchangers, 1).await.unwrap();
    assert_eq!(offer_preconditions.exchangers, [record]);
    assert_eq!(offer_preconditions.customers, []);
    unit.rollback().await.unwrap();

    let mut unit = harness.store.begin().await.unwrap();
    assert_eq!(unit.offers_of_disputes(&[no_dispute]).await.unwrap(), []);
    let owners = unit.exchangers_of_listings(&[no_listing]).await;
    assert_eq!(owners.unwrap(), []);
    assert_eq!(unit.load_by_key::<User>(&[nobody]).await.unwrap(), []);
    assert_eq!(unit.load_by_key::<Offer>(&[nothing()]).await.unwrap(), []);
    assert_eq!(
        unit.load_by::<Dispute>(&[], &[nothing()]).await.unwrap(),
        []
    );
    assert_eq!(unit.load_by_key::<Exchanger>(&[nobody]).await.unwrap(), []);
    assert_eq!(
        unit.load_by_key::<Listing>(&[no_listing]).await.unwrap(),
        []
    );
    assert_eq!(unit.load_by_key::<Account>(&keys[1..]).await.unwrap(), []);
    unit.rollback().await.unwrap();
    harness.close().await;
}

/// Named by both, loaded once.
pub async fn users_by_id_or_address_come_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.customer("anna").await,
        harness.customer("berta").await,
    );
    let carla = harness.customer("carla").await;
    let mut by_id = std::collections::BTreeMap::new();
    for caller in [anna, berta, carla] {
        let user = harness.store.find_user(caller.user).await.unwrap().unwrap();
        by_id.insert(user.id, user);
    }
    let email = |id: UserId| by_id[&id].email.clone();
    let mut emails = vec![email(anna.user), email(berta.user)];
    emails.sort_unstable();

    for (ids, emails, wanted) in [
        (vec![anna.user], emails.clone(), vec![anna.user, berta.user]),
        (vec![], emails.clone(), vec![anna.user, berta.user]),
        (
            vec![carla.user],
            vec![email(anna.user)],
            vec![anna.user, carla.user],
        ),
        (
            vec![anna.user, carla.user],
            vec![],
            vec![anna.user, carla.user],
        ),
    ] {
        let mut unit = harness.store.begin().await.unwrap();
        let mut users = unit.load_by::<User>(&ids, &emails).await.unwrap();
        unit.rollback().await.unwrap();
        users.sort_by_key(|user| user.id);
        let expected: Vec<_> = wanted.iter().map(|id| by_id[id].clone()).collect();
        assert_eq!(users, expected);
    }
    harness.close().await;
}

/// Named by id whatever its state; as somebody's only while ACTIVE; by both, once.
pub async fn listings_by_id_or_as_active_come_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let offering = Offering::of(ExchangeType::CryptoToFiat);
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.exchanger("berta").await,
    );
    let active = harness.publish(anna, &offering).await.id;
    let paused = harness.publish(anna, &offering).await;
    let paused = harness.turn(&paused, Switch::Pause).await.id;
    let closed = harness.publish(anna, &offering).await;
    let closed = harness.take_down(&closed).await.id;
    let also_active = harness.publish(anna, &offering).await.id;
    let of_another = harness.publish(berta, &offering).await.id;

    let both = {
        let mut both = vec![anna.user, berta.user];
        both.sort_unstable();
        both
    };
    for (ids, active_of, wanted) in [
        (vec![], vec![anna.user], vec![active, also_active]),
        (vec![active], vec![anna.user], vec![active, also_active]),
        (vec![paused, closed], vec![], vec![paused, closed]),
        (
            vec![closed, of_another],
            vec![anna.user],
            vec![active, closed, also_active, of_another],
        ),
        (vec![], both, vec![active, also_active, of_another]),
    ] {
        let mut unit = harness.store.begin().await.unwrap();
        let listings = unit.load_by::<Listing>(&ids, &active_of).await.unwrap();
        unit.rollback().await.unwrap();
        let mut loaded: Vec<_> = listings.iter().map(|listing| listing.id).collect();
        loaded.sort_unstable();
        assert_eq!(loaded, wanted);
    }
    harness.close().await;
}

/// A deal's disputes come all, of each deal that was named and of no other.
pub async fn all_disputes_of_the_deals_come<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let first = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Disputed)
        .await;
    harness.dispute(&first.offer, first.exchanger.user).await;
    let second = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Disputed)
        .await;
    let other = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Disputed)
        .await;

    let mut deals = [first.id(), second.id()];
    deals.sort_unstable();
    let mut unit = harness.store.begin().await.unwrap();
    let mut disputes = unit.load_by::<Dispute>(&[], &deals).await.unwrap();
    unit.rollback().await.unwrap();
    disputes.sort_by_key(|dispute| dispute.id);
    let mut expected = harness.store.disputes_of(first.id()).await.unwrap();
    assert_eq!(expected.len(), 2);
    expected.extend(harness.store.disputes_of(second.id()).await.unwrap());
    assert_eq!(disputes, expected);
    assert!(disputes.iter().all(|dispute| dispute.offer != other.id()));
    harness.close().await;
}

/// The exchangers of listings and the deals of disputes can be read while somebody else is changing them.
pub async fn what_never_changes_is_told_without_a_lock<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Disputed)
        .await;
    let listing = harness.take_down(&deal.listing).await;
    let dispute = harness
        .store
        .disputes_of(deal.id())
        .await
        .unwrap()
        .remove(0);
    let mut unit = harness.store.begin().await.unwrap();
    let told = unit.offers_of_disputes(&[dispute.id]).await.unwrap();
    let owners = unit.exchangers_of_listings(&[listing.id]).await.unwrap();
    let deals = unit.offer_summaries(&[nothing(), deal.id()]).await.unwrap();
    unit.rollback().await.unwrap();
    assert_eq!(told, [(dispute.id, deal.id())]);
    assert_eq!(owners, [(listing.id, deal.exchanger.user)]);
    let terms = &deal.offer.terms;
    let head = OfferSummary {
        id: deal.id(),
        customer: deal.customer.user,
        exchanger: deal.exchanger.user,
        exchange_type: ExchangeType::FiatToCrypto,
        amount: terms.amount,
        fiat: terms.fiat,
    };
    assert_eq!(deals, [head]);
    harness.close().await;
}

/// Everybody who may decide a dispute, while somebody else holds their rows; nobody who no longer may.
pub async fn the_staff_is_told_without_a_lock<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    harness.customer("anna").await;
    harness.exchanger("berta").await;
    let roles = [Role::Customer, Role::Exchanger, Role::Moderator];
    let carla = harness.person("carla", roles).await;
    let all = harness.person("dora", Role::ALL).await;
    let staff = async || {
        let mut unit = harness.store.begin().await.unwrap();
        let staff = unit.staff().await.unwrap();
        unit.rollback().await.unwrap();
        assert!(staff.iter().all(|one| one.roles.allow(Role::Moderator)));
        let admins = staff.iter().filter(|one| one.roles.allow(Role::Admin));
        assert_eq!(admins.count(), 2, "the admin, and whoever is everything");
        staff.into_iter().map(|one| one.user).collect::<Vec<_>>()
    };
    let [admin, moderator] = [harness.admin.user, harness.moderator.user];
    let mut expected = vec![admin, moderator, carla.user, all.user];
    expected.sort_unstable();
    assert_eq!(staff().await, expected);
    harness.appoint(carla.user, [Role::Customer].into()).await;
    expected.retain(|user| *user != carla.user);
    assert_eq!(staff().await, expected);
    harness.close().await;
}

/// Deposits and fees have another side from the first moment on.
pub async fn the_system_has_accounts_in_every_asset<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let keys = Asset::ALL.iter().flat_map(|asset| {
        [
            AccountKey::external(*asset),
            AccountKey::fees(*asset),
            AccountKey::merchant(None, *asset),
        ]
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    let mut unit = store.begin().await.unwrap();
    let mut accounts = unit.load_by_key::<Account>(&keys).await.unwrap();
    unit.rollback().await.unwrap();
    accounts.sort_by_key(|account| account.key);
    assert_eq!(
        accounts
            .iter()
            .map(|account| account.key)
            .collect::<Vec<_>>(),
        keys
    );
    let empty = accounts
        .iter()
        .all(|account| account.available().minor() == 0 && account.held().minor() == 0);
    assert!(empty, "{accounts:?}");
    let users = accounts
        .iter()
        .filter(|account| matches!(account.key.owner, Owner::User(_)));
    assert_eq!(users.count(), 0);
}
