//! Searches for what few of many listings have: pages end early, and all of them together are the list.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::listing::{ListingFilter, ListingOrder, ListingQueries};
use p2p_application::ports::ChangeSet;
use p2p_domain::{Asset, ExchangeType, ListingId};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;

on_both! {
    pages_that_end_early_are_the_whole_list_together
}

/// More than a page looks at, several times; one in 500 takes cheques.
const LISTINGS: usize = 2_500;
const RARE: usize = 500;

/// Every page of a search, by the ids on it.
async fn pages(database: &Database, filter: &ListingFilter) -> Result<Vec<Vec<ListingId>>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let filter = ListingFilter {
            after,
            ..filter.clone()
        };
        let page = database.list_listings(&filter).await?;
        pages.push(page.listings.iter().map(|view| view.listing.id).collect());
        after = page.searched_to;
        if after.is_none() {
            return Ok(pages);
        }
        assert!(pages.len() < 100, "the list does not end");
    }
}

async fn pages_that_end_early_are_the_whole_list_together(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let stall = Stall::open(&database).await;
    let listings: Vec<_> = (1..=LISTINGS)
        .map(|number| {
            let mut listing = new_listing(&stall.exchanger, ExchangeType::FiatToCrypto);
            if number % RARE == 0 {
                listing.payment_methods = vec!["CHEQUE".to_owned()];
            }
            listing
        })
        .collect();
    let rare = |listing: &&p2p_domain::Listing| listing.payment_methods == ["CHEQUE"];
    let expected: Vec<_> = listings.iter().filter(rare).map(|one| one.id).collect();
    let changes = ChangeSet {
        listings: listings.into_iter().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&database, &changes).await?;

    for order in [
        ListingOrder::Newest,
        ListingOrder::PriceAscending,
        ListingOrder::PriceDescending,
    ] {
        for (asset, fiat) in [
            (None, None),
            (Some(Asset::Usdt), None),
            (None, Some(Asset::Usd)),
            (Some(Asset::Usdt), Some(Asset::Usd)),
        ] {
            let search = |method: &str| ListingFilter {
                exchanger: None,
                exchange_type: Some(ExchangeType::FiatToCrypto),
                asset,
                fiat,
                amount: None,
                payment_method: Some(method.to_owned()),
                online_only: false,
                order,
                after: None,
                limit: 20,
            };
            let found = pages(&database, &search("CHEQUE")).await?;
            assert!(found.len() > 2, "{order:?}: {found:?}");
            let mut all = found.concat();
            if order == ListingOrder::Newest {
                all.reverse();
            }
            assert_eq!(all, expected, "{order:?} of {asset:?} for {fiat:?}");
            let nothing = pages(&database, &search("BEADS")).await?;
            assert!(nothing.len() > 2 && nothing.concat().is_empty());
        }
    }
    database.close().await?;
    test.drop_now().await
}
