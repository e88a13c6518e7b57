//! Bad input over HTTP: each kind has its own answer, nothing changes, and nothing is ever a 500.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use p2p_domain::{Asset, ListingId, OfferId, Role, Timestamp, TypedId};
use p2p_memory::ManualClock;
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::{Person, Reply, Served, reply};
use reqwest::Method;
use serde_json::{Value, json};

const START: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);
const OFFERS: &str = "/api/p2p/exchange-offers";

struct Market {
    database: TestDatabase,
    clock: ManualClock,
    served: Served,
    customer: Person,
    exchanger: Person,
    stranger: Person,
    listing: String,
    offer: String,
}

async fn market(database: TestDatabase) -> Result<Market> {
    let clock = ManualClock::at(START);
    let served = Served::start(database.open().await?, Arc::new(clock.clone())).await?;
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served
        .person("Eve", &[Role::Customer, Role::Exchanger])
        .await?;
    let stranger = served
        .person("Sam", &[Role::Customer, Role::Exchanger])
        .await?;
    served.deposit(&customer, "100", Asset::Usdt).await?;
    let body = json!({
        "exchange_type": "CRYPTO2FIAT",
        "crypto_asset": "USDT",
        "fiat_currency": "EUR",
        "price": 1,
        "total_amount": 1000,
        "min_amount": 1,
        "max_amount": 500,
        "payment_methods": ["SEPA"]
    });
    let published = served
        .post(&exchanger, "/api/p2p/listings", body)
        .await?
        .expect(201);
    let listing = text(&published["listing_id"]);
    let body = json!({"listing_id": listing, "amount": 10, "exchange_type": "CRYPTO2FIAT"});
    let created = served.post(&customer, OFFERS, body).await?.expect(201);
    let offer = text(&created["offer_id"]);
    Ok(Market {
        database,
        clock,
        served,
        customer,
        exchanger,
        stranger,
        listing,
        offer,
    })
}

impl Market {
    /// Everything that bad input could have changed.
    async fn state(&self) -> Result<Value> {
        let offer = self
            .served
            .get(&self.customer, &format!("{OFFERS}/{}", self.offer))
            .await?;
        let offers = self.served.get(&self.customer, OFFERS).await?;
        let listing = self
            .served
            .get(
                &self.customer,
                &format!("/api/p2p/listings/{}", self.listing),
            )
            .await?;
        let wallet = self.served.get(&self.customer, "/api/wallet").await?;
        Ok(json!([
            offer.expect(200),
            offers.expect(200),
            listing.expect(200),
            wallet.expect(200)
        ]))
    }

    fn valid(&self) -> Value {
        json!({"listing_id": self.listing, "amount": 10, "exchange_type": "CRYPTO2FIAT"})
    }

    /// The valid body with one member changed.
    fn with(&self, member: &str, value: Value) -> Value {
        let mut body = self.valid();
        body[member] = value;
        body
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The fields that the problem's entries name.
fn fields(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors
        .iter()
        .map(|error| format!("{} {}", text(&error["field"]), text(&error["code"])))
        .collect()
}

async fn bodies(database: TestDatabase) -> Result<()> {
    let market = market(database).await?;
    let before = market.state().await?;
    let unknown_listing = ListingId::from_u128(1).to_string();
    let foreign = OfferId::from_u128(1).to_string();
    let cases = [
        (market.with("surprise", json!(1)), 422, "UNKNOWN_FIELD"),
        (market.with("amount", json!(true)), 422, "WRONG_TYPE"),
        (market.with("conditions", json!(5)), 422, "WRONG_TYPE"),
        (
            market.with("exchange_type", json!("SIDEWAYS")),
            422,
            "UNKNOWN_VALUE",
        ),
        (
            json!({"amount": 10, "exchange_type": "CRYPTO2FIAT"}),
            422,
            "MISSING_FIELD",
        ),
        (json!([]), 422, "WRONG_TYPE"),
        (market.with("amount", json!("ten")), 422, "AMOUNT_MALFORMED"),
        (
            market.with("amount", json!("1e-7")),
            422,
            "TOO_MANY_DECIMALS",
        ),
        (
            market.with("amount", json!(0.0000001)),
            422,
            "TOO_MANY_DECIMALS",
        ),
        (market.with("amount", json!(0)), 422, "AMOUNT_NOT_POSITIVE"),
        (market.with("amount", json!(-5)), 422, "AMOUNT_NOT_POSITIVE"),
        (
            market.with("amount", json!("99999999999999999999")),
            422,
            "AMOUNT_TOO_LARGE",
        ),
        (
            market.with("amount", json!("1e1000")),
            422,
            "AMOUNT_TOO_LARGE",
        ),
        (
            market.with("amount", json!(9_000_000_000_000_i64)),
            422,
            "OVER_REMAINING",
        ),
        (market.with("amount", json!("0.5")), 422, "BELOW_MINIMUM"),
        (market.with("amount", json!(501)), 422, "ABOVE_MAXIMUM"),
        (market.with("amount", json!(400)), 422, "INSUFFICIENT_FUNDS"),
        (
            market.with("listing_id", json!("listing_nonsense")),
            422,
            "MALFORMED_ID",
        ),
        (
            market.with("listing_id", json!(foreign)),
            422,
            "WRONG_ID_KIND",
        ),
        (
            market.with("listing_id", json!(unknown_listing)),
            404,
            "LISTING_NOT_FOUND",
        ),
        (
            market.with("exchange_type", json!("FIAT2CRYPTO")),
            409,
            "WRONG_EXCHANGE_TYPE",
        ),
        (
            market.with("customer_id", json!(market.stranger.id.to_string())),
            403,
            "IDENTITY_MISMATCH",
        ),
        (
            market.with("conditions", json!("x".repeat(2_001))),
            422,
            "INVALID_LENGTH",
        ),
        (
            market.with("conditions", json!("nul \u{0}")),
            422,
            "INVALID_CHARACTER",
        ),
    ];
    for (body, status, code) in cases {
        let answer = market
            .served
            .post(&market.customer, OFFERS, body.clone())
            .await?;
        let problem = &answer.body;
        let inner = fields(problem).iter().any(|field| field.ends_with(code));
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
        assert!(
            problem["code"] == code || inner,
            "{body}: {code} expected: {}",
            answer.text
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert_eq!(market.state().await?, before);
    market.served.audit().await?;
    drop(market.served);
    market.database.drop_now().await
}

#[tokio::test]
async fn bodies_that_cannot_be_used_on_sqlite() -> Result<()> {
    bodies(TestDatabase::sqlite().await?).await
}

#[tokio::test]
async fn bodies_that_cannot_be_used_on_postgres() -> Result<()> {
    bodies(TestDatabase::postgres().await?).await
}

#[tokio::test]
async fn every_bad_field_gets_an_entry_of_its_own() -> Result<()> {
    let market = market(TestDatabase::sqlite().await?).await?;
    let body = json!({"email": "nowhere", "password": "short", "name": ""});
    let answer = market
        .served
        .call(None, Method::POST, "/api/auth/register", body)
        .await?;
    let problem = answer.expect_problem(422, "VALIDATION_FAILED");
    let mut named: Vec<String> = fields(&problem)
        .iter()
        .map(|entry| entry.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    named.sort_unstable();
    assert_eq!(named, ["email", "name", "password"]);
    Ok(())
}

#[tokio::test]
async fn requests_that_are_none() -> Result<()> {
    let market = market(TestDatabase::sqlite().await?).await?;
    let before = market.state().await?;
    let post = || {
        market
            .served
            .request(Method::POST, OFFERS)
            .bearer_auth(&market.customer.token)
    };
    let json = "application/json";
    let large = format!("{{\"conditions\": \"{}\"}}", "x".repeat(65 * 1_024));
    let deep = "[".repeat(10_000);
    let chunked =
        futures::stream::iter((0..80).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_024])));
    let cases = [
        (
            post().header("content-type", json).body("{"),
            400,
            "MALFORMED_JSON",
        ),
        (
            post().header("content-type", json).body("{} {}"),
            400,
            "MALFORMED_JSON",
        ),
        (
            post().header("content-type", json).body(""),
            400,
            "MALFORMED_JSON",
        ),
        (
            post().header("content-type", json).body(deep),
            400,
            "MALFORMED_JSON",
        ),
        (
            post()
                .header("content-type", json)
                .body(vec![b'"', 0xff, b'"']),
            400,
            "MALFORMED_JSON",
        ),
        (
            post().header("content-type", json).body(large),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            post()
                .header("content-type", json)
                .body(reqwest::Body::wrap_stream(chunked)),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            post().header("content-type", "text/plain").body("{}"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (post().body("{}"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            market.served.request(Method::GET, "/api/nothing/here"),
            404,
            "ROUTE_NOT_FOUND",
        ),
        (
            market.served.request(Method::DELETE, OFFERS),
            405,
            "METHOD_NOT_ALLOWED",
        ),
    ];
    for (request, status, code) in cases {
        reply(request).await?.expect_problem(status, code);
    }
    for query in [
        "limit=x",
        "limit=-1",
        "after=offer_x",
        "after=listing_00000000000000000000000001",
        "active=perhaps",
        "role=GOD",
        "surprise=1",
    ] {
        let answer = market
            .served
            .get(&market.customer, &format!("{OFFERS}?{query}"))
            .await?;
        assert_eq!(answer.status.as_u16(), 400, "{query}: {}", answer.text);
        assert!(answer.body["code"].is_string(), "{query}");
    }
    for query in [
        "cursor=%%%",
        "cursor=zzzz",
        "amount=5",
        "sort=best_price",
        "asset=DOGE",
        "currency=USDT&amount=1",
        "payment_method=se%25pa",
    ] {
        let answer = market
            .served
            .get(&market.customer, &format!("/api/p2p/listings?{query}"))
            .await?;
        assert!(
            matches!(answer.status.as_u16(), 400 | 422),
            "{query}: {}",
            answer.text
        );
        assert!(answer.body["code"].is_string(), "{query}");
    }
    assert_eq!(market.state().await?, before);
    Ok(())
}

#[tokio::test]
async fn tokens_that_open_nothing() -> Result<()> {
    let market = market(TestDatabase::sqlite().await?).await?;
    let path = format!("{OFFERS}/{}", market.offer);
    let get = || market.served.request(Method::GET, &path);
    let answer = reply(get()).await?;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    answer.expect_problem(401, "UNAUTHENTICATED");
    let token = &market.customer.token;
    reply(get().bearer_auth("nonsense"))
        .await?
        .expect_problem(401, "INVALID_TOKEN");
    reply(get().bearer_auth(format!("{token}x")))
        .await?
        .expect_problem(401, "INVALID_TOKEN");
    reply(get().header("authorization", format!("Basic {token}")))
        .await?
        .expect_problem(401, "UNAUTHENTICATED");
    reply(get().bearer_auth(token)).await?.expect(200);
    market.clock.advance(Duration::from_secs(3_600));
    reply(get().bearer_auth(token))
        .await?
        .expect_problem(401, "TOKEN_EXPIRED");
    Ok(())
}

#[tokio::test]
async fn ids_of_others_and_of_nothing() -> Result<()> {
    let market = market(TestDatabase::sqlite().await?).await?;
    let before = market.state().await?;
    let served = &market.served;
    let nobody = OfferId::from_u128(1).to_string();
    for id in [&market.offer, &nobody] {
        // The stranger can't tell another's deal from none.
        let (stranger, path) = (&market.stranger, format!("{OFFERS}/{id}"));
        served
            .get(stranger, &path)
            .await?
            .expect_problem(404, "OFFER_NOT_FOUND");
        served
            .get(stranger, &format!("{path}/status"))
            .await?
            .expect_problem(404, "OFFER_NOT_FOUND");
        for (method, step, body) in [
            (Method::PUT, "response", json!({"action": "ACCEPT"})),
            (
                Method::POST,
                "confirm-payment",
                json!({"payment_reference": "tx"}),
            ),
            (Method::POST, "confirm-receipt", json!({})),
            (Method::POST, "cancel", json!({"reason": "no"})),
            (Method::POST, "dispute", json!({"reason": "no"})),
        ] {
            served
                .call(Some(stranger), method, &format!("{path}/{step}"), body)
                .await?
                .expect_problem(404, "OFFER_NOT_FOUND");
        }
    }
    for (id, code) in [
        ("nonsense", "MALFORMED_ID"),
        (market.listing.as_str(), "WRONG_ID_KIND"),
    ] {
        served
            .get(&market.customer, &format!("{OFFERS}/{id}"))
            .await?
            .expect_problem(400, code);
    }
    // Identities in bodies must agree with the token, sides with the deal.
    let path = format!("{OFFERS}/{}", market.offer);
    let wrong_id = json!({"exchanger_id": market.stranger.id.to_string(), "action": "ACCEPT"});
    served
        .call(
            Some(&market.exchanger),
            Method::PUT,
            &format!("{path}/response"),
            wrong_id,
        )
        .await?
        .expect_problem(403, "IDENTITY_MISMATCH");
    let wrong_side = json!({"cancelled_by": "EXCHANGER", "reason": "no"});
    served
        .post(&market.customer, &format!("{path}/cancel"), wrong_side)
        .await?
        .expect_problem(403, "IDENTITY_MISMATCH");
    let wrong_switch = format!("/api/p2p/exchanger/{}/status", market.exchanger.id);
    served
        .call(
            Some(&market.stranger),
            Method::PATCH,
            &wrong_switch,
            json!({"online": false}),
        )
        .await?
        .expect_problem(403, "IDENTITY_MISMATCH");
    let listing = format!("/api/p2p/listings/{}", market.listing);
    served
        .call(
            Some(&market.stranger),
            Method::DELETE,
            &listing,
            Value::Null,
        )
        .await?
        .expect_problem(403, "NOT_OWNER");
    assert_eq!(market.state().await?, before);
    Ok(())
}

/// Every move that the status machine forbids names the state and the event.
#[tokio::test]
async fn illegal_moves_are_named() -> Result<()> {
    let market = market(TestDatabase::sqlite().await?).await?;
    let before = market.state().await?;
    let path = format!("{OFFERS}/{}", market.offer);
    for (person, method, step, body, event) in [
        (
            &market.exchanger,
            Method::POST,
            "confirm-payment",
            json!({"payment_reference": "t"}),
            "confirm payment",
        ),
        (
            &market.customer,
            Method::POST,
            "confirm-receipt",
            json!({}),
            "confirm receipt",
        ),
        (
            &market.customer,
            Method::POST,
            "dispute",
            json!({"reason": "r"}),
            "open dispute",
        ),
    ] {
        let problem = market
            .served
            .call(Some(person), method, &format!("{path}/{step}"), body)
            .await?
            .expect_problem(409, "ILLEGAL_TRANSITION");
        assert_eq!(
            (&problem["state"], &problem["event"]),
            (&json!("PENDING"), &json!(event))
        );
    }
    let accept = json!({"action": "ACCEPT"});
    market
        .served
        .call(
            Some(&market.customer),
            Method::PUT,
            &format!("{path}/response"),
            accept,
        )
        .await?
        .expect_problem(403, "ROLE_REQUIRED");
    assert_eq!(market.state().await?, before);
    Ok(())
}

async fn deposited(served: &Served, by: &Person, body: &Value) -> Result<Reply> {
    let request = served
        .request(Method::POST, "/api/billing/deposit")
        .bearer_auth(&by.token)
        .header("idempotency-key", by.id.to_string())
        .json(body);
    reply(request).await
}

#[tokio::test]
async fn staff_routes_are_for_staff() -> Result<()> {
    let market = market(TestDatabase::sqlite().await?).await?;
    let served = &market.served;
    let moderator = served.person("Mod", &[Role::Moderator]).await?;
    let admin = served.person("Root", &[Role::Admin]).await?;
    let deposit = json!({"userId": market.customer.id.to_string(), "amount": 1000});
    for person in [&market.customer, &market.exchanger, &moderator] {
        deposited(served, person, &deposit)
            .await?
            .expect_problem(403, "ROLE_REQUIRED");
        let user = json!({"name": "Test User", "email": "new@test.example"});
        served
            .post(person, "/api/users", user)
            .await?
            .expect_problem(403, "ROLE_REQUIRED");
        let roles = format!("/api/users/{}/roles", person.id);
        let body = json!({"roles": ["ADMIN"]});
        served
            .call(Some(person), Method::PUT, &roles, body)
            .await?
            .expect_problem(403, "ROLE_REQUIRED");
        let balance = format!("/api/billing/balance/{}", admin.id);
        served
            .get(person, &balance)
            .await?
            .expect_problem(403, "ROLE_REQUIRED");
    }
    for person in [&market.customer, &market.exchanger] {
        served
            .get(person, "/api/p2p/exchangers/frozen")
            .await?
            .expect_problem(403, "ROLE_REQUIRED");
    }
    deposited(served, &admin, &deposit).await?.expect(201);
    assert_eq!(
        served.balance(&market.customer, Asset::Rub).await?,
        (100_000, 0)
    );
    let open = json!({"email": "self@test.example", "password": "a long password", "name": "Self", "roles": ["ADMIN"]});
    served
        .call(None, Method::POST, "/api/auth/register", open)
        .await?
        .expect_problem(422, "UNKNOWN_FIELD");
    served.audit().await
}
