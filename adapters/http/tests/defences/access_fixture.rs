//! Users, and resources of theirs to call operations on.

use std::time::Duration;

use axum::http::Method;
use hmac::{Hmac, KeyInit, Mac};
use p2p_application::ports::{Link, LinkPurpose};
use p2p_application::user::SetRoles;
use p2p_domain::second_factor::{PresentedCode, RecoveryCodes, SealedSecret};
use p2p_domain::session::{Origin, Session};
use p2p_domain::user::{Caller, PasswordHash};
use p2p_domain::{Role, Roles, SecondFactor, SessionId, Timestamp, UserId};
use p2p_http::{CallbackSettings, HttpSettings, Secret};
use p2p_memory::Tables;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::fixture::login::PASSWORD;
use crate::fixture::{Fixture, Person, new_listing};

/// An id without its prefix that is not in use.
pub(crate) const UNKNOWN_ID: &str = "01jt0c7kq5e8tvb1y9m3x4z6wa";

pub(crate) const PROVIDER: &str = "acme-pay";
const PROVIDER_SECRET: &str = "what acme-pay signs with";

/// The rights of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerKind {
    /// Without a token.
    NoToken,
    /// With a valid token of an account that has no role.
    NoRoles,
    Has(Role),
}

impl CallerKind {
    pub(crate) const ALL: [Self; 6] = [
        Self::NoToken,
        Self::NoRoles,
        Self::Has(Role::Customer),
        Self::Has(Role::Exchanger),
        Self::Has(Role::Moderator),
        Self::Has(Role::Admin),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoToken => "NO_TOKEN",
            Self::NoRoles => "NO_ROLES",
            Self::Has(role) => role.name(),
        }
    }
}

/// When the caller has presented the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    JustNow,
    /// Just longer ago than it counts.
    TooLongAgo,
}

/// The owner of a resource, as seen by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The caller's.
    Own,
    /// Of two other users.
    Others,
    /// There is no such resource.
    Missing,
}

/// How far a deal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Stage {
    Pending,
    Approved,
    Paid,
}

/// A market with the user who calls, and two others. All three trade and have money; resources are created on demand.
/// In its deals the exchanger gives crypto: the customer is the fiat payer.
pub(crate) struct AccessFixture {
    pub(crate) base: Fixture,
    pub(crate) admin: Person,
    pub(crate) asker: Person,
    pub(crate) other: Person,
    pub(crate) third: Person,
    /// The tables as they were at first.
    initial: Tables,
}

impl AccessFixture {
    pub(crate) async fn open() -> Self {
        let secret = Secret::new(PROVIDER_SECRET.to_owned());
        let settings = HttpSettings {
            callbacks: CallbackSettings {
                secrets: [(PROVIDER.to_owned(), secret)].into(),
                ..CallbackSettings::default()
            },
            ..HttpSettings::default()
        };
        let base = Fixture::open(settings);
        let admin = base.person("admin", [Role::Admin]).await;
        let trades = [Role::Customer, Role::Exchanger];
        let asker = base.person("asker", trades).await;
        let other = base.person("other", trades).await;
        let third = base.person("third", trades).await;
        for person in [&asker, &other, &third] {
            for asset in ["USDT", "RUB"] {
                base.deposit(&admin, person, "10000", asset).await;
            }
            let path = format!("/api/p2p/exchanger/{}/status", person.id);
            let online = json!({"online": true});
            let switched = base.call(Some(person), Method::PATCH, &path, online);
            switched.await.good();
        }
        base.memory.tamper(|tables| {
            let user = tables.users.get_mut(&asker.id).unwrap();
            user.password = Some(PasswordHash::new(format!("insecure:{PASSWORD}")));
        });
        let initial = base.memory.tables();
        Self {
            base,
            admin,
            asker,
            other,
            third,
            initial,
        }
    }

    /// Puts everything back to the initial state, so that one fixture serves many independent requests.
    pub(crate) async fn reset(&self) {
        // Also refreshes the roles that the market caches.
        let trades = Roles::from([Role::Customer, Role::Exchanger]);
        self.appoint(trades).await;
        let initial = self.initial.clone();
        self.base.memory.tamper(|tables| *tables = initial);
    }

    /// Gives the caller exactly these rights, in a new session in which the second factor was just presented; returns the
    /// token to call with.
    pub(crate) async fn sign_in_as(&self, who: CallerKind) -> Option<Person> {
        self.sign_in_with_proof(who, Proof::JustNow).await
    }

    pub(crate) async fn sign_in_with_proof(&self, who: CallerKind, proof: Proof) -> Option<Person> {
        let roles = match who {
            CallerKind::NoToken => return None,
            CallerKind::NoRoles => Roles::default(),
            CallerKind::Has(role) => Roles::from([role]),
        };
        self.appoint(roles).await;
        let session = self.session_of(self.asker.id, proof);
        Some(self.base.signed_in(session.caller(roles)))
    }

    /// Gives the caller these roles.
    async fn appoint(&self, roles: Roles) {
        let admin = Caller::new(self.admin.id, [Role::Admin].into());
        // The tables are reset at times, but the cache of changed roles is not: each change must be later than the last.
        self.base.clock.advance(Duration::from_millis(1));
        let command = SetRoles {
            caller: admin.proved(self.base.market.now()),
            user: self.asker.id,
            roles,
        };
        self.base.market.execute(command).await.unwrap();
    }

    /// Opens a session of the user.
    fn session_of(&self, user: UserId, proof: Proof) -> Session {
        let (now, rules) = (self.base.market.now(), self.base.market.policy().access);
        let id = self.base.market.fresh();
        let mut session = Session::open(id, user, Origin::default(), true, &rules, now);
        if proof == Proof::TooLongAgo {
            session.proved_at = Some(now.before(rules.proof_lasts));
        }
        self.base.memory.tamper(|tables| {
            tables.sessions.insert(session.id, session.clone());
        });
        session
    }

    pub(crate) fn session(&self, ownership: Ownership) -> String {
        self.owner(ownership).map_or_else(
            || unknown_id("session"),
            |owner| {
                let id: SessionId = self.session_of(owner.id, Proof::JustNow).id;
                id.to_string()
            },
        )
    }

    /// Enrols an authenticator for the owner, confirmed if `active`.
    pub(crate) fn has_authenticator(&self, ownership: Ownership, active: bool) {
        let Some(owner) = self.owner(ownership) else {
            return;
        };
        let secret = SealedSecret::new(format!("insecure:{}", owner.id));
        let mut factor = SecondFactor::begin(owner.id, secret);
        if active {
            let (long_ago, codes) = (PresentedCode::Code { step: 1 }, RecoveryCodes::default());
            factor = factor
                .confirm(long_ago, codes, Timestamp::from_micros(0))
                .unwrap();
        }
        self.base.memory.tamper(|tables| {
            tables.second_factors.insert(owner.id, factor);
        });
    }

    /// The token of the link that the caller gets by mail.
    pub(crate) fn link(&self, purpose: LinkPurpose) -> String {
        let now = self.base.market.now();
        let user = self.asker.id;
        let link = Link {
            purpose,
            user,
            password_set_at: self.base.memory.tables().users[&user].password_changed_at,
        };
        let until = now.after(std::time::Duration::from_secs(60));
        let token = self.base.market.tokens().issue_link(link, now, until);
        token.unwrap()
    }

    /// `None` if there is no such resource.
    fn owner(&self, ownership: Ownership) -> Option<&Person> {
        match ownership {
            Ownership::Own => Some(&self.asker),
            Ownership::Others => Some(&self.other),
            Ownership::Missing => None,
        }
    }

    async fn done(&self, by: &Person, method: Method, path: &str, body: Value) -> Value {
        let key: p2p_domain::EventId = self.base.market.fresh();
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("idempotency-key", key.to_string());
        self.base.authored(request, Some(by), body).await.good()
    }

    async fn posted(&self, by: &Person, path: &str, body: Value) -> Value {
        self.done(by, Method::POST, path, body).await
    }

    pub(crate) fn user(&self, ownership: Ownership) -> String {
        let owner = self.owner(ownership);
        owner.map_or_else(|| unknown_id("user"), |owner| owner.id.to_string())
    }

    pub(crate) async fn listing(&self, ownership: Ownership) -> String {
        match self.owner(ownership) {
            Some(owner) => self.listing_of(owner).await,
            None => unknown_id("listing"),
        }
    }

    /// A listing of the third user, to make an offer on.
    pub(crate) async fn third_listing(&self) -> String {
        self.listing_of(&self.third).await
    }

    async fn listing_of(&self, exchanger: &Person) -> String {
        let listing = self
            .posted(exchanger, "/api/p2p/listings", new_listing())
            .await;
        text(&listing["listing_id"])
    }

    /// A deal with its owner on this side.
    pub(crate) async fn offer(&self, ownership: Ownership, side: Role, stage: Stage) -> String {
        let Some(owner) = self.owner(ownership) else {
            return unknown_id("offer");
        };
        let (customer, exchanger) = match side {
            Role::Customer => (owner, &self.third),
            _ => (&self.third, owner),
        };
        let listing = self.listing_of(exchanger).await;
        let offer = new_offer(&listing);
        let offer = self
            .posted(customer, "/api/p2p/exchange-offers", offer)
            .await;
        let offer = text(&offer["offer_id"]);
        let path = format!("/api/p2p/exchange-offers/{offer}");
        if stage >= Stage::Approved {
            let (path, accept) = (format!("{path}/response"), json!({"action": "ACCEPT"}));
            self.done(exchanger, Method::PUT, &path, accept).await;
        }
        if stage >= Stage::Paid {
            let (path, paid) = (
                format!("{path}/confirm-payment"),
                json!({"payment_reference": "SEPA 1"}),
            );
            self.posted(customer, &path, paid).await;
        }
        offer
    }

    pub(crate) async fn dispute(&self, ownership: Ownership) -> String {
        let Some(owner) = self.owner(ownership) else {
            return unknown_id("dispute");
        };
        let offer = self.offer(ownership, Role::Customer, Stage::Approved).await;
        let path = format!("/api/p2p/exchange-offers/{offer}/dispute");
        let dispute = self
            .posted(owner, &path, json!({"reason": "silence"}))
            .await;
        text(&dispute["dispute_id"])
    }

    pub(crate) async fn withdrawal(&self, ownership: Ownership) -> String {
        let Some(owner) = self.owner(ownership) else {
            return unknown_id("withdrawal");
        };
        let body = json!({"amount": "5", "asset": "USDT", "destination": "TJRyWwFs9wTFGZg3"});
        let withdrawal = self.posted(owner, "/api/billing/withdrawals", body).await;
        text(&withdrawal["withdrawal_id"])
    }

    /// A paid order.
    pub(crate) async fn order(&self, ownership: Ownership) -> String {
        let Some(owner) = self.owner(ownership) else {
            return unknown_id("order");
        };
        let order = self
            .posted(owner, "/api/orders", json!({"amount": "7"}))
            .await;
        self.base.deliver().await;
        text(&order["order_id"])
    }

    pub(crate) async fn account(&self, ownership: Ownership, asset: &str) -> String {
        match self.owner(ownership) {
            Some(owner) => self.account_of(owner, asset).await,
            None => unknown_id("acct"),
        }
    }

    pub(crate) async fn account_of(&self, owner: &Person, asset: &str) -> String {
        let wallet = self.base.get(owner, "/api/wallet").await.good();
        let balances = wallet["balances"].as_array().unwrap();
        let found = balances.iter().find(|one| one["asset"] == asset).unwrap();
        text(&found["account_id"])
    }

    /// A payment from the owner to the third user.
    pub(crate) async fn payment(&self, ownership: Ownership) -> String {
        let Some(owner) = self.owner(ownership) else {
            return unknown_id("pay");
        };
        let body = json!({
            "payer_account_id": self.account_of(owner, "RUB").await,
            "payee_account_id": self.account_of(&self.third, "RUB").await,
            "amount": "3",
            "currency": "RUB",
        });
        let payment = self.posted(owner, "/api/payments", body).await;
        assert_eq!(payment["status"], "AUTHORIZED");
        text(&payment["payment_id"])
    }

    pub(crate) async fn notification(&self, ownership: Ownership) -> String {
        let Some(owner) = self.owner(ownership) else {
            return unknown_id("notification");
        };
        self.base.notify(owner, 1).await;
        let page = self.base.get(owner, "/api/notifications").await.good();
        text(&page["items"][0]["id"])
    }

    /// The value of `X-Signature` that the payment provider sends at this time.
    pub(crate) fn signature(&self, body: &str) -> String {
        let now = self.base.market.now().as_micros() / 1_000_000;
        let mut mac = Hmac::<Sha256>::new_from_slice(PROVIDER_SECRET.as_bytes()).unwrap();
        mac.update(format!("{now}.{body}").as_bytes());
        let tag = mac.finalize().into_bytes();
        let tag: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={now},v1={tag}")
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A well-formed id that is not in use.
pub(crate) fn unknown_id(prefix: &str) -> String {
    format!("{prefix}_{UNKNOWN_ID}")
}

pub(crate) fn new_offer(listing: &str) -> Value {
    json!({"listing_id": listing, "amount": "100", "exchange_type": "FIAT2CRYPTO"})
}
