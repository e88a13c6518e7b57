//! Every query of the API, and every lock of a unit of work, reads about as many rows as it answers with, however many
//! there are: counted by PostgreSQL itself, table by table, over a market with a long past.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

mod access;
mod counter;
mod market;
mod messages;
mod orders;
mod payments;
mod writers;

use anyhow::Result;
use p2p_application::dispute::{DisputeFilter, DisputeQueries};
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::listing::{ListingCursor, ListingFilter, ListingOrder, ListingQueries};
use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_application::ports::{Maintenance, Store, Transaction};
use p2p_application::user::UserQueries;
use p2p_application::wallet::{StatementCursor, StatementFilter, WalletQueries};
use p2p_domain::ledger::Bucket;
use p2p_domain::user::Email;
use p2p_domain::{
    Account, AccountKey, Actor, Asset, Dispute, DisputeId, ExchangeType, Exchanger, Listing,
    ListingId, Money, Offer, OfferId, Timestamp, TransferId, TypedId, User,
};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;

use counter::Counter;
use market::{DISPUTE, LISTING, OFFER, TRANSFER, user};

const LIMIT: u32 = 20;

fn deals(side: Option<Actor>, active: bool, after: Option<OfferId>, who: u128) -> OfferFilter {
    OfferFilter {
        user: user(who),
        side,
        active_since: active.then_some(Timestamp::from_micros(39_900)),
        after,
        limit: LIMIT,
    }
}

fn book() -> ListingFilter {
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
        limit: LIMIT,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_read_what_they_answer_with() -> Result<()> {
    let counter = Counter::open(TestDatabase::postgres().await?).await?;
    offers(&counter).await?;
    listings(&counter).await?;
    searches_go_on_where_they_ended(&counter).await?;
    disputes(&counter).await?;
    wallets(&counter).await?;
    people(&counter).await?;
    maintenance(&counter).await?;
    locks(&counter).await?;
    messages::notifications(&counter).await?;
    messages::reports(&counter).await?;
    messages::locks(&counter).await?;
    messages::relay(&counter).await?;
    orders::orders(&counter).await?;
    orders::withdrawals(&counter).await?;
    orders::locks(&counter).await?;
    orders::forgetting(&counter).await?;
    access::queries(&counter).await?;
    access::trail(&counter).await?;
    access::locks(&counter).await?;
    access::forgetting(&counter).await?;
    payments::queries(&counter).await?;
    payments::locks(&counter).await?;
    counter.end().await
}

async fn offers(counter: &Counter) -> Result<()> {
    let id = OfferId::from_u128(OFFER + 30_000);
    counter
        .check("find_offer", 12, 1, async |db| {
            Ok(db.find_offer(id).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("offer_history", 12, 2, async |db| {
            Ok(db.offer_history(id).await?)
        })
        .await?;
    for (name, filter, least) in [
        ("all deals", deals(None, false, None, 1_000), 20),
        (
            "as customer",
            deals(Some(Actor::Customer), false, None, 1_000),
            20,
        ),
        (
            "as exchanger",
            deals(Some(Actor::Exchanger), false, Some(id), 1),
            20,
        ),
        ("next page", deals(None, false, Some(id), 1_000), 20),
        ("few deals", deals(None, false, None, 1_500), 5),
        ("active", deals(None, true, None, 1_000), 20),
        (
            "active as exchanger",
            deals(Some(Actor::Exchanger), true, None, 1),
            20,
        ),
        ("none active", deals(None, true, None, 5_900), 0),
    ] {
        // A page of each kind, and in the active ones all that is active: a few dozen here.
        counter
            .check(&format!("list_offers: {name}"), 90, least, async |db| {
                Ok(db.list_offers(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn listings(counter: &Counter) -> Result<()> {
    let id = ListingId::from_u128(LISTING + 10_000);
    let after = Some(ListingCursor {
        price_e8: 1_500_000,
        id,
    });
    counter
        .check("find_listing", 12, 1, async |db| {
            Ok(db.find_listing(id).await?.into_iter().collect())
        })
        .await?;
    let side = |exchange_type, order| ListingFilter {
        exchange_type: Some(exchange_type),
        asset: Some(Asset::Usdt),
        fiat: Some(Asset::Usd),
        order,
        ..book()
    };
    let buy = side(ExchangeType::FiatToCrypto, ListingOrder::PriceAscending);
    let sell = side(ExchangeType::CryptoToFiat, ListingOrder::PriceDescending);
    let own = ListingFilter {
        exchanger: Some(user(1)),
        ..book()
    };
    // `least`: the market has so few of them that a filter leaves some out.
    for (name, filter, most, least) in [
        ("newest", book(), 60, 20),
        (
            "newest, next page",
            ListingFilter { after, ..book() },
            60,
            20,
        ),
        ("to buy", buy.clone(), 60, 0),
        ("to sell", sell.clone(), 60, 20),
        (
            "to sell, next page",
            ListingFilter {
                after,
                ..sell.clone()
            },
            60,
            20,
        ),
        (
            "to sell, by amount and method",
            ListingFilter {
                amount: Some(Money::new(500, Asset::Usd)),
                payment_method: Some("SEPA".to_owned()),
                ..sell.clone()
            },
            60,
            20,
        ),
        ("an exchanger's own", own, 60, 0),
        (
            "to buy anything",
            ListingFilter {
                asset: None,
                fiat: None,
                ..buy.clone()
            },
            60,
            20,
        ),
        (
            "to sell anything, next page",
            ListingFilter {
                asset: None,
                fiat: None,
                after,
                ..sell.clone()
            },
            90,
            20,
        ),
        (
            "to sell an asset for anything, next page",
            ListingFilter {
                fiat: None,
                after,
                ..sell.clone()
            },
            // Of each currency a page of those at the very price of the cursor.
            160,
            20,
        ),
        (
            "to buy anything for a currency",
            ListingFilter {
                asset: None,
                ..buy.clone()
            },
            // A page of each asset.
            120,
            20,
        ),
        (
            "newest of a pair, next page",
            ListingFilter {
                order: ListingOrder::Newest,
                exchange_type: None,
                after,
                ..sell
            },
            90,
            20,
        ),
        (
            "newest of an asset",
            ListingFilter {
                asset: Some(Asset::Eth),
                ..book()
            },
            90,
            20,
        ),
        (
            "of those who are online, which nobody is who has any",
            ListingFilter {
                online_only: true,
                ..book()
            },
            FAR + 60,
            0,
        ),
        ("what few take", by_method("CHEQUE"), FAR + 60, 1),
        ("what nobody takes", by_method("BEADS"), FAR + 60, 0),
    ] {
        counter
            .check(&format!("list_listings: {name}"), most, least, async |db| {
                Ok(db.list_listings(&filter).await?.listings)
            })
            .await?;
    }
    Ok(())
}

/// Listings that a page looks at, at most.
const FAR: i64 = 400;

fn by_method(name: &str) -> ListingFilter {
    ListingFilter {
        payment_method: Some(name.to_owned()),
        ..book()
    }
}

/// Where few listings pass, pages are short, and all of them together are the list.
async fn searches_go_on_where_they_ended(counter: &Counter) -> Result<()> {
    let database = counter.test.open().await?;
    for (method, expected) in [("CHEQUE", 5), ("BEADS", 0)] {
        let (mut found, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let filter = ListingFilter {
                after,
                ..by_method(method)
            };
            let page = database.list_listings(&filter).await?;
            found.extend(page.listings.into_iter().map(|view| view.listing.id));
            pages += 1;
            after = page.searched_to;
            if after.is_none() {
                break;
            }
        }
        found.dedup();
        assert_eq!((found.len(), pages), (expected, 26), "{method}");
        assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
    }
    Ok(database.close().await?)
}

async fn disputes(counter: &Counter) -> Result<()> {
    let id = DisputeId::from_u128(DISPUTE + 9_000);
    let offer = OfferId::from_u128(OFFER + 9_000);
    counter
        .check("find_dispute", 12, 1, async |db| {
            Ok(db.find_dispute(id).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("disputes_of", 12, 1, async |db| {
            Ok(db.disputes_of(offer).await?)
        })
        .await?;
    counter
        .check("dispute_comments", 12, 2, async |db| {
            Ok(db.dispute_comments(id).await?)
        })
        .await?;
    let filter = |side: Option<u128>, open, after| DisputeFilter {
        side: side.map(user),
        open,
        after,
        limit: LIMIT,
    };
    for (name, filter, least) in [
        ("queue", filter(None, Some(true), None), 20),
        ("resolved", filter(None, Some(false), Some(id)), 20),
        ("all", filter(None, None, Some(id)), 20),
        ("of a busy user", filter(Some(1_000), None, None), 20),
        ("of a busy exchanger", filter(Some(1), None, Some(id)), 20),
        ("of a user with few", filter(Some(1_500), None, None), 1),
        ("of a user with none", filter(Some(5_900), None, None), 0),
    ] {
        counter
            .check(&format!("list_disputes: {name}"), 60, least, async |db| {
                Ok(db.list_disputes(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn wallets(counter: &Counter) -> Result<()> {
    counter
        .check("accounts_of", 12, 3, async |db| {
            Ok(db.accounts_of(user(1_000)).await?)
        })
        .await?;
    let after = StatementCursor {
        transfer: TransferId::from_u128(TRANSFER + 20_000),
        bucket: Bucket::Available,
    };
    for (name, asset, after) in [
        ("of everything", None, None),
        ("of everything, next page", None, Some(after)),
        ("of one asset", Some(Asset::Usdt), None),
        ("of one asset, next page", Some(Asset::Usdt), Some(after)),
    ] {
        let filter = StatementFilter {
            user: user(1_000),
            asset,
            after,
            limit: LIMIT,
        };
        // Each account's page, and the transfer at the page's end read to its end.
        counter
            .check(&format!("statement {name}"), 60, 20, async |db| {
                Ok(db.statement(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn people(counter: &Counter) -> Result<()> {
    counter
        .check("find_user", 12, 1, async |db| {
            Ok(db.find_user(user(3_000)).await?.into_iter().collect())
        })
        .await?;
    let email = Email::new("3000@example.com");
    counter
        .check("find_user_by_email", 12, 1, async |db| {
            Ok(db.find_user_by_email(&email).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("find_exchanger", 12, 1, async |db| {
            Ok(db.find_exchanger(user(300)).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("frozen_exchangers", 25, 20, async |db| {
            Ok(db.frozen_exchangers(LIMIT).await?)
        })
        .await
}

async fn maintenance(counter: &Counter) -> Result<()> {
    counter
        .check("due_offers", 25, 20, async |db| {
            Ok(db.due_offers(Timestamp::from_micros(40_000), LIMIT).await?)
        })
        .await?;
    counter
        .check("due_offers, none due", 2, 0, async |db| {
            Ok(db.due_offers(Timestamp::from_micros(10), LIMIT).await?)
        })
        .await
}

/// As a batch of a few dozen commands would load.
async fn locks(counter: &Counter) -> Result<()> {
    let picks = || (1..=30u128).map(|i| i * 97);
    let offers: Vec<_> = picks().map(|i| OfferId::from_u128(OFFER + i)).collect();
    let listings: Vec<_> = picks().map(|i| ListingId::from_u128(LISTING + i)).collect();
    let disputes: Vec<_> = picks().map(|i| DisputeId::from_u128(DISPUTE + i)).collect();
    let users: Vec<_> = picks().map(|i| user(1 + i)).collect();
    let exchangers: Vec<_> = (1..=30).map(user).collect();
    let emails: Vec<_> = picks()
        .map(|i| Email::new(&format!("{i}@example.com")))
        .collect();
    let accounts: Vec<_> = users
        .iter()
        .map(|user| AccountKey::user(*user, Asset::Usdt))
        .collect();
    let owners = [user(2), user(3)];
    async fn unit(db: &Database) -> Result<Box<dyn Transaction>> {
        Ok(db.begin().await?)
    }
    counter
        .check("offers_of_disputes", 40, 30, async |db| {
            Ok(unit(db).await?.offers_of_disputes(&disputes).await?)
        })
        .await?;
    counter
        .check("exchangers_of_listings", 40, 30, async |db| {
            Ok(unit(db).await?.exchangers_of_listings(&listings).await?)
        })
        .await?;
    counter
        .check("lock_users", 90, 30, async |db| {
            Ok(unit(db).await?.load_by::<User>(&users, &emails).await?)
        })
        .await?;
    counter
        .check("lock_offers", 40, 30, async |db| {
            Ok(unit(db).await?.load_by_key::<Offer>(&offers).await?)
        })
        .await?;
    counter
        .check("lock_disputes", 40, 30, async |db| {
            Ok(unit(db).await?.load_by::<Dispute>(&[], &offers).await?)
        })
        .await?;
    counter
        .check("lock_exchangers", 40, 30, async |db| {
            Ok(unit(db)
                .await?
                .load_by_key::<Exchanger>(&exchangers)
                .await?)
        })
        .await?;
    counter
        .check("read_exchangers", 40, 30, async |db| {
            Ok(unit(db).await?.read_exchangers(&exchangers).await?)
        })
        .await?;
    counter
        .check("lock_listings", 80, 30, async |db| {
            Ok(unit(db)
                .await?
                .load_by::<Listing>(&listings, &owners)
                .await?)
        })
        .await?;
    counter
        .check("lock_accounts", 40, 30, async |db| {
            Ok(unit(db).await?.load_by_key::<Account>(&accounts).await?)
        })
        .await
}
