//! Deals over gRPC, from the first word to the last.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use p2p_domain::{Asset, ExchangeType, Role};
use p2p_grpc::proto::p2p::{
    CancelTransactionRequest, ConfirmReceiptRequest, DisputeStatus, GetTransactionStatusRequest,
    OfferStatus, Resolution, ResolveDisputeRequest, ResponseAction, SetExchangerStatusRequest,
    Side,
};
use support::{Deal, Person, Scene, complaint, paid, respond};

impl Scene {
    async fn status(&self, deal: &Deal, by: &Person) -> (OfferStatus, String) {
        let offer_id = deal.offer.clone();
        let request = by.asks(GetTransactionStatusRequest { offer_id });
        let answer = self.exchange().get_transaction_status(request).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.offer_id, deal.offer);
        (answer.status(), answer.details)
    }

    async fn cancel(&self, deal: &Deal, by: &Person, side: Side) -> (OfferStatus, String) {
        let request = CancelTransactionRequest {
            offer_id: deal.offer.clone(),
            cancelled_by: side.into(),
            reason: "The other side does not react".to_owned(),
        };
        let answer = self.exchange().cancel_transaction(by.asks(request)).await;
        let answer = answer.unwrap().into_inner();
        (answer.status(), answer.message)
    }

    async fn resolve(&self, dispute: &str, resolution: Resolution, payer_amount: &str) {
        let judge = self.person("judge", [Role::Moderator]).await;
        let request = ResolveDisputeRequest {
            dispute_id: dispute.to_owned(),
            admin_id: judge.id(),
            resolution: resolution.into(),
            comment: "The documents are in order".to_owned(),
            payer_amount: payer_amount.to_owned(),
        };
        let answer = self.exchange().resolve_dispute(judge.asks(request)).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.dispute_id, dispute);
        assert_eq!(answer.status(), DisputeStatus::DisputeResolved);
        assert_eq!(answer.message, "Dispute resolved by admin");
    }
}

/// Who pays the fiat and who holds the crypto.
fn parties(deal: &Deal, exchange_type: ExchangeType) -> (&Person, &Person) {
    match exchange_type {
        ExchangeType::CryptoToFiat => (&deal.exchanger, &deal.customer),
        ExchangeType::FiatToCrypto => (&deal.customer, &deal.exchanger),
    }
}

#[tokio::test]
async fn a_deal_of_either_direction_is_finished() {
    for exchange_type in ExchangeType::ALL {
        let scene = Scene::open().await;
        let deal = scene.deal(exchange_type).await;
        let (payer, holder) = parties(&deal, exchange_type);
        assert_eq!(scene.usdt(holder), (900_000_000, 100_000_000));
        let (status, details) = scene.status(&deal, &deal.customer).await;
        assert_eq!(status, OfferStatus::Pending);
        let expected = "Waiting for the exchanger's answer until 2025-04-18T15:30:00Z";
        assert_eq!(details, expected);

        let mut request = respond(&deal, ResponseAction::Accept);
        request.exchanger_id = deal.exchanger.id();
        let request = deal.exchanger.asks(request);
        let answer = scene.exchange().respond_exchange_offer(request).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.status(), OfferStatus::Approved);
        assert_eq!(answer.message, "Exchange offer accepted");

        let request = payer.asks(paid(&deal));
        let answer = scene.exchange().confirm_payment(request).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.status(), OfferStatus::PaymentConfirmed);
        assert!(answer.message.starts_with("Payment confirmed by "));

        let request = holder.asks(ConfirmReceiptRequest {
            offer_id: deal.offer.clone(),
            ..ConfirmReceiptRequest::default()
        });
        let answer = scene.exchange().confirm_receipt(request).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.offer_id, deal.offer);
        assert_eq!(answer.status(), OfferStatus::Finished);
        assert_eq!(answer.message, "Fiat received, transaction completed");

        // A tenth of a percent is the market's.
        assert_eq!(scene.usdt(holder), (900_000_000, 0));
        assert_eq!(scene.usdt(payer), (1_099_900_000, 0));
        let (status, details) = scene.status(&deal, &deal.exchanger).await;
        assert_eq!(status, OfferStatus::Finished);
        assert_eq!(details, "Transaction completed at 2025-04-18T15:00:00Z");
    }
}

#[tokio::test]
async fn an_offer_is_declined() {
    let scene = Scene::open().await;
    let deal = scene.deal(ExchangeType::CryptoToFiat).await;
    let request = deal.exchanger.asks(respond(&deal, ResponseAction::Decline));
    let answer = scene.exchange().respond_exchange_offer(request).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.status(), OfferStatus::Declined);
    assert_eq!(answer.message, "Exchange offer declined");
    assert_eq!(scene.usdt(&deal.customer), (1_000_000_000, 0));
}

#[tokio::test]
async fn a_deal_is_called_off_by_one_side_or_by_both() {
    let scene = Scene::open().await;
    let deal = scene.approved(ExchangeType::CryptoToFiat).await;
    let (payer, holder) = parties(&deal, ExchangeType::CryptoToFiat);
    let proposed = "Cancellation proposed; the other side must agree".to_owned();
    assert_eq!(
        scene.cancel(&deal, holder, Side::Customer).await,
        (OfferStatus::Approved, proposed)
    );
    let (_, details) = scene.status(&deal, holder).await;
    assert!(details.ends_with("; the customer proposes to cancel"));
    assert_eq!(
        scene.cancel(&deal, payer, Side::Unspecified).await,
        (OfferStatus::Cancelled, "Transaction cancelled".to_owned())
    );
    assert_eq!(scene.usdt(holder), (1_000_000_000, 0));
}

#[tokio::test]
async fn a_dispute_is_decided_in_each_of_three_ways() {
    for (resolution, payer_amount, ended, payer_gets) in [
        (
            Resolution::ResolvedFinished,
            "",
            OfferStatus::Finished,
            99_900_000,
        ),
        (Resolution::ResolvedCancelled, "", OfferStatus::Cancelled, 0),
        (
            Resolution::ResolvedSplit,
            "60",
            OfferStatus::Finished,
            59_940_000,
        ),
    ] {
        let scene = Scene::open().await;
        let direction = ExchangeType::FiatToCrypto;
        let (deal, dispute) = scene.disputed(direction).await;
        let (payer, _) = parties(&deal, direction);
        let (status, details) = scene.status(&deal, payer).await;
        assert_eq!(status, OfferStatus::DisputeOpen);
        assert!(details.starts_with("In dispute since "), "{details}");
        scene.resolve(&dispute, resolution, payer_amount).await;
        assert_eq!(scene.status(&deal, payer).await.0, ended);
        assert_eq!(scene.usdt(payer), (1_000_000_000 + payer_gets, 0));
    }
}

#[tokio::test]
async fn each_side_has_a_dispute_of_its_own() {
    let scene = Scene::open().await;
    let (deal, first) = scene.disputed(ExchangeType::CryptoToFiat).await;
    let mut request = complaint(&deal);
    request.opened_by = Side::Exchanger.into();
    let request = deal.exchanger.asks(request);
    let answer = scene.exchange().open_dispute(request).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.status(), DisputeStatus::DisputeOpen);
    assert_eq!(answer.message, "Dispute opened successfully");
    assert_ne!(answer.dispute_id, first);
}

#[tokio::test]
async fn an_exchanger_goes_online_and_offline() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let request = anna.asks(SetExchangerStatusRequest {
        exchanger_id: anna.id(),
        online: false,
    });
    let answer = scene.exchange().set_exchanger_status(request).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.exchanger_id, anna.id());
    assert!(!answer.online);
    assert_eq!(answer.message, "Exchanger status updated");
}

#[tokio::test]
async fn moderators_see_how_a_deal_stands() {
    let scene = Scene::open().await;
    let deal = scene.deal(ExchangeType::CryptoToFiat).await;
    let judge = scene.person("judge", [Role::Moderator]).await;
    assert_eq!(scene.status(&deal, &judge).await.0, OfferStatus::Pending);
    assert_eq!(scene.account(&judge, Asset::Usdt).held().minor(), 0);
}
