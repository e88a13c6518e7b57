//! Reading deals.

use std::time::Duration;

use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_domain::{Actor, ExchangeType, Offer, OfferId, Status, UserId};

use super::rows::nothing;
use super::{Backend, walk};
use crate::harness::{Harness, Offering, START, Stage, Storage, minutes, party};

const fn all_of(user: UserId) -> OfferFilter {
    OfferFilter {
        user,
        side: None,
        active_since: None,
        after: None,
        limit: 1_000,
    }
}

async fn list<S: Storage>(harness: &Harness<S>, filter: OfferFilter) -> Vec<OfferId> {
    let offers = harness.store.list_offers(&filter).await.unwrap();
    offers.iter().map(|offer| offer.id).collect()
}

/// No deal, no history, no list.
pub async fn what_is_not_there_is_not_found<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    harness
        .deal(ExchangeType::FiatToCrypto, Stage::Pending)
        .await;
    let store = &harness.store;
    assert_eq!(store.find_offer(nothing()).await.unwrap(), None);
    assert_eq!(store.offer_history(nothing()).await.unwrap(), []);
    assert_eq!(list(&harness, all_of(harness.admin.user)).await, []);
    harness.close().await;
}

/// Anna is an exchanger in two deals and a customer in two others; Berta is the other side, Carla has nothing to do
/// with most of it.
async fn fixture<S: Storage>(harness: &Harness<S>) -> (UserId, Vec<Offer>) {
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.exchanger("berta").await,
    );
    let carla = harness.customer("carla").await;
    for person in [anna, berta, carla] {
        harness
            .deposit(person, "1000", p2p_domain::Asset::Usdt)
            .await;
    }
    let of_anna = harness
        .publish(anna, &Offering::of(ExchangeType::CryptoToFiat))
        .await;
    let of_berta = harness
        .publish(berta, &Offering::of(ExchangeType::FiatToCrypto))
        .await;
    let mut deals = Vec::new();
    deals.push(harness.offer(berta, &of_anna, "10").await);
    deals.push(harness.offer(anna, &of_berta, "20").await);
    harness.offer(carla, &of_berta, "30").await;
    deals.push(harness.offer(carla, &of_anna, "40").await);
    deals.push(harness.offer(anna, &of_berta, "50").await);
    (anna.user, deals)
}

/// Either side, one side, and no side that is neither customer nor exchanger.
pub async fn deals_come_newest_first_for_their_sides_only<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, deals) = fixture(&harness).await;
    let ids: Vec<_> = deals.iter().map(|offer| offer.id).collect();
    let of_side = |side| OfferFilter {
        side: Some(side),
        ..all_of(anna)
    };
    assert_eq!(
        list(&harness, all_of(anna)).await,
        [ids[3], ids[2], ids[1], ids[0]]
    );
    assert_eq!(
        list(&harness, of_side(Actor::Exchanger)).await,
        [ids[2], ids[0]]
    );
    assert_eq!(
        list(&harness, of_side(Actor::Customer)).await,
        [ids[3], ids[1]]
    );
    for side in [Actor::Moderator, Actor::System, Actor::Provider] {
        assert_eq!(list(&harness, of_side(side)).await, [], "{side}");
    }
    let offers = harness.store.list_offers(&all_of(anna)).await.unwrap();
    assert_eq!(offers, deals.into_iter().rev().collect::<Vec<_>>());
    harness.close().await;
}

/// Every length of page gives the same list, filtered or not.
pub async fn pages_of_deals_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, deals) = fixture(&harness).await;
    harness.decline(&deals[2]).await;
    for side in [None, Some(Actor::Customer), Some(Actor::Exchanger)] {
        for active_since in [None, Some(START)] {
            let whole = OfferFilter {
                side,
                active_since,
                ..all_of(anna)
            };
            let expected = list(&harness, whole).await;
            assert!(!expected.is_empty());
            for limit in 1..=5 {
                let page = async |after| {
                    list(
                        &harness,
                        OfferFilter {
                            after,
                            limit,
                            ..whole
                        },
                    )
                    .await
                };
                let length = usize::try_from(limit).unwrap();
                assert_eq!(
                    walk(length, page, |id| *id).await,
                    expected,
                    "pages of {limit}"
                );
            }
        }
    }
    harness.close().await;
}

/// Open deals are active; FINISHED ones from the named moment on, to the microsecond; CANCELLED and DECLINED never.
pub async fn a_finished_deal_is_active_for_exactly_as_long_as_asked<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.customer("berta").await,
    );
    harness
        .deposit(berta, "1000", p2p_domain::Asset::Usdt)
        .await;
    let listing = harness
        .publish(anna, &Offering::of(ExchangeType::CryptoToFiat))
        .await;
    let mut deals = Vec::new();
    for stage in Stage::ALL {
        harness.clock.advance(minutes(1));
        let offer = harness.offer(berta, &listing, "10").await;
        deals.push((stage, harness.bring(offer, stage).await));
    }
    let finished = deals
        .iter()
        .find(|(stage, _)| *stage == Stage::Finished)
        .unwrap();
    let p2p_domain::offer::State::Finished { at } = finished.1.state else {
        panic!("{:?} is not finished", finished.1)
    };
    let open = |status: Status| !status.is_final();
    for (since, finished_is_active) in [
        (START, true),
        (at, true),
        (at.after(Duration::from_micros(1)), false),
        (at.before(Duration::from_micros(1)), true),
    ] {
        let mut expected: Vec<_> = deals
            .iter()
            .map(|(_, offer)| offer)
            .filter(|offer| {
                open(offer.status()) || (finished_is_active && offer.status() == Status::Finished)
            })
            .map(|offer| offer.id)
            .collect();
        expected.reverse();
        for user in [anna.user, berta.user] {
            let filter = OfferFilter {
                active_since: Some(since),
                ..all_of(user)
            };
            assert_eq!(list(&harness, filter).await, expected);
        }
    }

    // As the use case asks it: 24 hours to the microsecond.
    let active = p2p_application::offer::OfferList {
        active: true,
        limit: 100,
        ..Default::default()
    };
    let is_listed = async || {
        let page = p2p_application::offer::list_offers(&harness.market, party(berta.user), active);
        let page = page.await.unwrap();
        page.items.iter().any(|offer| offer.id == finished.1.id)
    };
    harness
        .clock
        .set(at.after(harness.market.policy().finished_stays_active));
    assert!(is_listed().await);
    harness.clock.advance(Duration::from_micros(1));
    assert!(!is_listed().await);
    harness.close().await;
}

/// Each step once, from the first; only of this deal.
pub async fn a_history_comes_in_order<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Finished)
        .await;
    harness.deal(ExchangeType::CryptoToFiat, Stage::Paid).await;
    let history = harness.store.offer_history(deal.id()).await.unwrap();
    let steps: Vec<_> = history
        .iter()
        .map(|step| (step.version, step.status))
        .collect();
    let expected = [
        (1, Status::Pending),
        (2, Status::Approved),
        (3, Status::PaymentConfirmed),
        (4, Status::ReceiptConfirmed),
        (5, Status::Finished),
    ];
    assert_eq!(steps, expected);
    assert!(history.iter().all(|step| step.offer == deal.id()));
    harness.close().await;
}
