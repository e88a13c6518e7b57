//! Time-outs and the freeze, over HTTP on both databases, on a clock that is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use p2p_domain::{Asset, Role, Timestamp};
use p2p_memory::ManualClock;
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::{Person, Served};
use reqwest::Method;
use serde_json::{Value, json};

const START: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const INSTANT: Duration = Duration::from_micros(1);

struct Market {
    database: TestDatabase,
    clock: ManualClock,
    served: Served,
    customer: Person,
    exchanger: Person,
    moderator: Person,
    listing: String,
}

impl Market {
    async fn open(database: TestDatabase) -> Result<Self> {
        let clock = ManualClock::at(START);
        let served = Served::start(database.open().await?, Arc::new(clock.clone())).await?;
        let customer = served.person("Carol", &[Role::Customer]).await?;
        let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
        let moderator = served.person("Mod", &[Role::Moderator]).await?;
        served.deposit(&customer, "1000", Asset::Usdt).await?;
        let body = json!({
            "exchange_type": "CRYPTO2FIAT",
            "crypto_asset": "USDT",
            "fiat_currency": "EUR",
            "price": 1,
            "total_amount": 1000,
            "min_amount": 1,
            "max_amount": 1000,
            "payment_methods": ["SEPA"],
            "payment_window_minutes": 10
        });
        let published = served
            .post(&exchanger, "/api/p2p/listings", body)
            .await?
            .expect(201);
        let listing = text(&published["listing_id"]);
        Ok(Self {
            database,
            clock,
            served,
            customer,
            exchanger,
            moderator,
            listing,
        })
    }

    async fn create(&self) -> Result<String> {
        let body = json!({
            "listing_id": self.listing, "amount": 10, "exchange_type": "CRYPTO2FIAT"
        });
        let reply = self
            .served
            .post(&self.customer, "/api/p2p/exchange-offers", body)
            .await?;
        Ok(text(&reply.expect(201)["offer_id"]))
    }

    async fn respond(&self, offer: &str, action: &str) -> Result<Value> {
        let path = format!("/api/p2p/exchange-offers/{offer}/response");
        let body = json!({"action": action});
        Ok(self
            .served
            .call(Some(&self.exchanger), Method::PUT, &path, body)
            .await?
            .expect(200))
    }

    async fn confirm_payment(&self, offer: &str) -> Result<Value> {
        let path = format!("/api/p2p/exchange-offers/{offer}/confirm-payment");
        let body = json!({"payment_reference": "tx_1"});
        Ok(self
            .served
            .post(&self.exchanger, &path, body)
            .await?
            .expect(200))
    }

    /// With a fresh token: they run out on this clock too.
    async fn status(&self, offer: &str) -> Result<String> {
        let path = format!("/api/p2p/exchange-offers/{offer}/status");
        let (id, roles) = (self.customer.id, self.customer.caller.roles);
        let customer = self
            .served
            .signed_in(id, self.customer.email.clone(), roles)?;
        Ok(text(
            &self.served.get(&customer, &path).await?.expect(200)["status"],
        ))
    }

    async fn held(&self) -> Result<i64> {
        Ok(self.served.balance(&self.customer, Asset::Usdt).await?.1)
    }

    async fn sweep(&self) -> Result<u64> {
        Ok(self.served.sweeper().sweep().await?)
    }

    /// One instant before the deadline nothing happens; at the deadline the deal moves.
    async fn runs_out_after(&self, window: Duration, offer: &str, becomes: &str) -> Result<()> {
        let before = self.status(offer).await?;
        self.clock.advance(window - INSTANT);
        assert_eq!(self.sweep().await?, 0);
        assert_eq!(self.status(offer).await?, before);
        self.clock.advance(INSTANT);
        assert_eq!(self.sweep().await?, 1);
        assert_eq!(self.status(offer).await?, becomes);
        assert_eq!(self.sweep().await?, 0, "a deadline is kept once");
        self.served.audit().await
    }

    async fn active(&self) -> Result<Vec<String>> {
        let path = "/api/p2p/exchange-offers?active=true&role=CUSTOMER";
        let page = self.served.get(&self.customer, path).await?.expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        Ok(items.iter().map(|item| text(&item["offer_id"])).collect())
    }

    async fn end(self) -> Result<()> {
        self.served.audit().await?;
        drop(self.served);
        self.database.drop_now().await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn each_deadline(database: TestDatabase) -> Result<()> {
    let market = Market::open(database).await?;

    let unanswered = market.create().await?;
    assert_eq!(market.held().await?, 10_000_000);
    market
        .runs_out_after(30 * MINUTE, &unanswered, "CANCELLED")
        .await?;
    assert_eq!(market.held().await?, 0);

    let unpaid = market.create().await?;
    market.respond(&unpaid, "ACCEPT").await?;
    market
        .runs_out_after(10 * MINUTE, &unpaid, "CANCELLED")
        .await?;
    assert_eq!(market.held().await?, 0);

    let unseen = market.create().await?;
    market.respond(&unseen, "ACCEPT").await?;
    market.confirm_payment(&unseen).await?;
    market
        .runs_out_after(24 * 60 * MINUTE, &unseen, "DISPUTE_OPEN")
        .await?;
    assert_eq!(
        market.held().await?,
        10_000_000,
        "a dispute keeps the escrow"
    );
    let token = market.served.signed_in(
        market.moderator.id,
        market.moderator.email.clone(),
        market.moderator.caller.roles,
    )?;
    let queue = market
        .served
        .get(&token, "/api/p2p/disputes?status=OPEN")
        .await?
        .expect(200);
    assert_eq!(queue["items"][0]["opened_by"], "SYSTEM");
    assert_eq!(queue["items"][0]["offer_id"], unseen.as_str());
    // However long the moderator takes.
    market.clock.advance(365 * 24 * 60 * MINUTE);
    assert_eq!(market.sweep().await?, 0);
    market.end().await
}

#[tokio::test]
async fn each_deadline_moves_the_deal_on_sqlite() -> Result<()> {
    each_deadline(TestDatabase::sqlite().await?).await
}

#[tokio::test]
async fn each_deadline_moves_the_deal_on_postgres() -> Result<()> {
    each_deadline(TestDatabase::postgres().await?).await
}

async fn the_sixth_unanswered(database: TestDatabase) -> Result<()> {
    let mut market = Market::open(database).await?;
    let switch = format!("/api/p2p/exchanger/{}/status", market.exchanger.id);

    // Six at once while offline: the exchanger went offline after they came in, nothing is counted.
    for _ in 0..6 {
        market.create().await?;
    }
    let offline = json!({"online": false});
    market
        .served
        .call(Some(&market.exchanger), Method::PATCH, &switch, offline)
        .await?
        .expect(200);
    market.clock.advance(30 * MINUTE);
    assert_eq!(market.sweep().await?, 6);
    assert_eq!(frozen(&mut market).await?, json!([]));

    let online = json!({"online": true});
    market.renew()?;
    market
        .served
        .call(Some(&market.exchanger), Method::PATCH, &switch, online)
        .await?
        .expect(200);
    // Five in a row, an answer, five in a row: still no freeze.
    for _ in 0..2 {
        for _ in 0..5 {
            market.create().await?;
        }
        market.clock.advance(30 * MINUTE);
        market.renew()?;
        assert_eq!(market.sweep().await?, 5);
        let answered = market.create().await?;
        market.respond(&answered, "DECLINE").await?;
    }
    assert_eq!(frozen(&mut market).await?, json!([]));

    // Six in a row.
    for _ in 0..6 {
        market.create().await?;
    }
    market.clock.advance(30 * MINUTE);
    market.renew()?;
    assert_eq!(market.sweep().await?, 6);
    let exchanger = market.exchanger.id.to_string();
    assert_eq!(frozen(&mut market).await?[0]["exchanger_id"], exchanger);

    let listing = format!("/api/p2p/listings/{}", market.listing);
    let shown = market
        .served
        .get(&market.customer, &listing)
        .await?
        .expect(200);
    assert_eq!(shown["status"], "PAUSED");
    let body = json!({"listing_id": market.listing, "amount": 10, "exchange_type": "CRYPTO2FIAT"});
    market
        .served
        .post(&market.customer, "/api/p2p/exchange-offers", body)
        .await?
        .expect_problem(409, "LISTING_PAUSED");
    let resume = json!({"status": "ACTIVE"});
    market
        .served
        .call(
            Some(&market.exchanger),
            Method::PATCH,
            &listing,
            resume.clone(),
        )
        .await?
        .expect_problem(409, "EXCHANGER_FROZEN");

    let unfreeze = format!("/api/p2p/exchanger/{exchanger}/unfreeze");
    market
        .served
        .post(&market.customer, &unfreeze, json!({}))
        .await?
        .expect_problem(403, "ROLE_REQUIRED");
    market
        .served
        .post(&market.moderator, &unfreeze, json!({}))
        .await?
        .expect(200);
    assert_eq!(frozen(&mut market).await?, json!([]));
    market
        .served
        .call(Some(&market.exchanger), Method::PATCH, &listing, resume)
        .await?
        .expect(200);
    market.create().await?;
    market.end().await
}

impl Market {
    /// Tokens run out on this clock too.
    fn renew(&mut self) -> Result<()> {
        for person in [&mut self.customer, &mut self.exchanger, &mut self.moderator] {
            *person =
                self.served
                    .signed_in(person.id, person.email.clone(), person.caller.roles)?;
        }
        Ok(())
    }
}

async fn frozen(market: &mut Market) -> Result<Value> {
    market.renew()?;
    let reply = market
        .served
        .get(&market.moderator, "/api/p2p/exchangers/frozen")
        .await?;
    Ok(reply.expect(200)["items"].clone())
}

#[tokio::test]
async fn the_sixth_unanswered_offer_freezes_an_online_exchanger_on_sqlite() -> Result<()> {
    the_sixth_unanswered(TestDatabase::sqlite().await?).await
}

#[tokio::test]
async fn the_sixth_unanswered_offer_freezes_an_online_exchanger_on_postgres() -> Result<()> {
    the_sixth_unanswered(TestDatabase::postgres().await?).await
}

async fn active_deals(database: TestDatabase) -> Result<()> {
    let mut market = Market::open(database).await?;
    let finished = market.create().await?;
    market.respond(&finished, "ACCEPT").await?;
    market.confirm_payment(&finished).await?;
    let receipt = format!("/api/p2p/exchange-offers/{finished}/confirm-receipt");
    market
        .served
        .post(&market.customer, &receipt, json!({}))
        .await?
        .expect(200);
    let declined = market.create().await?;
    market.respond(&declined, "DECLINE").await?;
    let disputed = market.create().await?;
    market.respond(&disputed, "ACCEPT").await?;
    let dispute = format!("/api/p2p/exchange-offers/{disputed}/dispute");
    market
        .served
        .post(&market.customer, &dispute, json!({"reason": "no fiat"}))
        .await?
        .expect(200);

    assert_eq!(market.active().await?, [disputed.clone(), finished.clone()]);
    market.clock.advance(24 * 60 * MINUTE);
    market.renew()?;
    assert_eq!(
        market.active().await?,
        [disputed.clone(), finished],
        "24 hours to the instant"
    );
    market.clock.advance(INSTANT);
    assert_eq!(market.active().await?, [disputed]);
    market.end().await
}

#[tokio::test]
async fn a_finished_deal_stays_active_for_24_hours_on_sqlite() -> Result<()> {
    active_deals(TestDatabase::sqlite().await?).await
}

#[tokio::test]
async fn a_finished_deal_stays_active_for_24_hours_on_postgres() -> Result<()> {
    active_deals(TestDatabase::postgres().await?).await
}
