//! A market whose ports do just enough to get through the router: storage is unavailable, and tokens are plain words.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use p2p_application::access::{AccessChanges, AccessQueries};
use p2p_application::audit_log::{AuditLogFilter, AuditLogQueries};
use p2p_application::dispute::{DisputeFilter, DisputeQueries};
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::listing::{ListingFilter, ListingQueries, ListingView, ListingsFound};
use p2p_application::mail::MailQueue;
use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_application::order::{OrderFilter, OrderQueries};
use p2p_application::payment::PaymentQueries;
use p2p_application::payment_report::{ReportFilter, ReportQueries};
use p2p_application::ports::{
    AccessToken, Bearer, Clock, Ids, LedgerReport, Link, LinkPurpose, Maintenance, PasswordError,
    Passwords, Refresh, StorageError, Store, TokenError, Tokens, Transaction, Verdict,
};
use p2p_application::user::UserQueries;
use p2p_application::wallet::{StatementEntry, StatementFilter, WalletQueries};
use p2p_application::withdrawal::{WithdrawalFilter, WithdrawalQueries};
use p2p_application::{Market, MarketPorts, PipelineSettings};
use p2p_domain::audit_log::{AuditHead, AuditRecord};
use p2p_domain::dispute::Comment;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::user::{Caller, Email, PasswordHash, User};
use p2p_domain::{
    Account, AccountId, Dispute, DisputeId, Exchanger, FailedAttempts, ListingId, Mailbox,
    Notification, Offer, OfferId, Order, OrderId, Payment, PaymentId, PaymentReport, Policy, Role,
    Roles, SecondFactor, Session, SessionId, Timestamp, TypedId, UserId, Withdrawal, WithdrawalId,
};
use p2p_http::{HttpSettings, ServerState};
use p2p_memory::InsecureSecondFactors;
use serde_json::Value;
use tower::ServiceExt;

/// The user in the documentation's examples, to whom the tokens `all` and `customer` belong.
pub(crate) const EXAMPLE_USER: &str = "user_01jt0c7kq5e8tvb1y9m3x4z6wa";

/// Storage that may answer a ping, and fails at everything else.
#[derive(Clone, Copy)]
struct Away {
    reachable: bool,
}

fn away<T>() -> Result<T, StorageError> {
    let source = "the secret host name of the database".into();
    Err(StorageError::Unavailable { source })
}

#[async_trait]
impl Store for Away {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        away()
    }
}

#[async_trait]
impl OfferQueries for Away {
    async fn find_offer(&self, _: OfferId) -> Result<Option<Offer>, StorageError> {
        away()
    }
    async fn offer_history(&self, _: OfferId) -> Result<Vec<HistoryEntry>, StorageError> {
        away()
    }
    async fn list_offers(&self, _: &OfferFilter) -> Result<Vec<Offer>, StorageError> {
        away()
    }
}

#[async_trait]
impl ListingQueries for Away {
    async fn find_listing(&self, _: ListingId) -> Result<Option<ListingView>, StorageError> {
        away()
    }
    async fn list_listings(&self, _: &ListingFilter) -> Result<ListingsFound, StorageError> {
        away()
    }
}

#[async_trait]
impl DisputeQueries for Away {
    async fn find_dispute(&self, _: DisputeId) -> Result<Option<Dispute>, StorageError> {
        away()
    }
    async fn disputes_of(&self, _: OfferId) -> Result<Vec<Dispute>, StorageError> {
        away()
    }
    async fn list_disputes(&self, _: &DisputeFilter) -> Result<Vec<Dispute>, StorageError> {
        away()
    }
    async fn dispute_comments(&self, _: DisputeId) -> Result<Vec<Comment>, StorageError> {
        away()
    }
}

#[async_trait]
impl WalletQueries for Away {
    async fn accounts_of(&self, _: UserId) -> Result<Vec<Account>, StorageError> {
        away()
    }
    async fn statement(&self, _: &StatementFilter) -> Result<Vec<StatementEntry>, StorageError> {
        away()
    }
}

#[async_trait]
impl UserQueries for Away {
    async fn find_user(&self, _: UserId) -> Result<Option<User>, StorageError> {
        away()
    }
    async fn find_user_by_email(&self, _: &Email) -> Result<Option<User>, StorageError> {
        away()
    }
}

#[async_trait]
impl ExchangerQueries for Away {
    async fn find_exchanger(&self, _: UserId) -> Result<Option<Exchanger>, StorageError> {
        away()
    }
    async fn frozen_exchangers(&self, _: u32) -> Result<Vec<Exchanger>, StorageError> {
        Err(StorageError::Corrupt {
            table: "exchangers",
            id: "the id of a broken row".into(),
            reason: "broken".into(),
        })
    }
}

#[async_trait]
impl NotificationQueries for Away {
    async fn mailbox(&self, _: UserId) -> Result<Option<Mailbox>, StorageError> {
        away()
    }
    async fn list_notifications(
        &self,
        _: &NotificationFilter,
    ) -> Result<Vec<Notification>, StorageError> {
        away()
    }
    async fn notifications_after(
        &self,
        _: UserId,
        _: u64,
        _: u32,
    ) -> Result<Vec<Notification>, StorageError> {
        away()
    }
    async fn count_unread(&self, _: UserId, _: u64, _: u64) -> Result<u64, StorageError> {
        away()
    }
}

#[async_trait]
impl ReportQueries for Away {
    async fn list_reports(&self, _: &ReportFilter) -> Result<Vec<PaymentReport>, StorageError> {
        away()
    }
}

#[async_trait]
impl OrderQueries for Away {
    async fn find_order(&self, _: OrderId) -> Result<Option<Order>, StorageError> {
        away()
    }
    async fn list_orders(&self, _: &OrderFilter) -> Result<Vec<Order>, StorageError> {
        away()
    }
}

#[async_trait]
impl PaymentQueries for Away {
    async fn find_payment(&self, _: PaymentId) -> Result<Option<Payment>, StorageError> {
        away()
    }
    async fn find_account(&self, _: AccountId) -> Result<Option<Account>, StorageError> {
        away()
    }
}

#[async_trait]
impl WithdrawalQueries for Away {
    async fn find_withdrawal(&self, _: WithdrawalId) -> Result<Option<Withdrawal>, StorageError> {
        away()
    }
    async fn list_withdrawals(
        &self,
        _: &WithdrawalFilter,
    ) -> Result<Vec<Withdrawal>, StorageError> {
        away()
    }
}

#[async_trait]
impl AccessQueries for Away {
    async fn find_session(&self, _: SessionId) -> Result<Option<Session>, StorageError> {
        away()
    }
    async fn list_sessions(&self, _: UserId, _: u32) -> Result<Vec<Session>, StorageError> {
        away()
    }
    async fn find_attempts(&self, _: u128) -> Result<Option<FailedAttempts>, StorageError> {
        away()
    }
    async fn find_second_factor(&self, _: UserId) -> Result<Option<SecondFactor>, StorageError> {
        away()
    }
    async fn access_changes(&self, _: Timestamp) -> Result<AccessChanges, StorageError> {
        away()
    }
}

#[async_trait]
impl AuditLogQueries for Away {
    async fn list_audit_records(
        &self,
        _: &AuditLogFilter,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        away()
    }
    async fn audit_records_after(&self, _: u64, _: u32) -> Result<Vec<AuditRecord>, StorageError> {
        away()
    }
    async fn audit_head(&self) -> Result<AuditHead, StorageError> {
        away()
    }
}

#[async_trait]
impl Maintenance for Away {
    async fn ping(&self) -> Result<(), StorageError> {
        if self.reachable { Ok(()) } else { away() }
    }
    async fn due_offers(&self, _: Timestamp, _: u32) -> Result<Vec<OfferId>, StorageError> {
        away()
    }
    async fn heartbeat(&self, _: Timestamp, _: Duration) -> Result<Option<Duration>, StorageError> {
        away()
    }
    async fn forget_inbox(&self, _: &str, _: Timestamp, _: u32) -> Result<u64, StorageError> {
        away()
    }
    async fn forget_replies(&self, _: Timestamp, _: u32) -> Result<u64, StorageError> {
        away()
    }
    async fn forget_access(&self, _: Timestamp, _: u32) -> Result<u64, StorageError> {
        away()
    }
    async fn audit(&self) -> Result<LedgerReport, StorageError> {
        away()
    }
}

/// A fixed time, a fixed id, and insecure secrets.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

impl Ids for Fixed {
    fn next(&self) -> u128 {
        0x7
    }
}

#[async_trait]
impl Passwords for Fixed {
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError> {
        match password.as_str() {
            "panic, please" => panic!("the secret reason"),
            "take for ever" => std::future::pending().await,
            _ => Ok(PasswordHash::new(password)),
        }
    }
    async fn verify(&self, _: String, _: Option<PasswordHash>) -> Result<Verdict, PasswordError> {
        Ok(Verdict::Wrong)
    }
    async fn weakness(&self, _: &str, _: &[&str]) -> Result<Option<&'static str>, PasswordError> {
        Ok(None)
    }
}

impl Tokens for Fixed {
    fn issue(&self, _: Caller, _: Timestamp) -> Result<AccessToken, TokenError> {
        Err(TokenError::Invalid)
    }
    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError> {
        let roles = match token {
            "all" => Roles::from(Role::ALL),
            "customer" => Roles::from([Role::Customer]),
            "expired" => return Err(TokenError::Expired),
            _ => return Err(TokenError::Invalid),
        };
        let user = EXAMPLE_USER.parse().map_err(|_| TokenError::Invalid)?;
        Ok(Bearer {
            caller: Caller {
                session: Some(SessionId::from_u128(7)),
                ..Caller::new(user, roles).proved(Timestamp::from_micros(i64::MAX))
            },
            issued_at: now,
            expires_at: now.after(Duration::from_secs(60)),
        })
    }
    fn lifetime(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn issue_refresh(&self, _: Refresh, _: Timestamp, _: Timestamp) -> Result<String, TokenError> {
        Err(TokenError::Invalid)
    }
    fn verify_refresh(&self, _: &str, _: Timestamp) -> Result<Refresh, TokenError> {
        Ok(Refresh {
            session: SessionId::from_u128(7),
            user: UserId::from_u128(7),
            generation: 1,
        })
    }
    fn issue_link(&self, _: Link, _: Timestamp, _: Timestamp) -> Result<String, TokenError> {
        Err(TokenError::Invalid)
    }
    /// The token names its purpose.
    fn verify_link(&self, token: &str, now: Timestamp) -> Result<Link, TokenError> {
        Ok(Link {
            purpose: if token.contains("password") {
                LinkPurpose::ResetPassword
            } else {
                LinkPurpose::VerifyEmail
            },
            user: UserId::from_u128(7),
            password_set_at: now,
        })
    }
}

/// The API over such a market.
pub(crate) fn api(settings: HttpSettings, reachable: bool) -> Router {
    let away = Away { reachable };
    let ports = MarketPorts {
        store: Arc::new(away),
        queries: Arc::new(away),
        maintenance: Arc::new(away),
        clock: Arc::new(Fixed),
        ids: Arc::new(Fixed),
        passwords: Arc::new(Fixed),
        tokens: Arc::new(Fixed),
        second_factors: Arc::new(InsecureSecondFactors),
        mail: MailQueue::closed(),
    };
    let (market, _) = Market::open(ports, Policy::default(), PipelineSettings::default());
    p2p_http::router(market, settings, ServerState::default())
}

/// The response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that it is a problem with this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.body["code"], code, "{}", self.text);
        assert_eq!(self.body["status"], status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert_eq!(
            self.body["type"],
            format!("urn:p2p-market:problem:{code}").as_str()
        );
        for member in ["title", "detail"] {
            assert_ne!(self.body[member].as_str().unwrap_or_default(), "");
        }
    }
}

/// Sends one request.
pub(crate) async fn send(api: &Router, request: Request<Body>) -> Reply {
    let response = api.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}
