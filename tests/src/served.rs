//! A served market: real HTTP on a real socket over a real database, with people to act in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use p2p_application::exchanger::SwitchOnline;
use p2p_application::mail::MailQueue;
use p2p_application::notification::Hub;
use p2p_application::ports::{Clock, Maintenance};
use p2p_application::user::RegisterUser;
use p2p_application::user::UserQueries;
use p2p_application::wallet::Deposit;
use p2p_application::wallet::WalletQueries;
use p2p_application::{Caller, Market, MarketPorts, PipelineSettings, Sweeper};
use p2p_domain::user::Email;
use p2p_domain::{Asset, Policy, Role, Roles, UserId};
use p2p_edge::ServerSettings;
use p2p_http::{HttpSettings, ServerState};
use p2p_persistence::Database;
use p2p_system::{Argon2Passwords, JwtSettings, JwtTokens, PasswordCost, TokenKey, UuidIds};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Signs the tokens of every served market, so that one market's token is good at its replicas.
pub const TOKEN_SECRET: &str = "a secret for tests, long enough to sign";

/// Everybody's password.
pub const PASSWORD: &str = "a long enough password";

/// A market behind a socket. Ends with the value.
#[derive(Debug)]
pub struct Served {
    /// `http://127.0.0.1:port`.
    pub url: String,
    pub market: Market,
    pub database: Database,
    /// Who follows a mailbox here.
    pub hub: Hub,
    /// Books deposits.
    treasurer: Caller,
    client: reqwest::Client,
    serving: JoinHandle<()>,
}

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub token: String,
    pub caller: Caller,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// `Null` where there is no JSON.
    pub body: Value,
}

impl Reply {
    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.body
    }

    /// The body of a problem with this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), &self.body["code"]),
            (status, &code.into()),
            "{}",
            self.text
        );
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.text
        );
        assert_eq!(self.body["status"], status, "{}", self.text);
        assert_eq!(
            self.body["request_id"],
            self.headers["x-request-id"].to_str().unwrap_or("")
        );
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].is_string(), "no {member}: {}", self.text);
        }
        self.body
    }
}

impl Served {
    /// Serves a market over this database, with this clock.
    pub async fn start(database: Database, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Self::start_with(
            database,
            clock,
            crate::harness::unlimited(),
            PipelineSettings::default(),
        )
        .await
    }

    /// Serves a market with settings of its own.
    pub async fn start_with(
        database: Database,
        clock: Arc<dyn Clock>,
        policy: Policy,
        settings: PipelineSettings,
    ) -> anyhow::Result<Self> {
        let ports = MarketPorts {
            store: Arc::new(database.clone()),
            queries: Arc::new(database.clone()),
            maintenance: Arc::new(database.clone()),
            clock,
            ids: Arc::new(UuidIds),
            passwords: Arc::new(Argon2Passwords::new(PasswordCost::MINIMAL)?),
            tokens: Arc::new(JwtTokens::new(&jwt_settings())?),
            second_factors: Arc::new(p2p_memory::InsecureSecondFactors),
            mail: MailQueue::closed(),
        };
        let (market, _worker) = Market::open(ports, policy, settings);
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let hub = Hub::default();
        let live = ServerState {
            hub: hub.clone(),
            outbox: Some(Arc::new(database.clone())),
            ..ServerState::default()
        };
        let (connections, stop) = (live.connections.clone(), live.stop.clone());
        let router = p2p_http::router(market.clone(), HttpSettings::default(), live);
        // Whole crowds come from one address here.
        let settings = ServerSettings {
            max_connections_per_address: usize::MAX,
            ..ServerSettings::default()
        };
        let serving = p2p_edge::serve(listener, router, settings, connections, stop);
        let serving = tokio::spawn(serving);
        let roles = Roles::from([Role::Admin]);
        let email = Email::new("treasurer@test.example");
        let treasurer = match database.find_user_by_email(&email).await? {
            Some(known) => known.id,
            None => {
                let name = "Treasurer".to_owned();
                let command = RegisterUser::new(market.ids(), email, name, roles, None);
                market.execute(command).await?.id
            }
        };
        Ok(Self {
            treasurer: Caller::new(treasurer, roles)
                .proved(p2p_domain::Timestamp::from_micros(i64::MAX)),
            url,
            market,
            database,
            hub,
            client: reqwest::Client::new(),
            serving,
        })
    }

    /// A sweeper of this market.
    #[must_use]
    pub fn sweeper(&self) -> Sweeper {
        Sweeper::new(self.market.clone(), Duration::from_secs(60 * 60 * 24 * 365))
    }

    /// Registers somebody with these roles, straight through the market. An exchanger is online from the start.
    pub async fn person(&self, name: &str, roles: &[Role]) -> anyhow::Result<Person> {
        let email = format!("{}@test.example", name.to_lowercase());
        let hash = self.market.passwords().hash(PASSWORD.to_owned()).await?;
        let roles: Roles = roles.iter().copied().collect();
        let command = RegisterUser::new(
            self.market.ids(),
            Email::new(&email),
            name.to_owned(),
            roles,
            Some(hash),
        );
        let user = self.market.execute(command).await?;
        let caller =
            Caller::new(user.id, roles).proved(p2p_domain::Timestamp::from_micros(i64::MAX));
        if roles.contains(Role::Exchanger) {
            self.market
                .execute(SwitchOnline {
                    caller,
                    exchanger: user.id,
                    online: true,
                })
                .await?;
        }
        self.signed_in(user.id, email, roles)
    }

    /// Somebody who is registered already, with a fresh token.
    pub fn signed_in(&self, id: UserId, email: String, roles: Roles) -> anyhow::Result<Person> {
        let caller = Caller::new(id, roles).proved(p2p_domain::Timestamp::from_micros(i64::MAX));
        let access = self.market.tokens().issue(caller, self.market.now())?;
        Ok(Person {
            id,
            email,
            token: access.token,
            caller,
        })
    }

    /// Money from outside, straight through the market.
    pub async fn deposit(&self, to: &Person, amount: &str, asset: Asset) -> anyhow::Result<()> {
        let caller = self.treasurer;
        let amount = amount.parse()?;
        self.market
            .execute(Deposit {
                caller,
                user: to.id,
                asset,
                amount,
            })
            .await?;
        Ok(())
    }

    /// A request with a JSON body, or none for `Null`.
    pub async fn call(
        &self,
        person: Option<&Person>,
        method: Method,
        path: &str,
        body: Value,
    ) -> anyhow::Result<Reply> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(person) = person {
            request = request.bearer_auth(&person.token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        reply(request).await
    }

    /// `POST`.
    pub async fn post(&self, person: &Person, path: &str, body: Value) -> anyhow::Result<Reply> {
        self.call(Some(person), Method::POST, path, body).await
    }

    /// `GET`.
    pub async fn get(&self, person: &Person, path: &str) -> anyhow::Result<Reply> {
        self.call(Some(person), Method::GET, path, Value::Null)
            .await
    }

    /// A request made by hand.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Available and held balance of somebody, in minor units.
    pub async fn balance(&self, person: &Person, asset: Asset) -> anyhow::Result<(i64, i64)> {
        let accounts = self.database.accounts_of(person.id).await?;
        let account = accounts.iter().find(|account| account.key.asset == asset);
        Ok(account.map_or((0, 0), |account| {
            (account.available().minor(), account.held().minor())
        }))
    }

    /// Fails, naming the rows, unless every law of the ledger holds.
    pub async fn audit(&self) -> anyhow::Result<()> {
        let report = self.database.audit().await?;
        anyhow::ensure!(report.violations.is_empty(), "{:#?}", report.violations);
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Sends a request and takes the whole answer.
pub async fn reply(request: reqwest::RequestBuilder) -> anyhow::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Reply {
        status,
        headers,
        text,
        body,
    })
}

/// The settings of every served market's tokens.
#[must_use]
pub fn jwt_settings() -> JwtSettings {
    JwtSettings {
        key: TokenKey {
            id: "1".to_owned(),
            secret: TOKEN_SECRET.to_owned(),
        },
        old_keys: Vec::new(),
        lifetime: Duration::from_secs(3_600),
    }
}
