//! Browsing listings with filters and orders together.

use p2p_application::listing::{
    ListingCursor, ListingFilter, ListingOrder, ListingQueries, ListingView,
};
use p2p_domain::{Asset, ExchangeType, Listing, ListingId, Money, TypedId};

use super::listings::all;
use super::{Backend, walk};
use crate::harness::{Harness, Offering, Storage};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

/// Two of each kind, the prices of which are equal across kinds too; every other one takes cash.
async fn stalls<S: Storage>(harness: &Harness<S>) {
    let anna = harness.exchanger("anna").await;
    let berta = harness.exchanger("berta").await;
    harness.switch(berta, false).await;
    let mut number = 0;
    for exchange_type in [SELLS, BUYS] {
        for asset in [Asset::Usdt, Asset::Usdc] {
            for fiat in [Asset::Eur, Asset::Usd] {
                for price in ["0.9", "0.95"] {
                    let cash: &[_] = &["CASH", "SEPA"];
                    let offering = Offering {
                        exchange_type,
                        asset,
                        fiat,
                        price,
                        payment_methods: cash[number % 2..].to_vec(),
                        ..Offering::of(exchange_type)
                    };
                    let owner = if number % 3 == 0 { berta } else { anna };
                    harness.publish(owner, &offering).await;
                    number += 1;
                }
            }
        }
    }
}

fn passes(view: &ListingView, filter: &ListingFilter) -> bool {
    let listing = &view.listing;
    let fits = |amount: Money| amount.minor() <= listing.available_fiat().minor();
    filter
        .exchange_type
        .is_none_or(|it| it == listing.exchange_type)
        && filter.asset.is_none_or(|it| it == listing.asset())
        && filter.fiat.is_none_or(|it| it == listing.price.fiat())
        && filter.amount.is_none_or(fits)
        && filter
            .payment_method
            .as_ref()
            .is_none_or(|it| listing.payment_methods.contains(it))
        && (!filter.online_only || view.exchanger_online)
}

fn sorted(mut listings: Vec<Listing>, order: ListingOrder) -> Vec<ListingId> {
    listings.sort_by_key(|listing| {
        let price = listing.price.e8();
        match order {
            ListingOrder::Newest => (0, u128::MAX - number(listing.id)),
            ListingOrder::PriceAscending => (price, number(listing.id)),
            ListingOrder::PriceDescending => (-price, number(listing.id)),
        }
    });
    listings.into_iter().map(|listing| listing.id).collect()
}

fn number(id: ListingId) -> u128 {
    id.as_u128()
}

/// Whatever is filtered by, in whatever order: the pages are those that pass, in order, each once.
pub async fn filters_hold_in_every_order_and_on_every_page<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    stalls(&harness).await;
    let everything = harness.store.list_listings(&all()).await.unwrap().listings;
    assert_eq!(everything.len(), 16);
    for order in [
        ListingOrder::Newest,
        ListingOrder::PriceAscending,
        ListingOrder::PriceDescending,
    ] {
        for exchange_type in [None, Some(BUYS)] {
            for asset in [None, Some(Asset::Usdc)] {
                for fiat in [None, Some(Asset::Eur)] {
                    for (payment_method, online_only) in [(None, false), (Some("CASH"), true)] {
                        let filter = ListingFilter {
                            exchange_type,
                            asset,
                            fiat,
                            amount: fiat.map(|fiat| Money::new(5_000, fiat)),
                            payment_method: payment_method.map(str::to_owned),
                            online_only,
                            order,
                            limit: 3,
                            ..all()
                        };
                        pages_are_right(&harness, &filter, &everything).await;
                    }
                }
            }
        }
    }
    harness.close().await;
}

async fn pages_are_right<S: Storage>(
    harness: &Harness<S>,
    filter: &ListingFilter,
    everything: &[ListingView],
) {
    let expected = everything.iter().filter(|view| passes(view, filter));
    let expected = sorted(
        expected.map(|view| view.listing.clone()).collect(),
        filter.order,
    );
    let page = async |after| {
        let filter = ListingFilter {
            after,
            ..filter.clone()
        };
        let found = harness.store.list_listings(&filter).await.unwrap();
        assert_eq!(found.searched_to, None, "there are not that many");
        found.listings
    };
    let walked = walk(3, page, |view: &ListingView| {
        ListingCursor::at(&view.listing)
    });
    let walked: Vec<_> = walked.await.iter().map(|view| view.listing.id).collect();
    assert_eq!(walked, expected, "{filter:?}");
}
