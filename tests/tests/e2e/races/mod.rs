//! Races over HTTP between two instances of the market on one PostgreSQL database, each with two lanes.

mod replicas;
mod standing;

use std::time::Duration;

use anyhow::Result;
use p2p_application::offer::ExpireOffer;
use p2p_domain::{Asset, OfferId, Role};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use replicas::{QuotaKind, Replicas, create, offer_body, publish, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_accepts_cancels_and_timeouts_of_one_offer_have_one_winner() -> Result<()> {
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    served.deposit(&customer, "100", Asset::Usdt).await?;
    let listing = publish(served, &exchanger, "CRYPTO2FIAT", 1_000).await?;
    let offer = create(served, &customer, offer_body(&listing, "CRYPTO2FIAT", 100)).await?;
    // The deadline has passed, but nobody has swept yet: now the time-out races with both sides.
    replicas.clock.advance(Duration::from_secs(31 * 60));

    let mut racers = JoinSet::new();
    for turn in 0..200 {
        let (served, offer) = (replicas.any(turn), offer.clone());
        let (customer, exchanger) = (customer.clone(), exchanger.clone());
        racers.spawn(async move {
            let path = format!("/api/p2p/exchange-offers/{offer}");
            let reply = match turn % 3 {
                0 => {
                    let body = json!({"action": "ACCEPT"});
                    let path = format!("{path}/response");
                    served
                        .call(Some(&exchanger), Method::PUT, &path, body)
                        .await?
                }
                1 => {
                    let body = json!({"reason": "changed my mind"});
                    served
                        .post(&customer, &format!("{path}/cancel"), body)
                        .await?
                }
                _ => {
                    let id: OfferId = offer.parse()?;
                    let command = ExpireOffer {
                        offer: id,
                        dispute: served.market.fresh(),
                        freezes: true,
                    };
                    let expired = served.market.execute(command).await?;
                    return Ok(format!("{expired:?}"));
                }
            };
            anyhow::Ok(match reply.status.as_u16() {
                200 => text(&reply.body["status"]),
                _ => text(&reply.body["code"]),
            })
        });
    }
    let mut tally = QuotaKind::default();
    while let Some(answer) = racers.join_next().await {
        tally.count(answer??);
    }

    let deal = served
        .get(&customer, &format!("/api/p2p/exchange-offers/{offer}"))
        .await?
        .expect(200);
    let by_timeout = tally.of("Moved(Cancelled)");
    let won = [tally.of("APPROVED"), tally.of("CANCELLED"), by_timeout];
    // Accepted deals may be cancelled by the customer only together with the payer: those cancels are proposals and
    // say APPROVED too. They never end the deal, so PENDING was left exactly once.
    let history = deal["history"].as_array().cloned().unwrap_or_default();
    let left_pending: Vec<String> = history
        .iter()
        .skip(1)
        .map(|step| text(&step["status"]))
        .collect();
    match text(&deal["status"]).as_str() {
        "APPROVED" => {
            assert!(
                left_pending.iter().all(|status| status == "APPROVED"),
                "{left_pending:?}"
            );
            assert_eq!(won[1] + won[2], 0, "{tally:?}");
            assert_eq!(
                served.balance(&customer, Asset::Usdt).await?,
                (0, 100_000_000)
            );
        }
        "CANCELLED" => {
            assert_eq!(left_pending, ["CANCELLED"]);
            assert_eq!((won[0], won[1] + won[2]), (0, 1), "{tally:?}");
            assert_eq!(
                served.balance(&customer, Asset::Usdt).await?,
                (100_000_000, 0)
            );
        }
        other => panic!("{other}: {tally:?}"),
    }
    assert_eq!(tally.0.values().sum::<usize>(), 200);
    replicas.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_offers_against_a_balance_for_a_hundred_give_a_hundred() -> Result<()> {
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    served.deposit(&customer, "100", Asset::Usdt).await?;
    let listing = publish(served, &exchanger, "CRYPTO2FIAT", 10_000).await?;

    let mut racers = JoinSet::new();
    for turn in 0..500 {
        let (served, customer) = (replicas.any(turn), customer.clone());
        let body = offer_body(&listing, "CRYPTO2FIAT", 1);
        racers.spawn(async move {
            let reply = served
                .post(&customer, "/api/p2p/exchange-offers", body)
                .await?;
            anyhow::Ok(format!(
                "{} {}",
                reply.status.as_u16(),
                text(&reply.body["code"])
            ))
        });
    }
    let mut tally = QuotaKind::default();
    while let Some(answer) = racers.join_next().await {
        tally.count(answer??);
    }
    assert_eq!(tally.of("201 "), 100, "{tally:?}");
    assert_eq!(tally.of("422 INSUFFICIENT_FUNDS"), 400, "{tally:?}");
    assert_eq!(
        served.balance(&customer, Asset::Usdt).await?,
        (0, 100_000_000)
    );
    replicas.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_receipts_of_one_deal_pay_once() -> Result<()> {
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    served.deposit(&customer, "100", Asset::Usdt).await?;
    let listing = publish(served, &exchanger, "CRYPTO2FIAT", 1_000).await?;
    let offer = create(served, &customer, offer_body(&listing, "CRYPTO2FIAT", 100)).await?;
    let path = format!("/api/p2p/exchange-offers/{offer}");
    let accept = json!({"action": "ACCEPT"});
    served
        .call(
            Some(&exchanger),
            Method::PUT,
            &format!("{path}/response"),
            accept,
        )
        .await?
        .expect(200);
    let paid = json!({"payment_reference": "tx_1"});
    served
        .post(&exchanger, &format!("{path}/confirm-payment"), paid)
        .await?
        .expect(200);

    let mut racers = JoinSet::new();
    for turn in 0..10 {
        let (served, customer, path) = (
            replicas.any(turn),
            customer.clone(),
            format!("{path}/confirm-receipt"),
        );
        racers.spawn(async move {
            let reply = served.post(&customer, &path, json!({})).await?;
            anyhow::Ok(format!(
                "{} {}",
                reply.status.as_u16(),
                text(&reply.body["code"])
            ))
        });
    }
    let mut tally = QuotaKind::default();
    while let Some(answer) = racers.join_next().await {
        tally.count(answer??);
    }
    assert_eq!(
        (tally.of("200 "), tally.of("409 ILLEGAL_TRANSITION")),
        (1, 9),
        "{tally:?}"
    );
    assert_eq!(served.balance(&customer, Asset::Usdt).await?, (0, 0));
    assert_eq!(
        served.balance(&exchanger, Asset::Usdt).await?,
        (99_900_000, 0)
    );
    replicas.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_crossing_deals_of_two_people_neither_deadlock_nor_err() -> Result<()> {
    let replicas = Replicas::start().await?;
    let served = replicas.first();
    let both = &[Role::Customer, Role::Exchanger];
    let people = [
        served.person("Ann", both).await?,
        served.person("Ben", both).await?,
    ];
    let mut listings = Vec::new();
    for person in &people {
        served.deposit(person, "1000", Asset::Usdt).await?;
        listings.push(publish(served, person, "CRYPTO2FIAT", 10_000).await?);
    }

    // Each sells one USDT to the other, a hundred times, all at once, every call at the other replica.
    let mut deals = JoinSet::new();
    for turn in 0..200 {
        let (seller, buyer) = (people[turn % 2].clone(), people[(turn + 1) % 2].clone());
        let body = offer_body(&listings[(turn + 1) % 2], "CRYPTO2FIAT", 1);
        let (here, there) = (replicas.any(turn), replicas.any(turn / 2 + 1));
        deals.spawn(async move {
            let offer = create(&here, &seller, body).await?;
            let path = format!("/api/p2p/exchange-offers/{offer}");
            let accept = json!({"action": "ACCEPT"});
            there
                .call(
                    Some(&buyer),
                    Method::PUT,
                    &format!("{path}/response"),
                    accept,
                )
                .await?
                .expect(200);
            let paid = json!({"payment_reference": format!("tx_{turn}")});
            here.post(&buyer, &format!("{path}/confirm-payment"), paid)
                .await?
                .expect(200);
            there
                .post(&seller, &format!("{path}/confirm-receipt"), json!({}))
                .await?
                .expect(200);
            anyhow::Ok(())
        });
    }
    while let Some(done) = deals.join_next().await {
        done??;
    }
    // What each sold and bought is equal; a tenth of a percent of each purchase stays with the market.
    for person in &people {
        assert_eq!(served.balance(person, Asset::Usdt).await?, (999_900_000, 0));
    }
    replicas.end().await
}
