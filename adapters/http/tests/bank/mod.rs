//! A market whose users pay each other.

use p2p_application::ports::Maintenance;
use p2p_domain::ledger::Owner;
use p2p_domain::{Asset, Policy, Role};
use p2p_http::HttpSettings;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Person, Reply};

pub(crate) const PAYMENTS: &str = "/api/payments";

/// An id without its prefix that is not in use.
pub(crate) const UNKNOWN_ID: &str = "01jt0c7kq5e8tvb1y9m3x4z6wa";

/// A market with staff, a customer who has 1000 RUB, one who has nothing, and one who is not involved in any payment.
pub(crate) struct Bank {
    pub(crate) fixture: Fixture,
    pub(crate) admin: Person,
    pub(crate) moderator: Person,
    pub(crate) carol: Person,
    pub(crate) dora: Person,
    pub(crate) eve: Person,
}

impl Bank {
    pub(crate) async fn open() -> Self {
        Self::under(Policy::default()).await
    }

    pub(crate) async fn under(policy: Policy) -> Self {
        let fixture = Fixture::under(HttpSettings::default(), policy);
        let admin = fixture.person("admin", [Role::Admin]).await;
        let moderator = fixture.person("moderator", [Role::Moderator]).await;
        let carol = fixture.person("carol", [Role::Customer]).await;
        let dora = fixture.person("dora", [Role::Customer]).await;
        let eve = fixture.person("eve", [Role::Customer]).await;
        fixture.deposit(&admin, &carol, "1000", "RUB").await;
        Self {
            fixture,
            admin,
            moderator,
            carol,
            dora,
            eve,
        }
    }

    /// The id of the person's account in this asset.
    pub(crate) async fn account(&self, person: &Person, asset: &str) -> String {
        let wallet = self.fixture.get(person, "/api/wallet").await.good();
        let balances = wallet["balances"].as_array().unwrap();
        let found = balances.iter().find(|one| one["asset"] == asset).unwrap();
        found["account_id"].as_str().unwrap().to_owned()
    }

    /// The body of a payment from Carol's rubles to Dora's.
    pub(crate) async fn lunch(&self, amount: &str) -> Value {
        json!({
            "payer_account_id": self.account(&self.carol, "RUB").await,
            "payee_account_id": self.account(&self.dora, "RUB").await,
            "amount": amount,
            "currency": "RUB",
            "description": "Lunch",
        })
    }

    pub(crate) async fn pay(&self, person: &Person, key: &str, body: &Value) -> Reply {
        self.fixture
            .keyed(person, PAYMENTS, key, body.clone())
            .await
    }

    pub(crate) async fn see(&self, person: &Person, payment: &str) -> Reply {
        let path = format!("{PAYMENTS}/{payment}");
        self.fixture.get(person, &path).await
    }

    pub(crate) async fn balance_of(&self, person: &Person, account: &str) -> Reply {
        let path = format!("/api/accounts/{account}/balance");
        self.fixture.get(person, &path).await
    }

    /// The rubles that are available to Carol and to Dora.
    pub(crate) async fn rubles(&self) -> (String, String) {
        let of = async |person| self.fixture.balance(person, "RUB").await.0;
        (of(&self.carol).await, of(&self.dora).await)
    }

    pub(crate) async fn is_sound(&self) {
        let report = self.fixture.memory.audit().await.unwrap();
        assert!(report.violations.is_empty(), "{:?}", report.violations);
    }
}

pub(crate) fn id(payment: &Value) -> &str {
    payment["payment_id"].as_str().unwrap()
}

/// The id of an account that belongs to the market.
pub(crate) fn account_of(bank: &Bank, owner: Owner) -> String {
    let tables = bank.fixture.memory.tables();
    let mut accounts = tables.accounts.values();
    let found = accounts.find(|one| one.key.owner == owner && one.key.asset == Asset::Rub);
    found.unwrap().id.to_string()
}
