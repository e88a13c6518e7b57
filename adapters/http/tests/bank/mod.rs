//! A market whose users pay each other.

use p2p_application::ports::Maintenance;
use p2p_domain::ledger::Owner;
use p2p_domain::{Asset, Policy, Role};
use p2p_http::HttpSettings;
use serde_json::{Value, json};

use crate::scene::{Person, Reply, Scene};

pub(crate) const PAYMENTS: &str = "/api/payments";

/// An id without its prefix that is not in use.
pub(crate) const NOTHING: &str = "01jt0c7kq5e8tvb1y9m3x4z6wa";

/// A market with staff, a customer who has 1000 RUB, one who has nothing, and one who is not involved in any payment.
pub(crate) struct Bank {
    pub(crate) scene: Scene,
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
        let scene = Scene::under(HttpSettings::default(), policy);
        let admin = scene.person("admin", [Role::Admin]).await;
        let moderator = scene.person("moderator", [Role::Moderator]).await;
        let carol = scene.person("carol", [Role::Customer]).await;
        let dora = scene.person("dora", [Role::Customer]).await;
        let eve = scene.person("eve", [Role::Customer]).await;
        scene.deposit(&admin, &carol, "1000", "RUB").await;
        Self {
            scene,
            admin,
            moderator,
            carol,
            dora,
            eve,
        }
    }

    /// The id of the person's account in this asset.
    pub(crate) async fn account(&self, person: &Person, asset: &str) -> String {
        let wallet = self.scene.get(person, "/api/wallet").await.good();
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
        self.scene.keyed(person, PAYMENTS, key, body.clone()).await
    }

    pub(crate) async fn see(&self, person: &Person, payment: &str) -> Reply {
        let path = format!("{PAYMENTS}/{payment}");
        self.scene.get(person, &path).await
    }

    pub(crate) async fn look(&self, person: &Person, account: &str) -> Reply {
        let path = format!("/api/accounts/{account}/balance");
        self.scene.get(person, &path).await
    }

    /// The rubles that are available to Carol and to Dora.
    pub(crate) async fn rubles(&self) -> (String, String) {
        let of = async |person| self.scene.balance(person, "RUB").await.0;
        (of(&self.carol).await, of(&self.dora).await)
    }

    pub(crate) async fn is_sound(&self) {
        let report = self.scene.memory.audit().await.unwrap();
        assert!(report.violations.is_empty(), "{:?}", report.violations);
    }
}

pub(crate) fn id(payment: &Value) -> &str {
    payment["payment_id"].as_str().unwrap()
}

/// The id of an account that belongs to the market.
pub(crate) fn account_of(bank: &Bank, owner: Owner) -> String {
    let tables = bank.scene.memory.tables();
    let mut accounts = tables.accounts.values();
    let found = accounts.find(|one| one.key.owner == owner && one.key.asset == Asset::Rub);
    found.unwrap().id.to_string()
}
