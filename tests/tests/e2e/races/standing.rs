//! Races about an exchanger's standing: frozen, offline, and the count of unanswered offers. Answers look at the record
//! without locking it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::exchanger::SwitchOnline;
use p2p_application::offer::{ExpireOffer, Expired};
use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_domain::{Actor, Asset, Exchanger, OfferId, Role, Status};
use p2p_tests::served::{Person, Served};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::replicas::{QuotaKind, Replicas, create, offer_body, publish, text};

const SELL: &str = "CRYPTO2FIAT";
/// Past the time that an exchanger has to answer.
const OVERDUE: Duration = Duration::from_secs(31 * 60);

async fn record(served: &Served, exchanger: &Person) -> Result<Exchanger> {
    let found = served.database.find_exchanger(exchanger.id).await?;
    found.context("no record")
}

/// All deals of an exchanger, as the database has them.
async fn deals(served: &Served, exchanger: &Person) -> Result<BTreeSet<OfferId>> {
    let filter = OfferFilter {
        user: exchanger.id,
        side: Some(Actor::Exchanger),
        active_since: None,
        after: None,
        limit: 10_000,
    };
    let found = served.database.list_offers(&filter).await?;
    Ok(found.into_iter().map(|offer| offer.id).collect())
}

async fn expire(served: &Served, offer: &str) -> Result<Expired> {
    let command = ExpireOffer {
        offer: offer.parse()?,
        dispute: served.market.fresh(),
        freezes: true,
    };
    Ok(served.market.execute(command).await?)
}

/// Offers one unit on the listing, and tells status and code.
async fn attempt(served: &Served, customer: &Person, listing: &str) -> Result<String> {
    let body = offer_body(listing, SELL, 1);
    let reply = served
        .post(customer, "/api/p2p/exchange-offers", body)
        .await?;
    let (status, code) = (reply.status.as_u16(), text(&reply.body["code"]));
    Ok(format!("{status} {code}"))
}

/// From the moment at which the sixth unanswered offer was answered for, nobody gets a new deal with the exchanger,
/// whatever was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_ends_all_answers() -> Result<()> {
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    served.deposit(&customer, "10000", Asset::Usdt).await?;
    let mut listings = Vec::new();
    for _ in 0..3 {
        listings.push(publish(served, &exchanger, SELL, 10_000).await?);
    }
    let mut unanswered = Vec::new();
    for turn in 0..6 {
        let body = offer_body(&listings[turn % 3], SELL, 1);
        unanswered.push(create(served, &customer, body).await?);
    }
    replicas.clock.advance(OVERDUE);

    let mut racers = JoinSet::new();
    for turn in 0..240 {
        let (served, customer) = (replicas.any(turn), customer.clone());
        let listing = listings[turn / 2 % 3].clone();
        racers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(turn as u64 * 2)).await;
            attempt(&served, &customer, &listing).await
        });
    }
    let mut expiries = JoinSet::new();
    for (turn, offer) in unanswered.into_iter().enumerate() {
        let served = replicas.any(turn);
        expiries.spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            expire(&served, &offer).await
        });
    }
    while let Some(expired) = expiries.join_next().await {
        assert_eq!(expired??, Expired::Moved(Status::Cancelled));
    }
    let frozen = record(served, &exchanger).await?;
    assert!(frozen.frozen_at.is_some(), "{frozen:?}");
    assert_eq!(frozen.unanswered, 6);
    let known = deals(served, &exchanger).await?;

    let mut tally = QuotaKind::default();
    while let Some(answer) = racers.join_next().await {
        tally.count(answer??);
    }
    assert_eq!(deals(served, &exchanger).await?, known, "{tally:?}");
    let made = tally.of("201 ");
    assert_eq!(known.len(), made + 6, "{tally:?}");
    let refused = tally.of("409 LISTING_PAUSED") + tally.of("409 EXCHANGER_FROZEN");
    assert_eq!(made + refused, 240, "{tally:?}");
    let escrow = i64::try_from(made)? * 1_000_000;
    assert_eq!(
        served.balance(&customer, Asset::Usdt).await?,
        (10_000_000_000 - escrow, escrow)
    );
    replicas.end().await
}

/// Whoever offers after an exchanger's going offline was answered is refused; what was under way is made or refused,
/// and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_offline_refuses_whoever_comes_after() -> Result<()> {
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    served.deposit(&customer, "10000", Asset::Usdt).await?;
    let listing = publish(served, &exchanger, SELL, 10_000).await?;
    let mut total = QuotaKind::default();
    for round in 0..6 {
        let mut racers = JoinSet::new();
        for turn in 0..30 {
            let (served, customer) = (replicas.any(turn), customer.clone());
            let listing = listing.clone();
            racers.spawn(async move {
                tokio::time::sleep(Duration::from_millis(turn as u64)).await;
                attempt(&served, &customer, &listing).await
            });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        let switch = |online| SwitchOnline {
            caller: exchanger.caller,
            exchanger: exchanger.id,
            online,
        };
        replicas.any(round).market.execute(switch(false)).await?;
        for replica in 0..2 {
            let answer = attempt(&replicas.any(replica), &customer, &listing).await?;
            assert_eq!(answer, "409 EXCHANGER_OFFLINE");
        }
        while let Some(answer) = racers.join_next().await {
            total.count(answer??);
        }
        replicas.any(round + 1).market.execute(switch(true)).await?;
    }
    let made = total.of("201 ");
    assert_eq!(made + total.of("409 EXCHANGER_OFFLINE"), 180, "{total:?}");
    assert_eq!(deals(served, &exchanger).await?.len(), made);
    assert_eq!(record(served, &exchanger).await?.unanswered, 0);
    replicas.end().await
}

/// An answer ends the row of unanswered offers, an expiry adds to it: in whichever order they come, both count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_and_an_expiry_both_count() -> Result<()> {
    const ROUNDS: usize = 30;
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    served.deposit(&customer, "10000", Asset::Usdt).await?;
    let listing = publish(served, &exchanger, SELL, 10_000).await?;
    let mut offers = Vec::new();
    for _ in 0..ROUNDS * 3 {
        offers.push(create(served, &customer, offer_body(&listing, SELL, 1)).await?);
    }
    replicas.clock.advance(OVERDUE);

    let mut left = offers.chunks(3);
    for round in 0..ROUNDS {
        let [spare, answered, expired] = left.next().context("no more offers")? else {
            anyhow::bail!("three offers a round");
        };
        // The count is not zero: the answer has something to end.
        expire(served, spare).await?;
        let before = record(served, &exchanger).await?;
        ensure!(before.unanswered > 0, "{before:?}");
        let (here, there) = (replicas.any(round), replicas.any(round / 2));
        let answer = async {
            // Accepted or declined: a declined deal gives its escrow back with it.
            let action = ["ACCEPT", "DECLINE"][round % 2];
            let path = format!("/api/p2p/exchange-offers/{answered}/response");
            let body = json!({"action": action});
            here.call(Some(&exchanger), Method::PUT, &path, body).await
        };
        let (answer, expiry) = tokio::join!(answer, expire(&there, expired));
        answer?.expect(200);
        assert_eq!(expiry?, Expired::Moved(Status::Cancelled));
        let after = record(served, &exchanger).await?;
        assert_eq!(after.version, before.version + 2, "{before:?} {after:?}");
        assert!(after.unanswered <= 1, "{before:?} {after:?}");
        assert_eq!(after.frozen_at, None);
    }
    replicas.end().await
}
