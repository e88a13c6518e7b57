//! Payments over gRPC.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use futures::future::join_all;
use p2p_domain::{Asset, Policy, Role};
use p2p_grpc::proto::payment::v1::{
    AuthorizePaymentRequest, AuthorizePaymentResponse, GetAccountBalanceRequest,
    GetAccountBalanceResponse, GetPaymentRequest, GetPaymentResponse, PaymentErrorCode,
    PaymentStatus,
};
use support::{Person, Scene, is_replayed, refused, settings, violations};
use tonic::{Code, Response, Status};

/// Two people, and 1000 roubles of the first.
struct Shop {
    scene: Scene,
    anna: Person,
    boris: Person,
}

impl Shop {
    async fn open() -> Self {
        Self::under(Policy::default()).await
    }

    async fn under(policy: Policy) -> Self {
        let scene = Scene::under(settings(), policy).await;
        let anna = scene.customer("anna").await;
        let boris = scene.customer("boris").await;
        scene.deposit(&anna, "1000", Asset::Rub).await;
        Self { scene, anna, boris }
    }

    /// 100 roubles from Anna to Boris.
    fn lunch(&self, key: &str) -> AuthorizePaymentRequest {
        AuthorizePaymentRequest {
            idempotency_key: key.to_owned(),
            payer_account_id: self.scene.account_id(&self.anna, Asset::Rub).to_string(),
            payee_account_id: self.scene.account_id(&self.boris, Asset::Rub).to_string(),
            amount_cents: 10_000,
            currency: "RUB".to_owned(),
            description: "Lunch".to_owned(),
        }
    }

    async fn authorize(
        &self,
        by: &Person,
        request: AuthorizePaymentRequest,
    ) -> Result<Response<AuthorizePaymentResponse>, Status> {
        let request = by.asks(request);
        self.scene.payments().authorize_payment(request).await
    }

    /// What became of it.
    async fn decided(&self, request: AuthorizePaymentRequest) -> AuthorizePaymentResponse {
        let answer = self.authorize(&self.anna, request).await;
        answer.unwrap().into_inner()
    }

    async fn get(&self, by: &Person, payment: &str) -> Result<GetPaymentResponse, Status> {
        let payment_id = payment.to_owned();
        let request = by.asks(GetPaymentRequest { payment_id });
        let answer = self.scene.payments().get_payment(request).await;
        answer.map(Response::into_inner)
    }

    async fn balance(
        &self,
        by: &Person,
        account: String,
    ) -> Result<Response<GetAccountBalanceResponse>, Status> {
        let request = by.asks(GetAccountBalanceRequest {
            account_id: account,
        });
        self.scene.payments().get_account_balance(request).await
    }

    fn roubles(&self, of: &Person) -> i64 {
        self.scene.account(of, Asset::Rub).available().minor()
    }
}

#[tokio::test]
async fn money_changes_hands_once_for_a_key() {
    let shop = Shop::open().await;
    let first = shop.decided(shop.lunch("lunch-1")).await;
    assert_eq!(first.status(), PaymentStatus::Authorized);
    assert_eq!(first.error, None);
    assert_eq!(first.processed_at, "2025-04-18T15:00:00Z");
    assert!(first.payment_id.starts_with("pay_"));
    shop.scene.clock.advance(std::time::Duration::from_secs(60));

    let again = shop.authorize(&shop.anna, shop.lunch("lunch-1")).await;
    let again = again.unwrap();
    assert!(is_replayed(again.metadata()));
    let again = again.into_inner();
    assert_eq!(again.status(), PaymentStatus::Duplicate);
    assert_eq!(again.payment_id, first.payment_id);
    assert_eq!(again.processed_at, first.processed_at);
    assert_eq!(again.error, None);
    assert_eq!(
        (shop.roubles(&shop.anna), shop.roubles(&shop.boris)),
        (90_000, 10_000)
    );

    let mut other = shop.lunch("lunch-1");
    other.amount_cents += 1;
    let answer = shop.authorize(&shop.anna, other).await;
    refused(answer, Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED");
    // Keys belong to their callers: Boris may call his payment the same.
    let mut his = shop.lunch("lunch-1");
    std::mem::swap(&mut his.payer_account_id, &mut his.payee_account_id);
    let answer = shop.authorize(&shop.boris, his).await.unwrap();
    assert_eq!(answer.into_inner().status(), PaymentStatus::Authorized);
}

#[tokio::test]
async fn one_key_fifty_times_at_once_is_one_payment() {
    let shop = Shop::open().await;
    let calls = (0..50).map(|_| shop.decided(shop.lunch("lunch-1")));
    let answers = join_all(calls).await;
    let count = |status| answers.iter().filter(|one| one.status() == status).count();
    assert_eq!(count(PaymentStatus::Authorized), 1);
    assert_eq!(count(PaymentStatus::Duplicate), 49);
    assert!(
        answers
            .iter()
            .all(|one| one.payment_id == answers[0].payment_id)
    );
    assert_eq!(shop.roubles(&shop.boris), 10_000);
}

#[tokio::test]
async fn every_reason_to_decline_is_reached_and_stands() {
    let shop = Shop::open().await;
    let scene = &shop.scene;
    let euros = scene.account_id(&shop.boris, Asset::Eur).to_string();
    let his = scene.account_id(&shop.boris, Asset::Rub).to_string();
    let nobodys = scene.market.fresh::<p2p_domain::AccountId>().to_string();
    let lunch = shop.lunch("");
    let mut cases = Vec::new();
    let mut case = |code, change: &dyn Fn(&mut AuthorizePaymentRequest)| {
        let mut request = lunch.clone();
        request.idempotency_key = format!("case-{}", cases.len());
        change(&mut request);
        cases.push((code, request));
    };
    case(PaymentErrorCode::InsufficientFunds, &|r| {
        r.amount_cents = 100_001
    });
    case(PaymentErrorCode::InvalidAmount, &|r| r.amount_cents = 0);
    case(PaymentErrorCode::InvalidAmount, &|r| {
        r.amount_cents = i64::MIN
    });
    case(PaymentErrorCode::SameAccount, &|r| {
        r.payee_account_id.clone_from(&r.payer_account_id);
    });
    case(PaymentErrorCode::CurrencyMismatch, &|r| {
        r.currency = "EUR".to_owned()
    });
    case(PaymentErrorCode::CurrencyMismatch, &|r| {
        r.payee_account_id.clone_from(&euros);
    });
    case(PaymentErrorCode::AccountNotFound, &|r| {
        r.payee_account_id.clone_from(&nobodys);
    });
    case(PaymentErrorCode::AccountNotFound, &|r| {
        r.payee_account_id = "acct_no_such".to_owned();
    });
    case(PaymentErrorCode::AccountNotFound, &|r| {
        r.payer_account_id.clear()
    });
    // Somebody else's.
    case(PaymentErrorCode::AccountNotFound, &|r| {
        r.payee_account_id.clone_from(&r.payer_account_id);
        r.payer_account_id.clone_from(&his);
    });
    for (code, request) in cases {
        let answer = shop.decided(request.clone()).await;
        let error = answer.error.clone().unwrap();
        assert_eq!(
            (answer.status(), error.code()),
            (PaymentStatus::Declined, code)
        );
        assert_ne!(error.message, "");
        let again = shop.decided(request.clone()).await;
        assert_eq!(again.status(), PaymentStatus::Duplicate, "{request:?}");
        assert_eq!(
            (again.payment_id, again.error),
            (answer.payment_id, Some(error))
        );
    }
    assert_eq!(
        (shop.roubles(&shop.anna), shop.roubles(&shop.boris)),
        (100_000, 0)
    );
}

#[tokio::test]
async fn ids_that_cannot_be_ones_are_all_the_same() {
    let shop = Shop::open().await;
    let to = |payee: &str| AuthorizePaymentRequest {
        payee_account_id: payee.to_owned(),
        ..shop.lunch("lunch-1")
    };
    let first = shop.decided(to("acc-001")).await;
    let error = first.error.unwrap();
    assert_eq!(error.code(), PaymentErrorCode::AccountNotFound);
    let again = shop.decided(to("acc-002")).await;
    assert_eq!(again.status(), PaymentStatus::Duplicate);
    assert_eq!(again.payment_id, first.payment_id);
    let shown = shop.get(&shop.anna, &first.payment_id).await.unwrap();
    assert_eq!(shown.payee_account_id, "");
}

#[tokio::test]
async fn a_key_may_be_in_quotes() {
    let shop = Shop::open().await;
    let first = shop.decided(shop.lunch("lunch-1")).await;
    let again = shop.decided(shop.lunch("\"lunch-1\"")).await;
    assert_eq!(again.status(), PaymentStatus::Duplicate);
    assert_eq!(again.payment_id, first.payment_id);
}

#[tokio::test]
async fn whoever_pays_too_often_has_to_rest() {
    let shop = Shop::under(Policy {
        payments_per_minute: 1,
        payments_at_once: 1,
        ..Policy::default()
    })
    .await;
    let first = shop.decided(shop.lunch("lunch-1")).await;
    assert_eq!(first.status(), PaymentStatus::Authorized);
    let second = shop.decided(shop.lunch("lunch-2")).await;
    let error = second.error.unwrap();
    assert_eq!(error.code(), PaymentErrorCode::RateLimited);
    let again = shop.decided(shop.lunch("lunch-1")).await;
    assert_eq!(again.status(), PaymentStatus::Duplicate);
}

#[tokio::test]
async fn a_declined_key_is_not_authorised_with_another_amount() {
    let shop = Shop::open().await;
    let mut request = shop.lunch("lunch-1");
    request.amount_cents = 100_001;
    let answer = shop.decided(request.clone()).await;
    assert_eq!(answer.status(), PaymentStatus::Declined);
    request.amount_cents = 1;
    let answer = shop.authorize(&shop.anna, request).await;
    refused(answer, Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_request_that_cannot_be_used_uses_up_no_key() {
    let shop = Shop::open().await;
    let lunch = shop.lunch("lunch-1");
    let long = "x".repeat(501);
    let validation = "VALIDATION_FAILED";
    let cases: [(&str, &str, &str, AuthorizePaymentRequest); 8] = [
        (
            "IDEMPOTENCY_KEY_REQUIRED",
            "idempotency_key",
            "IDEMPOTENCY_KEY_REQUIRED",
            shop.lunch(""),
        ),
        (
            "IDEMPOTENCY_KEY_INVALID",
            "idempotency_key",
            "IDEMPOTENCY_KEY_INVALID",
            shop.lunch("a b"),
        ),
        (
            "IDEMPOTENCY_KEY_INVALID",
            "idempotency_key",
            "IDEMPOTENCY_KEY_INVALID",
            shop.lunch(&"x".repeat(129)),
        ),
        (
            "MISSING_FIELD",
            "currency",
            "MISSING_FIELD",
            currency(&lunch, ""),
        ),
        (
            validation,
            "currency",
            "UNKNOWN_VALUE",
            currency(&lunch, "XXX"),
        ),
        (
            validation,
            "currency",
            "UNKNOWN_VALUE",
            currency(&lunch, "rub"),
        ),
        (
            validation,
            "description",
            "INVALID_LENGTH",
            described(&lunch, &long),
        ),
        (
            validation,
            "description",
            "INVALID_CHARACTER",
            described(&lunch, "\0"),
        ),
    ];
    for (reason, field, code, request) in cases {
        let answer = shop.authorize(&shop.anna, request).await;
        let found = violations(answer, reason);
        assert_eq!(found, [(field.to_owned(), code.to_owned())]);
    }
    let answer = shop.decided(lunch).await;
    assert_eq!(answer.status(), PaymentStatus::Authorized);
}

fn currency(lunch: &AuthorizePaymentRequest, code: &str) -> AuthorizePaymentRequest {
    AuthorizePaymentRequest {
        currency: code.to_owned(),
        ..lunch.clone()
    }
}

fn described(lunch: &AuthorizePaymentRequest, words: &str) -> AuthorizePaymentRequest {
    AuthorizePaymentRequest {
        description: words.to_owned(),
        ..lunch.clone()
    }
}

#[tokio::test]
async fn a_payment_is_shown_to_those_it_is_about() {
    let shop = Shop::open().await;
    let paid = shop.decided(shop.lunch("lunch-1")).await;
    let mut poor = shop.lunch("lunch-2");
    poor.payee_account_id.clear();
    let declined = shop.decided(poor).await;
    let judge = shop.scene.person("judge", [Role::Moderator]).await;
    let carol = shop.scene.customer("carol").await;

    let shown = shop.get(&shop.anna, &paid.payment_id).await.unwrap();
    let lunch = shop.lunch("lunch-1");
    let expected = GetPaymentResponse {
        payment_id: paid.payment_id.clone(),
        payer_account_id: lunch.payer_account_id,
        payee_account_id: lunch.payee_account_id,
        amount_cents: 10_000,
        currency: "RUB".to_owned(),
        status: PaymentStatus::Authorized.into(),
        error: None,
        description: "Lunch".to_owned(),
        processed_at: paid.processed_at,
        refunded_at: String::new(),
    };
    assert_eq!(shown, expected);
    for person in [&shop.boris, &judge, &shop.scene.admin()] {
        assert_eq!(shop.get(person, &paid.payment_id).await.unwrap(), expected);
    }
    let shown = shop.get(&shop.anna, &declined.payment_id).await.unwrap();
    assert_eq!(shown.status(), PaymentStatus::Declined);
    assert_eq!(shown.payee_account_id, "");
    assert_eq!(shown.error, declined.error);

    let (code, reason) = (Code::NotFound, "PAYMENT_NOT_FOUND");
    let unknown: p2p_domain::PaymentId = shop.scene.market.fresh();
    for (person, payment) in [
        (&carol, paid.payment_id.as_str()),
        (&shop.boris, &declined.payment_id),
        (&shop.anna, &unknown.to_string()),
    ] {
        let answer = shop.get(person, payment).await.map(Response::new);
        refused(answer, code, reason);
    }
    for (payment, code) in [
        ("pay_1", "MALFORMED_ID"),
        ("", "MALFORMED_ID"),
        (&shop.anna.id(), "WRONG_ID_KIND"),
    ] {
        let answer = shop.get(&shop.anna, payment).await.map(Response::new);
        let found = violations(answer, code);
        assert_eq!(found, [("payment_id".to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn a_balance_is_shown_to_its_owner_and_to_staff() {
    let shop = Shop::open().await;
    let account_id = shop.scene.account_id(&shop.anna, Asset::Rub).to_string();
    let judge = shop.scene.person("judge", [Role::Moderator]).await;
    for person in [&shop.anna, &judge, &shop.scene.admin()] {
        let answer = shop.balance(person, account_id.clone()).await.unwrap();
        let expected = GetAccountBalanceResponse {
            account_id: account_id.clone(),
            available_cents: 100_000,
            held_cents: 0,
            currency: "RUB".to_owned(),
        };
        assert_eq!(answer.into_inner(), expected);
    }
    let unknown: p2p_domain::AccountId = shop.scene.market.fresh();
    for (person, account) in [(&shop.boris, account_id), (&shop.anna, unknown.to_string())] {
        let answer = shop.balance(person, account).await;
        refused(answer, Code::NotFound, "ACCOUNT_NOT_FOUND");
    }
    for (account, code) in [
        ("acct_1".to_owned(), "MALFORMED_ID"),
        (String::new(), "MALFORMED_ID"),
        (judge.id(), "WRONG_ID_KIND"),
    ] {
        let found = violations(shop.balance(&judge, account).await, code);
        assert_eq!(found, [("account_id".to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn an_administrator_may_pay_from_any_account() {
    let shop = Shop::open().await;
    let admin = shop.scene.admin();
    let answer = shop.authorize(&admin, shop.lunch("lunch-1")).await.unwrap();
    assert_eq!(answer.into_inner().status(), PaymentStatus::Authorized);
    let answer = shop.authorize(&shop.boris, shop.lunch("lunch-1")).await;
    let error = answer.unwrap().into_inner().error.unwrap();
    assert_eq!(error.code(), PaymentErrorCode::AccountNotFound);
}
