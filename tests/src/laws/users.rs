//! Reading accounts of people.

use p2p_application::exchanger::ExchangerQueries;
use p2p_application::user::UserQueries;

use p2p_domain::user::Email;
use p2p_domain::{ExchangeType, Role, TypedId, UserId};

use super::Backend;
use crate::harness::{Harness, Offering, Setup, minutes};

/// The right one, or none.
pub async fn people_are_found_by_id_and_by_address<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness
        .person("Anna", [Role::Customer, Role::Exchanger])
        .await;
    harness.customer("berta").await;
    let store = &harness.store;
    let found = store
        .find_user(anna.user)
        .await
        .unwrap()
        .expect("registered");
    assert_eq!(
        (found.id, found.name.as_str(), found.roles),
        (anna.user, "Anna", anna.roles)
    );
    let by_address = store.find_user_by_email(&found.email).await.unwrap();
    assert_eq!(by_address.as_ref(), Some(&found));
    let shouted = Email::new(&format!("  {} ", found.email.as_str().to_uppercase()));
    assert_eq!(
        store.find_user_by_email(&shouted).await.unwrap(),
        Some(found)
    );
    assert_eq!(
        store
            .find_user_by_email(&Email::new("nobody@example.org"))
            .await
            .unwrap(),
        None
    );
    let nobody = UserId::from_u128(u128::MAX);
    assert_eq!(store.find_user(nobody).await.unwrap(), None);
    assert_eq!(store.find_exchanger(nobody).await.unwrap(), None);
    assert_eq!(
        store.find_exchanger(harness.admin.user).await.unwrap(),
        None
    );
    harness.close().await;
}

/// A queue: who waits longest is first; the unfrozen are not in it.
pub async fn the_longest_frozen_comes_first<B: Backend>(backend: &B) {
    let setup = Setup {
        policy: p2p_domain::Policy {
            unanswered_limit: 0,
            ..crate::harness::unlimited()
        },
        ..Setup::default()
    };
    let harness = Harness::open_with(backend.open().await, setup).await;
    let customer = harness.customer("customer").await;
    harness
        .deposit(customer, "1000", p2p_domain::Asset::Usdt)
        .await;
    let mut exchangers = Vec::new();
    for name in ["anna", "berta", "carla", "dora"] {
        exchangers.push(harness.exchanger(name).await);
    }
    // Not in the order of their ids.
    for index in [2, 0, 3] {
        let offering = Offering::of(ExchangeType::CryptoToFiat);
        let listing = harness.publish(exchangers[index], &offering).await;
        harness.offer(customer, &listing, "10").await;
        assert_eq!(harness.sweep_after(minutes(31)).await, 1);
    }
    let frozen = async |limit| {
        let rows = harness.store.frozen_exchangers(limit).await.unwrap();
        rows.iter().map(|row| row.user).collect::<Vec<_>>()
    };
    let [a, _, c, d] = [0, 1, 2, 3].map(|index: usize| exchangers[index].user);
    assert_eq!(frozen(10).await, [c, a, d]);
    assert_eq!(frozen(2).await, [c, a]);
    harness.unfreeze(exchangers[0]).await;
    assert_eq!(frozen(10).await, [c, d]);
    harness.close().await;
}
