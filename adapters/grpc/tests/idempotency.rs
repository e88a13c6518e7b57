//! Calls that are sent again: one effect, and the same answer.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use futures::future::join_all;
use p2p_domain::{Asset, ExchangeType};
use p2p_grpc::proto::p2p::{ResponseAction, SetExchangerStatusRequest};
use support::{Scene, is_replayed, offer_on, refused, respond};
use tonic::Code;
use tonic::metadata::MetadataValue;

const CRYPTO: ExchangeType = ExchangeType::CryptoToFiat;

#[tokio::test]
async fn the_same_call_is_answered_as_it_was_the_first_time() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let boris = scene.customer("boris").await;
    scene.deposit(&boris, "1000", Asset::Usdt).await;
    let listing = scene.listing(&anna, CRYPTO).await;
    let mut exchange = scene.exchange();

    let request = || boris.asks_once("offer-1", offer_on(listing, CRYPTO));
    let first = exchange.create_exchange_offer(request()).await.unwrap();
    let again = exchange.create_exchange_offer(request()).await.unwrap();
    assert!(!is_replayed(first.metadata()) && is_replayed(again.metadata()));
    assert_eq!(first.into_inner(), again.into_inner());
    assert_eq!(scene.usdt(&boris), (900_000_000, 100_000_000));

    // Quotes are no part of a key.
    let request = boris.asks_once("\"offer-1\"", offer_on(listing, CRYPTO));
    let again = exchange.create_exchange_offer(request).await.unwrap();
    assert!(is_replayed(again.metadata()));

    let mut other = offer_on(listing, CRYPTO);
    other.amount = "100".to_owned();
    let answer = exchange
        .create_exchange_offer(boris.asks_once("offer-1", other))
        .await;
    refused(answer, Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(scene.memory.tables().offers.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_kept_with_its_details() {
    let scene = Scene::open().await;
    let deal = scene.approved(CRYPTO).await;
    let mut exchange = scene.exchange();
    let request = || {
        let message = respond(&deal, ResponseAction::Accept);
        deal.exchanger.asks_once("answer-1", message)
    };
    let first = exchange
        .respond_exchange_offer(request())
        .await
        .unwrap_err();
    let again = exchange
        .respond_exchange_offer(request())
        .await
        .unwrap_err();
    assert!(!is_replayed(first.metadata()) && is_replayed(again.metadata()));
    assert_eq!(
        (first.code(), first.message(), first.details()),
        (again.code(), again.message(), again.details())
    );
    let info = refused::<()>(Err(again), Code::FailedPrecondition, "ILLEGAL_TRANSITION");
    assert_eq!(info.metadata["state"], "APPROVED");
    assert_eq!(info.metadata["event"], "accept");
}

#[tokio::test]
async fn twenty_of_the_same_at_once_are_one() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let boris = scene.customer("boris").await;
    scene.deposit(&boris, "1000", Asset::Usdt).await;
    let listing = scene.listing(&anna, CRYPTO).await;
    let calls = (0..20).map(|_| {
        let request = boris.asks_once("offer-1", offer_on(listing, CRYPTO));
        let mut exchange = scene.exchange();
        async move { exchange.create_exchange_offer(request).await.unwrap() }
    });
    let answers = join_all(calls).await;
    let replayed = answers.iter().filter(|one| is_replayed(one.metadata()));
    assert_eq!(replayed.count(), 19);
    let first = answers[0].get_ref();
    assert!(answers.iter().all(|one| one.get_ref() == first));
    assert_eq!(scene.usdt(&boris), (900_000_000, 100_000_000));
}

#[tokio::test]
async fn a_key_is_good_for_one_caller_and_one_method() {
    let scene = Scene::open().await;
    let deal = scene.deal(CRYPTO).await;
    let mut exchange = scene.exchange();
    let switch = |exchanger_id: String| SetExchangerStatusRequest {
        exchanger_id,
        online: true,
    };
    let (anna, carol) = (&deal.exchanger, scene.exchanger("carol").await);
    for (person, id) in [(anna, anna.id()), (&carol, carol.id())] {
        let request = person.asks_once("a", switch(id));
        let answer = exchange.set_exchanger_status(request).await.unwrap();
        assert!(!is_replayed(answer.metadata()));
    }
    let request = anna.asks_once("a", respond(&deal, ResponseAction::Accept));
    let answer = exchange.respond_exchange_offer(request).await.unwrap();
    assert!(!is_replayed(answer.metadata()));
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let invalid = |keys: &[&str]| {
        let mut request = anna.asks(SetExchangerStatusRequest::default());
        for key in keys {
            let key = MetadataValue::try_from(*key).unwrap();
            request.metadata_mut().append("idempotency-key", key);
        }
        let mut exchange = scene.exchange();
        async move { exchange.set_exchanger_status(request).await }
    };
    let long = "x".repeat(129);
    for keys in [&[""][..], &["a b"], &[long.as_str()], &["a", "a"]] {
        let (code, reason) = (Code::InvalidArgument, "IDEMPOTENCY_KEY_INVALID");
        refused(invalid(keys).await, code, reason);
    }
}
