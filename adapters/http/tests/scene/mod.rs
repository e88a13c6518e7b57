//! A whole market in memory behind the API, with users and notifications.

pub(crate) mod entrance;
pub(crate) mod kept;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use p2p_application::mail::MailQueue;
use p2p_application::notification::Notify;
use p2p_application::order::SettleOrder;
use p2p_application::payment::ChargeOrder;
use p2p_application::ports::{Incoming, Outbox};
use p2p_application::user::RegisterUser;
use p2p_application::{Caller, Market, MarketPorts, PipelineSettings};
use p2p_domain::user::Email;
use p2p_domain::{Policy, Role, Roles, Timestamp, UserId};
use p2p_http::{HttpSettings, ServerState};
use p2p_memory::{
    InsecurePasswords, InsecureSecondFactors, InsecureTokens, KeptMail, ManualClock, Memory,
    SequentialIds,
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The time at which every test begins: 2025-04-18T15:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_744_988_400_000_000);

/// The lifetime of access tokens.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// A market and its API.
pub(crate) struct Scene {
    pub(crate) market: Market,
    pub(crate) memory: Memory,
    pub(crate) clock: ManualClock,
    pub(crate) live: ServerState,
    pub(crate) api: Router,
    pub(crate) passwords: InsecurePasswords,
    /// All mail that was sent.
    pub(crate) letters: KeptMail,
}

/// A user with an access token.
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) token: String,
}

/// A deal and its two sides.
pub(crate) struct Deal {
    /// The exchanger.
    pub(crate) anna: Person,
    /// The customer.
    pub(crate) boris: Person,
    pub(crate) offer: String,
}

/// The response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as text.
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        let found = (self.status.as_u16(), self.body["code"].as_str());
        assert_eq!(found, (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }

    /// Whether it replays an earlier response.
    pub(crate) fn is_replayed(&self) -> bool {
        self.headers
            .get("idempotency-replayed")
            .is_some_and(|value| value == "true")
    }

    /// The body of a successful response.
    #[track_caller]
    pub(crate) fn good(self) -> Value {
        assert!(self.status.is_success(), "{}", self.body);
        self.body
    }
}

impl Scene {
    pub(crate) fn open(settings: HttpSettings) -> Self {
        Self::under(settings, Policy::default())
    }

    /// The same with another policy.
    pub(crate) fn under(settings: HttpSettings, policy: Policy) -> Self {
        let memory = Memory::new();
        let outbox = Arc::new(memory.clone());
        let clock = ManualClock::at(START);
        let passwords = InsecurePasswords::default();
        let letters = KeptMail::default();
        let (mail, _) = MailQueue::open(
            Arc::new(letters.clone()),
            Arc::new(clock.clone()),
            "https://market.example",
        );
        let ports = MarketPorts {
            store: Arc::new(memory.clone()),
            queries: Arc::new(memory.clone()),
            maintenance: Arc::new(memory.clone()),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(SequentialIds::default()),
            passwords: Arc::new(passwords.clone()),
            tokens: Arc::new(InsecureTokens::lasting(LIFETIME)),
            second_factors: Arc::new(InsecureSecondFactors),
            mail,
        };
        let (market, _) = Market::open(ports, policy, PipelineSettings::default());
        let live = ServerState {
            relay: Some(Arc::default()),
            outbox: Some(outbox),
            ..ServerState::default()
        };
        let api = p2p_http::router(market.clone(), settings, live.clone());
        Self {
            market,
            memory,
            clock,
            live,
            api,
            passwords,
            letters,
        }
    }

    /// Registers a user and issues a token.
    pub(crate) async fn person<const N: usize>(&self, name: &str, roles: [Role; N]) -> Person {
        let email = Email::new(&format!("{name}@example.org"));
        let roles = Roles::from(roles);
        let command = RegisterUser::new(self.market.ids(), email, name.to_owned(), roles, None);
        let id = self.market.execute(command).await.unwrap().id;
        self.signed_in(Caller::new(id, roles).proved(Timestamp::from_micros(i64::MAX)))
    }

    /// Issues a token that is valid for an hour.
    pub(crate) fn signed_in(&self, caller: Caller) -> Person {
        let now = self.market.now();
        let access = self.market.tokens().issue(caller, now).unwrap();
        Person {
            id: caller.user,
            token: access.token,
        }
    }

    /// An exchanger, the recipient of the notifications in these tests.
    pub(crate) async fn anna(&self) -> Person {
        self.person("anna", [Role::Exchanger]).await
    }

    /// Notifies the exchanger this many times of the end of a freeze, as the consumer of events does.
    pub(crate) async fn tell(&self, person: &Person, times: usize) {
        for _ in 0..times {
            let id: p2p_domain::EventId = self.market.fresh();
            let body = json!({
                "event": "ExchangerUnfrozen",
                "data": {
                    "exchangerId": person.id.to_string(),
                    "moderatorId": person.id.to_string(),
                    "timestamp": self.market.now().to_string(),
                }
            });
            let message = Incoming {
                id: id.to_string(),
                name: "ExchangerUnfrozen".to_owned(),
                version: Some(1),
                body: body.to_string().into_bytes(),
            };
            let command = Notify::try_from(&message).unwrap();
            let told = self.market.execute(command).await.unwrap();
            assert_eq!(told.len(), 1);
            self.live.hub.wake(&told);
        }
    }

    /// Delivers the messages of the outbox, and those that follow from them, as the consumers would: orders are paid and
    /// settled, and users are notified.
    pub(crate) async fn deliver(&self) {
        loop {
            let lease = self.memory.claim(100).await.unwrap();
            let messages = lease.messages().to_vec();
            if messages.is_empty() {
                return;
            }
            for message in &messages {
                self.hand_over(&Incoming {
                    id: message.id.to_string(),
                    name: message.name.to_string(),
                    version: Some(message.version),
                    body: message.body.clone().into_bytes(),
                })
                .await;
            }
            let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
            lease.ack(&ids).await.unwrap();
        }
    }

    async fn hand_over(&self, message: &Incoming) {
        match message.name.as_str() {
            "OrderPaymentRequested" => {
                let charge = ChargeOrder::read(message, self.market.fresh()).unwrap();
                self.market.execute(charge).await.unwrap();
            }
            "PaymentProcessed" | "PaymentRefunded" => {
                let settle = SettleOrder::try_from(message).unwrap();
                let told = self.market.execute(settle).await.unwrap();
                self.live.hub.wake(&told);
            }
            _ => {
                let command = Notify::try_from(message).unwrap();
                let told = self.market.execute(command).await.unwrap();
                self.live.hub.wake(&told);
            }
        }
    }

    /// The available and the held balance in one asset.
    pub(crate) async fn balance(&self, person: &Person, asset: &str) -> (String, String) {
        let wallet = self.get(person, "/api/wallet").await.good();
        let balances = wallet["balances"].as_array().unwrap();
        let found = balances.iter().find(|one| one["asset"] == asset).unwrap();
        let text = |name: &str| found[name].as_str().unwrap().to_owned();
        (text("available"), text("held"))
    }

    /// An accepted offer of 100 USDT for 99.50 EUR that awaits its payment.
    pub(crate) async fn approved_deal(&self) -> Deal {
        let admin = self.person("admin", [Role::Admin]).await;
        let anna = self.anna().await;
        let boris = self.person("boris", [Role::Customer]).await;
        self.deposit(&admin, &anna, "1000", "USDT").await;
        let path = format!("/api/p2p/exchanger/{}/status", anna.id);
        let body = json!({"online": true});
        self.call(Some(&anna), Method::PATCH, &path, body)
            .await
            .good();
        let listing = self.post(&anna, "/api/p2p/listings", new_listing());
        let listing = listing.await.good();
        let offer = json!({
            "listing_id": listing["listing_id"],
            "amount": "100",
            "exchange_type": "FIAT2CRYPTO",
        });
        let offer = self
            .post(&boris, "/api/p2p/exchange-offers", offer)
            .await
            .good();
        let offer = offer["offer_id"].as_str().unwrap().to_owned();
        let path = format!("/api/p2p/exchange-offers/{offer}/response");
        let accept = json!({"action": "ACCEPT"});
        self.call(Some(&anna), Method::PUT, &path, accept)
            .await
            .good();
        Deal { anna, boris, offer }
    }

    /// Deposits money into the wallet of `to`.
    pub(crate) async fn deposit(&self, admin: &Person, to: &Person, amount: &str, asset: &str) {
        let key: p2p_domain::EventId = self.market.fresh();
        let body = json!({"user_id": to.id.to_string(), "amount": amount, "asset": asset});
        self.keyed(admin, "/api/billing/deposit", &key.to_string(), body)
            .await
            .good();
    }

    /// A `POST` with an idempotency key.
    pub(crate) async fn keyed(&self, person: &Person, path: &str, key: &str, body: Value) -> Reply {
        let request = Request::post(path).header("idempotency-key", key);
        self.authored(request, Some(person), body).await
    }

    /// A request with a JSON body, or none for `Null`.
    pub(crate) async fn call(
        &self,
        person: Option<&Person>,
        method: Method,
        path: &str,
        body: Value,
    ) -> Reply {
        let request = Request::builder().method(method).uri(path);
        self.authored(request, person, body).await
    }

    /// The same for a request that has headers already.
    pub(crate) async fn authored(
        &self,
        mut request: Builder,
        person: Option<&Person>,
        body: Value,
    ) -> Reply {
        if let Some(person) = person {
            request = request.header("authorization", format!("Bearer {}", person.token));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, person: &Person, path: &str) -> Reply {
        self.call(Some(person), Method::GET, path, Value::Null)
            .await
    }

    pub(crate) async fn post(&self, person: &Person, path: &str, body: Value) -> Reply {
        self.call(Some(person), Method::POST, path, body).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.api.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    /// Waits until no stream is open; returns how long that took. Time is paused in these tests, so it advances whenever
    /// all tasks are idle.
    pub(crate) async fn drained(&self) -> Duration {
        let began = tokio::time::Instant::now();
        self.live.streams.drained().await;
        began.elapsed()
    }
}

/// 500 USDT for euros at 0.995, 10 to 400 at a time.
pub(crate) fn new_listing() -> Value {
    json!({
        "exchange_type": "FIAT2CRYPTO",
        "crypto_asset": "USDT",
        "fiat_currency": "EUR",
        "price": "0.995",
        "total_amount": "500",
        "min_amount": "10",
        "max_amount": "400",
        "payment_methods": ["SEPA"],
    })
}
