//! Browsing listings.

use p2p_application::listing::{
    ListingCursor, ListingFilter, ListingOrder, ListingQueries, ListingView,
};
use p2p_domain::listing::{ListingState, Switch};
use p2p_domain::{Asset, ExchangeType, ListingId, Money, TypedId, UserId};

use super::{Backend, walk};
use crate::harness::{Harness, Offering, Setup, Storage, minutes};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

/// All that is on offer.
pub(super) fn all() -> ListingFilter {
    ListingFilter {
        exchanger: None,
        exchange_type: None,
        asset: None,
        fiat: None,
        amount: None,
        payment_method: None,
        online_only: false,
        order: ListingOrder::Newest,
        after: None,
        limit: 1_000,
    }
}

fn of(exchanger: UserId) -> ListingFilter {
    ListingFilter {
        exchanger: Some(exchanger),
        ..all()
    }
}

async fn views<S: Storage>(harness: &Harness<S>, filter: &ListingFilter) -> Vec<ListingView> {
    let found = harness.store.list_listings(filter).await.unwrap();
    assert_eq!(found.searched_to, None, "there are not that many");
    found.listings
}

/// The ids of the listings that pass.
pub(super) async fn list<S: Storage>(
    harness: &Harness<S>,
    filter: &ListingFilter,
) -> Vec<ListingId> {
    let views = views(harness, filter).await;
    views.iter().map(|view| view.listing.id).collect()
}

/// ACTIVE, PAUSED or CLOSED, with its exchanger's name.
pub async fn a_listing_is_found_in_every_state<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.exchanger("Anna").await;
    let listing = harness.publish(anna, &Offering::of(BUYS)).await;
    let paused = harness.turn(&listing, Switch::Pause).await;
    let closed = harness.publish(anna, &Offering::of(SELLS)).await;
    let closed = harness.take_down(&closed).await;
    let active = harness.publish(anna, &Offering::of(SELLS)).await;
    for listing in [paused, closed, active] {
        let found = harness.store.find_listing(listing.id).await.unwrap();
        let expected = ListingView {
            listing,
            exchanger_name: "Anna".to_owned(),
            exchanger_online: true,
        };
        assert_eq!(found, Some(expected));
    }
    let missing = harness
        .store
        .find_listing(ListingId::from_u128(u128::MAX))
        .await;
    assert_eq!(missing.unwrap(), None);
    harness.close().await;
}

/// Six listings at four prices.
async fn at_prices<S: Storage>(harness: &Harness<S>) -> Vec<ListingId> {
    let anna = harness.exchanger("anna").await;
    let mut ids = Vec::new();
    for price in ["0.9", "0.85", "0.90000001", "0.9", "10", "0.85"] {
        let offering = Offering {
            price,
            ..Offering::of(SELLS)
        };
        ids.push(harness.publish(anna, &offering).await.id);
    }
    ids
}

/// Newest first, cheapest first, dearest first; among equals the older one first.
pub async fn lists_come_in_the_order_asked_for<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let ids = at_prices(&harness).await;
    for (order, expected) in [
        (ListingOrder::Newest, [5, 4, 3, 2, 1, 0]),
        (ListingOrder::PriceAscending, [1, 5, 0, 3, 2, 4]),
        (ListingOrder::PriceDescending, [4, 2, 0, 3, 1, 5]),
    ] {
        let listed = list(&harness, &ListingFilter { order, ..all() }).await;
        assert_eq!(listed, expected.map(|index: usize| ids[index]), "{order:?}");
    }
    harness.close().await;
}

/// Every length of page, in every order, also where a page ends between equal prices.
pub async fn pages_of_listings_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    at_prices(&harness).await;
    let cursor = |view: &ListingView| ListingCursor {
        price_e8: view.listing.price.e8(),
        id: view.listing.id,
    };
    for order in [
        ListingOrder::Newest,
        ListingOrder::PriceAscending,
        ListingOrder::PriceDescending,
    ] {
        for asset in [None, Some(Asset::Usdt)] {
            let whole = ListingFilter {
                order,
                asset,
                ..all()
            };
            let expected = views(&harness, &whole).await;
            assert_eq!(expected.len(), 6);
            for limit in 1..=7 {
                let page = async |after| {
                    views(
                        &harness,
                        &ListingFilter {
                            after,
                            limit,
                            ..whole.clone()
                        },
                    )
                    .await
                };
                let length = usize::try_from(limit).unwrap();
                let walked = walk(length, page, cursor).await;
                assert_eq!(walked, expected, "{order:?}, pages of {limit}");
            }
        }
    }
    harness.close().await;
}

/// What is paused or closed is not on offer.
pub async fn only_active_listings_are_shown<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let ids = at_prices(&harness).await;
    let listing = harness.listing(ids[1]).await;
    harness.turn(&listing, Switch::Pause).await;
    harness.take_down(&harness.listing(ids[4]).await).await;
    assert_eq!(
        list(&harness, &all()).await,
        [ids[5], ids[3], ids[2], ids[0]]
    );
    harness.turn(&listing, Switch::Resume).await;
    assert_eq!(
        list(&harness, &all()).await,
        [ids[5], ids[3], ids[2], ids[1], ids[0]]
    );
    harness.close().await;
}

/// Exchangers see their own paused listings, and nobody else's.
pub async fn an_exchangers_own_list_leaves_out_what_is_closed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.exchanger("berta").await,
    );
    let active = harness.publish(anna, &Offering::of(BUYS)).await;
    let paused = harness.publish(anna, &Offering::of(BUYS)).await;
    harness.turn(&paused, Switch::Pause).await;
    let closed = harness.publish(anna, &Offering::of(BUYS)).await;
    harness.take_down(&closed).await;
    let other = harness.publish(berta, &Offering::of(BUYS)).await;
    assert_eq!(list(&harness, &of(anna.user)).await, [paused.id, active.id]);
    assert_eq!(list(&harness, &of(berta.user)).await, [other.id]);
    assert_eq!(list(&harness, &of(harness.admin.user)).await, []);
    let states: Vec<_> = views(&harness, &of(anna.user)).await;
    assert_eq!(states[0].listing.state, ListingState::Paused);
    harness.close().await;
}

/// Each filter by itself, and all of them together.
pub async fn each_filter_narrows_the_list<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.exchanger("anna").await;
    let base = || Offering::of(BUYS);
    let mut ids = Vec::new();
    for offering in [
        base(),
        Offering {
            exchange_type: SELLS,
            ..base()
        },
        Offering {
            asset: Asset::Btc,
            ..base()
        },
        Offering {
            fiat: Asset::Usd,
            ..base()
        },
        Offering {
            payment_methods: vec!["CASH", "SEPA"],
            ..base()
        },
        Offering {
            payment_methods: vec!["SEPA INSTANT"],
            ..base()
        },
    ] {
        ids.push(harness.publish(anna, &offering).await.id);
    }
    let method = |name: &str| ListingFilter {
        payment_method: Some(name.to_owned()),
        ..all()
    };
    let cases = [
        (
            ListingFilter {
                exchange_type: Some(SELLS),
                ..all()
            },
            vec![1],
        ),
        (
            ListingFilter {
                exchange_type: Some(BUYS),
                ..all()
            },
            vec![5, 4, 3, 2, 0],
        ),
        (
            ListingFilter {
                asset: Some(Asset::Btc),
                ..all()
            },
            vec![2],
        ),
        (
            ListingFilter {
                asset: Some(Asset::Eth),
                ..all()
            },
            vec![],
        ),
        (
            ListingFilter {
                fiat: Some(Asset::Usd),
                ..all()
            },
            vec![3],
        ),
        (method("SEPA"), vec![4, 3, 2, 1, 0]),
        (method("CASH"), vec![4]),
        (method("SEPA INSTANT"), vec![5]),
        (method("EPA"), vec![]),
        (method("sepa"), vec![]),
        (method("%"), vec![]),
        (
            ListingFilter {
                exchanger: Some(anna.user),
                exchange_type: Some(BUYS),
                asset: Some(Asset::Usdt),
                fiat: Some(Asset::Eur),
                amount: Some(Money::new(9_000, Asset::Eur)),
                online_only: true,
                order: ListingOrder::PriceAscending,
                ..method("CASH")
            },
            vec![4],
        ),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|index: usize| ids[index])
            .collect();
        assert_eq!(list(&harness, &filter).await, expected, "{filter:?}");
    }
    harness.close().await;
}

/// Online is what customers can deal with: switched on, and not frozen.
pub async fn online_means_switched_on_and_not_frozen<B: Backend>(backend: &B) {
    let setup = Setup {
        policy: p2p_domain::Policy {
            unanswered_limit: 0,
            ..crate::harness::unlimited()
        },
        ..Setup::default()
    };
    let harness = Harness::open_with(backend.open().await, setup).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    let listing = harness.publish(anna, &Offering::of(BUYS)).await;
    let online_only = ListingFilter {
        online_only: true,
        ..all()
    };
    let seen = async || {
        let view = harness
            .store
            .find_listing(listing.id)
            .await
            .unwrap()
            .unwrap();
        (
            view.exchanger_online,
            list(&harness, &online_only).await.len(),
        )
    };
    assert_eq!(seen().await, (true, 1));
    harness.switch(anna, false).await;
    assert_eq!(seen().await, (false, 0));
    assert_eq!(list(&harness, &all()).await, [listing.id]);
    harness.switch(anna, true).await;
    harness.offer(customer, &listing, "10").await;
    harness.sweep_after(minutes(31)).await;
    // Frozen: the listing is paused, so it is looked for among the exchanger's own.
    let own = ListingFilter {
        exchanger: Some(anna.user),
        ..online_only.clone()
    };
    assert_eq!(seen().await, (false, 0));
    assert_eq!(list(&harness, &own).await, []);
    assert_eq!(list(&harness, &of(anna.user)).await, [listing.id]);
    harness.unfreeze(anna).await;
    harness.turn(&listing, Switch::Resume).await;
    assert_eq!(seen().await, (true, 1));
    harness.close().await;
}
