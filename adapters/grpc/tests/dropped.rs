//! Clients that leave while the market is at work for them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use std::time::Duration;

use p2p_application::ports::Maintenance;
use p2p_domain::{Asset, ExchangeType};
use p2p_grpc::proto::payment::v1::{AuthorizePaymentRequest, PaymentStatus};
use p2p_memory::Point;
use support::{Scene, is_replayed, offer_on};

const CRYPTO: ExchangeType = ExchangeType::CryptoToFiat;

/// Waits for what is about to be so.
async fn until(so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(5), waiting).await;
    waited.unwrap();
}

impl Scene {
    /// Makes a call, and leaves while its commit is held up. Returns when the change has taken effect.
    async fn leave<F>(&self, method: &str, call: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let gate = self.memory.faults().hold(Point::Commit);
        let commands = || self.market.pipeline().stats().commands;
        let committed = || self.memory.tally().borrow().committed;
        let before = (commands(), committed());
        let running = tokio::spawn(call);
        until(|| commands() > before.0).await;
        running.abort();
        assert!(running.await.is_err_and(|end| end.is_cancelled()));
        until(|| {
            let counts = self.stats.snapshot();
            let mut left = counts.iter().filter(|count| count.code == "CANCELLED");
            left.any(|count| count.method.ends_with(method))
        })
        .await;
        assert_eq!(committed(), before.1);
        drop(gate);
        until(|| committed() > before.1).await;
    }

    async fn is_whole(&self) {
        let report = self.memory.audit().await.unwrap();
        assert_eq!(report.violations, []);
    }
}

#[tokio::test]
async fn an_offer_whose_customer_left_is_made_once() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let boris = scene.customer("boris").await;
    scene.deposit(&boris, "1000", Asset::Usdt).await;
    let listing = scene.listing(&anna, CRYPTO).await;
    let request = || boris.asks_once("offer-1", offer_on(listing, CRYPTO));
    let booked = scene.memory.tables().transfers.len();

    let (mut exchange, first) = (scene.exchange(), request());
    scene
        .leave("/CreateExchangeOffer", async move {
            exchange.create_exchange_offer(first).await
        })
        .await;
    assert_eq!(scene.usdt(&boris), (900_000_000, 100_000_000));
    scene.is_whole().await;

    let again = scene.exchange().create_exchange_offer(request()).await;
    let again = again.unwrap();
    assert!(is_replayed(again.metadata()));
    let tables = scene.memory.tables();
    let offers: Vec<_> = tables.offers.keys().map(ToString::to_string).collect();
    assert_eq!(offers, [again.into_inner().offer_id]);
    assert_eq!(tables.transfers.len(), booked + 1);
    assert_eq!(scene.usdt(&boris), (900_000_000, 100_000_000));
    scene.is_whole().await;
}

#[tokio::test]
async fn a_payment_whose_payer_left_is_made_once() {
    let scene = Scene::open().await;
    let anna = scene.customer("anna").await;
    let boris = scene.customer("boris").await;
    scene.deposit(&anna, "1000", Asset::Usdt).await;
    let request = || {
        anna.asks(AuthorizePaymentRequest {
            idempotency_key: "lunch-1".to_owned(),
            payer_account_id: scene.account_id(&anna, Asset::Usdt).to_string(),
            payee_account_id: scene.account_id(&boris, Asset::Usdt).to_string(),
            amount_cents: 10_000,
            currency: "USDT".to_owned(),
            description: "Lunch".to_owned(),
        })
    };
    let booked = scene.memory.tables().transfers.len();
    let moved = || {
        assert_eq!(scene.usdt(&anna), (999_990_000, 0));
        assert_eq!(scene.usdt(&boris), (10_000, 0));
        assert_eq!(scene.memory.tables().transfers.len(), booked + 1);
    };

    let (mut payments, first) = (scene.payments(), request());
    scene
        .leave("/AuthorizePayment", async move {
            payments.authorize_payment(first).await
        })
        .await;
    moved();
    scene.is_whole().await;

    let again = scene.payments().authorize_payment(request()).await.unwrap();
    assert!(is_replayed(again.metadata()));
    let again = again.into_inner();
    assert_eq!(again.status(), PaymentStatus::Duplicate);
    let tables = scene.memory.tables();
    let payments = tables.payments.values();
    let payments: Vec<_> = payments.map(|payment| payment.id.to_string()).collect();
    assert_eq!(payments, [again.payment_id]);
    moved();
    scene.is_whole().await;
}
