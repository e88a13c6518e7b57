//! The README's walk-through: every step of a deal over real HTTP, in both directions, on both databases, with the exact
//! bodies of the contract, and the ledger looked at after every step.

use std::sync::Arc;

use anyhow::Result;
use p2p_domain::{Asset, Role};
use p2p_memory::ManualClock;
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::{PASSWORD, Person, Served};
use reqwest::Method;
use serde_json::{Value, json};

/// 2025-04-18T15:00:00Z.
const NOON: p2p_domain::Timestamp = p2p_domain::Timestamp::from_micros(1_744_988_400_000_000);

#[tokio::test]
async fn a_deal_from_crypto_to_fiat_on_sqlite() -> Result<()> {
    crypto_to_fiat(TestDatabase::sqlite().await?).await
}

#[tokio::test]
async fn a_deal_from_crypto_to_fiat_on_postgres() -> Result<()> {
    crypto_to_fiat(TestDatabase::postgres().await?).await
}

#[tokio::test]
async fn a_deal_from_fiat_to_crypto_on_sqlite() -> Result<()> {
    fiat_to_crypto(TestDatabase::sqlite().await?).await
}

#[tokio::test]
async fn a_deal_from_fiat_to_crypto_on_postgres() -> Result<()> {
    fiat_to_crypto(TestDatabase::postgres().await?).await
}

struct Market {
    served: Served,
    customer: Person,
    exchanger: Person,
    moderator: Person,
}

async fn market(database: &TestDatabase) -> Result<Market> {
    let served = Served::start(database.open().await?, Arc::new(ManualClock::at(NOON))).await?;
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served
        .person("Eve", &[Role::Customer, Role::Exchanger])
        .await?;
    let moderator = served.person("Mod", &[Role::Moderator]).await?;
    Ok(Market {
        served,
        customer,
        exchanger,
        moderator,
    })
}

impl Market {
    async fn publish(&self, exchange_type: &str) -> Result<String> {
        let listing = self
            .served
            .post(
                &self.exchanger,
                "/api/p2p/listings",
                json!({
                    "exchange_type": exchange_type,
                    "crypto_asset": "USDT",
                    "fiat_currency": "EUR",
                    "price": "0.92",
                    "total_amount": 1000,
                    "min_amount": 10,
                    "max_amount": "500.00",
                    "payment_methods": ["SEPA"],
                    "terms": "SEPA only"
                }),
            )
            .await?
            .expect(201);
        assert_eq!(listing["status"], "ACTIVE");
        Ok(text(&listing["listing_id"]))
    }

    async fn create(&self, listing: &str, exchange_type: &str) -> Result<String> {
        let answer = self
            .served
            .post(
                &self.customer,
                "/api/p2p/exchange-offers",
                json!({
                    "customer_id": self.customer.id.to_string(),
                    "listing_id": listing,
                    "amount": 100.0,
                    "exchange_type": exchange_type,
                    "conditions": "Обмен по курсу X, лимит 10-100"
                }),
            )
            .await?
            .expect(201);
        let offer = text(&answer["offer_id"]);
        assert_eq!(
            answer,
            json!({
                "offer_id": offer,
                "status": "PENDING",
                "message": "Exchange offer created successfully"
            })
        );
        Ok(offer)
    }

    async fn accept(&self, offer: &str) -> Result<()> {
        let answer = self
            .served
            .call(
                Some(&self.exchanger),
                Method::PUT,
                &format!("/api/p2p/exchange-offers/{offer}/response"),
                json!({"exchanger_id": self.exchanger.id.to_string(), "action": "ACCEPT"}),
            )
            .await?
            .expect(200);
        assert_eq!(
            answer,
            json!({"offer_id": offer, "status": "APPROVED", "message": "Exchange offer accepted"})
        );
        Ok(())
    }

    /// (available, held) of the customer and of the exchanger, in millionths of USDT.
    async fn ledger(&self, customer: (i64, i64), exchanger: (i64, i64)) -> Result<()> {
        assert_eq!(
            self.served.balance(&self.customer, Asset::Usdt).await?,
            customer
        );
        assert_eq!(
            self.served.balance(&self.exchanger, Asset::Usdt).await?,
            exchanger
        );
        self.served.audit().await
    }

    async fn status(&self, offer: &str) -> Result<Value> {
        let path = format!("/api/p2p/exchange-offers/{offer}/status");
        Ok(self.served.get(&self.customer, &path).await?.expect(200))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

const ONE: i64 = 1_000_000;

/// The customer sells 100 USDT: its crypto is held, the exchanger pays fiat.
async fn crypto_to_fiat(database: TestDatabase) -> Result<()> {
    let market = market(&database).await?;
    market
        .served
        .deposit(&market.customer, "250", Asset::Usdt)
        .await?;
    let listing = market.publish("CRYPTO2FIAT").await?;
    market.ledger((250 * ONE, 0), (0, 0)).await?;

    let offer = market.create(&listing, "CRYPTO2FIAT").await?;
    market.ledger((150 * ONE, 100 * ONE), (0, 0)).await?;

    market.accept(&offer).await?;
    market.ledger((150 * ONE, 100 * ONE), (0, 0)).await?;

    let answer = market
        .served
        .post(
            &market.exchanger,
            &format!("/api/p2p/exchange-offers/{offer}/confirm-payment"),
            json!({"exchanger_id": market.exchanger.id.to_string(), "payment_reference": "tx_abc123"}),
        )
        .await?
        .expect(200);
    assert_eq!(
        answer,
        json!({
            "offer_id": offer,
            "status": "PAYMENT_CONFIRMED",
            "message": "Payment confirmed by exchanger"
        })
    );
    market.ledger((150 * ONE, 100 * ONE), (0, 0)).await?;

    let answer = market
        .served
        .post(
            &market.customer,
            &format!("/api/p2p/exchange-offers/{offer}/confirm-receipt"),
            json!({"customer_id": market.customer.id.to_string()}),
        )
        .await?
        .expect(200);
    assert_eq!(
        answer,
        json!({
            "offer_id": offer,
            "status": "FINISHED",
            "message": "Fiat received, transaction completed"
        })
    );
    // A tenth of a percent stays with the market.
    market.ledger((150 * ONE, 0), (99_900_000, 0)).await?;
    assert_eq!(
        market.status(&offer).await?,
        json!({
            "offer_id": offer,
            "status": "FINISHED",
            "details": "Transaction completed at 2025-04-18T15:00:00Z"
        })
    );
    let path = format!("/api/p2p/exchange-offers/{offer}");
    let deal = market
        .served
        .get(&market.exchanger, &path)
        .await?
        .expect(200);
    let steps: Vec<String> = deal["history"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|step| format!("{} {}", text(&step["status"]), text(&step["actor"])))
        .collect();
    assert_eq!(
        steps,
        [
            "PENDING CUSTOMER",
            "APPROVED EXCHANGER",
            "PAYMENT_CONFIRMED EXCHANGER",
            "RECEIPT_CONFIRMED CUSTOMER",
            "FINISHED CUSTOMER"
        ]
    );
    let path = format!("/api/p2p/listings/{listing}");
    let listing = market
        .served
        .get(&market.customer, &path)
        .await?
        .expect(200);
    assert_eq!(listing["remaining_amount"], "900.000000");
    assert_eq!(listing["executed_amount"], "100.000000");
    database.drop_now().await
}

/// The customer buys 100 USDT: the exchanger's crypto is held; it comes to a dispute, and a moderator divides.
async fn fiat_to_crypto(database: TestDatabase) -> Result<()> {
    let market = market(&database).await?;
    market
        .served
        .deposit(&market.exchanger, "250", Asset::Usdt)
        .await?;
    log_in_and_go_online(&market).await?;
    let listing = market.publish("FIAT2CRYPTO").await?;

    let called_off = market.create(&listing, "FIAT2CRYPTO").await?;
    market.ledger((0, 0), (150 * ONE, 100 * ONE)).await?;
    let answer = market
        .served
        .post(
            &market.customer,
            &format!("/api/p2p/exchange-offers/{called_off}/cancel"),
            json!({"cancelled_by": "CUSTOMER", "reason": "Отсутствие реакции второй стороны"}),
        )
        .await?
        .expect(200);
    assert_eq!(
        answer,
        json!({"offer_id": called_off, "status": "CANCELLED", "message": "Transaction cancelled"})
    );
    market.ledger((0, 0), (250 * ONE, 0)).await?;

    let offer = market.create(&listing, "FIAT2CRYPTO").await?;
    market.accept(&offer).await?;
    let answer = market
        .served
        .post(
            &market.customer,
            &format!("/api/p2p/exchange-offers/{offer}/confirm-payment"),
            json!({"customer_id": market.customer.id.to_string(), "payment_reference": "SEPA-1"}),
        )
        .await?
        .expect(200);
    assert_eq!(answer["message"], "Payment confirmed by customer");
    market.ledger((0, 0), (150 * ONE, 100 * ONE)).await?;

    let answer = market
        .served
        .post(
            &market.customer,
            &format!("/api/p2p/exchange-offers/{offer}/dispute"),
            json!({"opened_by": "CUSTOMER", "reason": "Фиат не получен/не отправлен"}),
        )
        .await?
        .expect(200);
    let dispute = text(&answer["dispute_id"]);
    assert_eq!(
        answer,
        json!({
            "dispute_id": dispute,
            "status": "DISPUTE_OPEN",
            "message": "Dispute opened successfully"
        })
    );
    market.ledger((0, 0), (150 * ONE, 100 * ONE)).await?;

    let queue = market
        .served
        .get(&market.moderator, "/api/p2p/disputes?status=OPEN")
        .await?;
    assert_eq!(
        queue.expect(200)["items"][0]["dispute_id"],
        dispute.as_str()
    );
    market
        .served
        .post(
            &market.moderator,
            &format!("/api/p2p/disputes/{dispute}/comments"),
            json!({"text": "Please send the receipt."}),
        )
        .await?
        .expect(201);

    let answer = market
        .served
        .post(
            &market.moderator,
            &format!("/api/p2p/disputes/{dispute}/resolve"),
            json!({
                "admin_id": market.moderator.id.to_string(),
                "resolution": "RESOLVED_SPLIT",
                "comment": "После проверки документы в порядке",
                "payer_amount": "40"
            }),
        )
        .await?
        .expect(200);
    assert_eq!(
        answer,
        json!({
            "dispute_id": dispute,
            "status": "DISPUTE_RESOLVED",
            "message": "Dispute resolved by admin"
        })
    );
    // 40 less a tenth of a percent for the customer, 60 back to the exchanger.
    market.ledger((39_960_000, 0), (210 * ONE, 0)).await?;
    assert_eq!(market.status(&offer).await?["status"], "FINISHED");
    database.drop_now().await
}

/// The exchanger logs in with the password, goes offline and online again, by both paths of the switch.
async fn log_in_and_go_online(market: &Market) -> Result<()> {
    let (served, exchanger) = (&market.served, &market.exchanger);
    let login = json!({"email": exchanger.email, "password": PASSWORD});
    let answer = served
        .call(None, Method::POST, "/api/auth/login", login)
        .await?
        .expect(200);
    let signed_in = Person {
        token: text(&answer["access_token"]),
        ..exchanger.clone()
    };
    for (path, online) in [
        (format!("/api/p2p/exchanger/{}/status", exchanger.id), false),
        (format!("/api/v1/users/{}/status", exchanger.id), true),
    ] {
        let body = json!({"online": online});
        let answer = served
            .call(Some(&signed_in), Method::PATCH, &path, body)
            .await?
            .expect(200);
        assert_eq!(
            answer,
            json!({
                "exchanger_id": exchanger.id.to_string(),
                "online": online,
                "message": "Exchanger status updated"
            })
        );
    }
    Ok(())
}
