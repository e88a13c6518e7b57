//! What is refused over gRPC: by whom, to whom, and with which code.

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
    CancelTransactionRequest, ConfirmPaymentRequest, ConfirmReceiptRequest,
    CreateExchangeOfferRequest, GetTransactionStatusRequest, OpenDisputeRequest, Resolution,
    ResolveDisputeRequest, RespondExchangeOfferRequest, ResponseAction, SetExchangerStatusRequest,
    Side,
};
use p2p_grpc::proto::payment::v1::{
    AuthorizePaymentRequest, GetAccountBalanceRequest, GetPaymentRequest,
};
use support::{LIFETIME, Person, Scene, complaint, offer_on, paid, refused, respond, violations};
use tonic::{Code, Request, Status};

const CRYPTO: ExchangeType = ExchangeType::CryptoToFiat;

/// Calls every method, with a request made of an empty message, and answers what each was answered.
macro_rules! every_method {
    ($scene:expr, $request:expr) => {{
        let (mut exchange, mut payments) = ($scene.exchange(), $scene.payments());
        let mut answers: Vec<Status> = Vec::new();
        macro_rules! call {
            ($client:ident, $method:ident, $message:ident) => {
                let request = $request($message::default());
                answers.push($client.$method(request).await.unwrap_err());
            };
        }
        call!(exchange, create_exchange_offer, CreateExchangeOfferRequest);
        call!(
            exchange,
            respond_exchange_offer,
            RespondExchangeOfferRequest
        );
        call!(exchange, confirm_payment, ConfirmPaymentRequest);
        call!(exchange, confirm_receipt, ConfirmReceiptRequest);
        call!(exchange, open_dispute, OpenDisputeRequest);
        call!(
            exchange,
            get_transaction_status,
            GetTransactionStatusRequest
        );
        call!(exchange, set_exchanger_status, SetExchangerStatusRequest);
        call!(exchange, cancel_transaction, CancelTransactionRequest);
        call!(exchange, resolve_dispute, ResolveDisputeRequest);
        call!(payments, authorize_payment, AuthorizePaymentRequest);
        call!(payments, get_payment, GetPaymentRequest);
        call!(payments, get_account_balance, GetAccountBalanceRequest);
        answers
    }};
}

/// A request with any message.
trait Ask {
    fn ask<T>(&self, message: T) -> Request<T>;
}

struct Header(Vec<String>);

impl Ask for Header {
    fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for value in &self.0 {
            let value = value.parse().unwrap();
            request.metadata_mut().append("authorization", value);
        }
        request
    }
}

#[track_caller]
fn all_refused(answers: Vec<Status>, reason: &str) {
    assert_eq!(answers.len(), 12);
    for answer in answers {
        refused::<()>(Err(answer), Code::Unauthenticated, reason);
    }
}

#[tokio::test]
async fn nobody_is_let_in_without_a_good_token() {
    let scene = Scene::open().await;
    let boris = scene.customer("boris").await;
    let good = format!("Bearer {}", boris.token);
    for (values, reason) in [
        (vec![], "UNAUTHENTICATED"),
        (vec!["Basic abc".to_owned()], "UNAUTHENTICATED"),
        (vec!["Bearer".to_owned()], "UNAUTHENTICATED"),
        (vec![good.clone(), good.clone()], "UNAUTHENTICATED"),
        (vec!["Bearer garbled".to_owned()], "INVALID_TOKEN"),
    ] {
        let header = Header(values);
        all_refused(every_method!(scene, |m| header.ask(m)), reason);
    }
    scene.clock.advance(LIFETIME);
    let header = Header(vec![good]);
    all_refused(every_method!(scene, |m| header.ask(m)), "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_role_is_needed() {
    let scene = Scene::open().await;
    let judge = scene.person("judge", [Role::Moderator]).await;
    let (deal, dispute) = scene.disputed(CRYPTO).await;
    let mut exchange = scene.exchange();
    let role = |info: &tonic_types::ErrorInfo| info.metadata["role"].clone();

    let listing = scene.listing(&deal.exchanger, CRYPTO).await;
    let answer = exchange.create_exchange_offer(judge.asks(offer_on(listing, CRYPTO)));
    let info = refused(answer.await, Code::PermissionDenied, "ROLE_REQUIRED");
    assert_eq!(role(&info), "CUSTOMER");

    let request = deal.customer.asks(respond(&deal, ResponseAction::Accept));
    let answer = exchange.respond_exchange_offer(request).await;
    let info = refused(answer, Code::PermissionDenied, "ROLE_REQUIRED");
    assert_eq!(role(&info), "EXCHANGER");

    let request = deal.customer.asks(SetExchangerStatusRequest::default());
    let answer = exchange.set_exchanger_status(request).await;
    let info = refused(answer, Code::PermissionDenied, "ROLE_REQUIRED");
    assert_eq!(role(&info), "EXCHANGER");

    let request = deal.customer.asks(verdict(&dispute));
    let answer = exchange.resolve_dispute(request).await;
    let info = refused(answer, Code::PermissionDenied, "ROLE_REQUIRED");
    assert_eq!(role(&info), "MODERATOR");
}

fn verdict(dispute: &str) -> ResolveDisputeRequest {
    ResolveDisputeRequest {
        dispute_id: dispute.to_owned(),
        resolution: Resolution::ResolvedFinished.into(),
        comment: "The documents are in order".to_owned(),
        ..ResolveDisputeRequest::default()
    }
}

#[tokio::test]
async fn a_deal_of_others_does_not_exist() {
    let scene = Scene::open().await;
    let deal = scene.deal(CRYPTO).await;
    let carol = scene.exchanger("carol").await;
    let (code, reason) = (Code::NotFound, "OFFER_NOT_FOUND");
    let mut exchange = scene.exchange();
    let offer_id = deal.offer.clone();

    let request = carol.asks(respond(&deal, ResponseAction::Accept));
    refused(exchange.respond_exchange_offer(request).await, code, reason);
    let request = carol.asks(paid(&deal));
    refused(exchange.confirm_payment(request).await, code, reason);
    let request = carol.asks(ConfirmReceiptRequest {
        offer_id: offer_id.clone(),
        ..ConfirmReceiptRequest::default()
    });
    refused(exchange.confirm_receipt(request).await, code, reason);
    let request = carol.asks(complaint(&deal));
    refused(exchange.open_dispute(request).await, code, reason);
    let request = carol.asks(cancellation(&offer_id, Side::Unspecified));
    refused(exchange.cancel_transaction(request).await, code, reason);
    let request = carol.asks(GetTransactionStatusRequest { offer_id });
    refused(exchange.get_transaction_status(request).await, code, reason);
}

fn cancellation(offer: &str, side: Side) -> CancelTransactionRequest {
    CancelTransactionRequest {
        offer_id: offer.to_owned(),
        cancelled_by: side.into(),
        reason: "No more".to_owned(),
    }
}

#[tokio::test]
async fn whoever_is_named_must_be_the_caller() {
    let scene = Scene::open().await;
    let (deal, dispute) = scene.disputed(CRYPTO).await;
    let judge = scene.person("judge", [Role::Moderator]).await;
    let other = judge.id();
    let (boris, anna) = (&deal.customer, &deal.exchanger);
    let (code, reason) = (Code::PermissionDenied, "IDENTITY_MISMATCH");
    let mut exchange = scene.exchange();

    let listing = scene.listing(anna, CRYPTO).await;
    let mut message = offer_on(listing, CRYPTO);
    message.customer_id.clone_from(&other);
    let answer = exchange.create_exchange_offer(boris.asks(message)).await;
    refused(answer, code, reason);

    let mut message = respond(&deal, ResponseAction::Accept);
    message.exchanger_id.clone_from(&other);
    let answer = exchange.respond_exchange_offer(anna.asks(message)).await;
    refused(answer, code, reason);

    for name in [
        |message: &mut ConfirmPaymentRequest, id: String| message.customer_id = id,
        |message: &mut ConfirmPaymentRequest, id: String| message.exchanger_id = id,
    ] {
        let mut message = paid(&deal);
        name(&mut message, other.clone());
        let answer = exchange.confirm_payment(anna.asks(message)).await;
        refused(answer, code, reason);
    }

    for (customer_id, exchanger_id) in [(other.clone(), String::new()), (boris.id(), anna.id())] {
        let message = ConfirmReceiptRequest {
            offer_id: deal.offer.clone(),
            customer_id,
            exchanger_id,
        };
        let answer = exchange.confirm_receipt(boris.asks(message)).await;
        refused(answer, code, reason);
    }

    let mut message = complaint(&deal);
    message.opened_by = Side::Customer.into();
    let answer = exchange.open_dispute(anna.asks(message)).await;
    refused(answer, code, reason);

    let message = cancellation(&deal.offer, Side::Exchanger);
    let answer = exchange.cancel_transaction(boris.asks(message)).await;
    refused(answer, code, reason);

    let message = SetExchangerStatusRequest {
        exchanger_id: boris.id(),
        online: true,
    };
    let answer = exchange.set_exchanger_status(anna.asks(message)).await;
    refused(answer, code, reason);

    let mut message = verdict(&dispute);
    message.admin_id = boris.id();
    let answer = exchange.resolve_dispute(judge.asks(message)).await;
    refused(answer, code, reason);
}

#[tokio::test]
async fn the_state_of_things_forbids_it() {
    let scene = Scene::open().await;
    let deal = scene.deal(CRYPTO).await;
    let mut exchange = scene.exchange();
    let failed = Code::FailedPrecondition;

    let request = deal.exchanger.asks(paid(&deal));
    let answer = exchange.confirm_payment(request).await;
    let info = refused(answer, failed, "ILLEGAL_TRANSITION");
    assert_eq!(info.metadata["state"], "PENDING");
    assert_eq!(info.metadata["event"], "confirm payment");

    let listing = scene.listing(&deal.exchanger, CRYPTO).await;
    let mut request = offer_on(listing, CRYPTO);
    request.amount = "300".to_owned();
    let poor = scene.customer("poor").await;
    let answer = exchange.create_exchange_offer(poor.asks(request.clone()));
    let info = refused(answer.await, failed, "INSUFFICIENT_FUNDS");
    assert_eq!(info.metadata["asset"], "USDT");

    let answer = exchange.create_exchange_offer(deal.exchanger.asks(request.clone()));
    refused(answer.await, failed, "SELF_DEAL");

    request.exchange_type = p2p_grpc::proto::p2p::ExchangeType::Fiat2crypto.into();
    let answer = exchange.create_exchange_offer(deal.customer.asks(request));
    refused(answer.await, failed, "WRONG_EXCHANGE_TYPE");
}

#[tokio::test]
async fn a_dispute_is_opened_once_and_decided_once() {
    let scene = Scene::open().await;
    let (deal, dispute) = scene.disputed(CRYPTO).await;
    let mut exchange = scene.exchange();
    let answer = exchange
        .open_dispute(deal.customer.asks(complaint(&deal)))
        .await;
    refused(answer, Code::AlreadyExists, "DISPUTE_ALREADY_OPENED");

    let judge = scene.person("judge", [Role::Moderator]).await;
    let request = judge.asks(verdict(&dispute));
    exchange.resolve_dispute(request).await.unwrap();
    let answer = exchange
        .resolve_dispute(judge.asks(verdict(&dispute)))
        .await;
    refused(answer, Code::FailedPrecondition, "DISPUTE_ALREADY_RESOLVED");

    let missing = scene.market.fresh::<p2p_domain::DisputeId>().to_string();
    let answer = exchange
        .resolve_dispute(judge.asks(verdict(&missing)))
        .await;
    refused(answer, Code::NotFound, "DISPUTE_NOT_FOUND");
}

#[tokio::test]
async fn an_amount_that_another_number_would_mend() {
    let scene = Scene::open().await;
    let deal = scene.deal(CRYPTO).await;
    let listing = scene.listing(&deal.exchanger, CRYPTO).await;
    for (amount, code, reason) in [
        ("0.1234567", Code::InvalidArgument, "TOO_MANY_DECIMALS"),
        ("0", Code::InvalidArgument, "AMOUNT_NOT_POSITIVE"),
        ("99999999999999", Code::InvalidArgument, "AMOUNT_TOO_LARGE"),
        ("1", Code::InvalidArgument, "BELOW_MINIMUM"),
        ("450", Code::InvalidArgument, "ABOVE_MAXIMUM"),
        ("501", Code::FailedPrecondition, "OVER_REMAINING"),
    ] {
        let mut request = offer_on(listing, CRYPTO);
        request.amount = amount.to_owned();
        let request = deal.customer.asks(request);
        let answer = scene.exchange().create_exchange_offer(request).await;
        let info = refused(answer, code, reason);
        assert_eq!(info.metadata["field"], "amount", "{amount}");
    }
}

#[tokio::test]
async fn a_split_names_an_amount_and_nothing_else_does() {
    let scene = Scene::open().await;
    let (_, dispute) = scene.disputed(CRYPTO).await;
    let judge = scene.person("judge", [Role::Moderator]).await;
    for (resolution, payer_amount, reason) in [
        (Resolution::ResolvedSplit, "", "PAYER_AMOUNT_MISMATCH"),
        (Resolution::ResolvedFinished, "1", "PAYER_AMOUNT_MISMATCH"),
        (Resolution::ResolvedSplit, "100", "SPLIT_OUT_OF_RANGE"),
        (Resolution::ResolvedSplit, "0.1234567", "TOO_MANY_DECIMALS"),
    ] {
        let mut request = verdict(&dispute);
        request.resolution = resolution.into();
        request.payer_amount = payer_amount.to_owned();
        let answer = scene.exchange().resolve_dispute(judge.asks(request)).await;
        let found = violations(answer, reason);
        assert_eq!(found, [("payer_amount".to_owned(), reason.to_owned())]);
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(field, code): &(&str, &str)| ((*field).to_owned(), (*code).to_owned());
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn all_that_is_wrong_with_a_request_is_told_at_once() {
    let scene = Scene::open().await;
    let boris = scene.customer("boris").await;
    let mut exchange = scene.exchange();

    let request = boris.asks(CreateExchangeOfferRequest::default());
    let answer = exchange.create_exchange_offer(request).await;
    let expected = ["listing_id", "amount", "exchange_type"].map(|field| (field, "MISSING_FIELD"));
    assert_eq!(violations(answer, "MISSING_FIELD"), pairs(&expected));

    let request = boris.asks(CreateExchangeOfferRequest {
        customer_id: "boris".to_owned(),
        listing_id: boris.id(),
        amount: "1,5".to_owned(),
        exchange_type: 9,
        conditions: "x".repeat(2001),
    });
    let answer = exchange.create_exchange_offer(request).await;
    let expected = [
        ("customer_id", "MALFORMED_ID"),
        ("listing_id", "WRONG_ID_KIND"),
        ("amount", "AMOUNT_MALFORMED"),
        ("exchange_type", "UNKNOWN_VALUE"),
        ("conditions", "INVALID_LENGTH"),
    ];
    assert_eq!(violations(answer, "VALIDATION_FAILED"), pairs(&expected));
}

#[tokio::test]
async fn texts_have_their_lengths_and_choices_are_made() {
    let scene = Scene::open().await;
    let (deal, dispute) = scene.disputed(CRYPTO).await;
    let mut exchange = scene.exchange();
    let long = |field, code| pairs(&[(field, code)]);
    let failed = "VALIDATION_FAILED";

    for reference in [String::new(), "x".repeat(201)] {
        let mut message = paid(&deal);
        message.payment_reference = reference;
        let answer = exchange.confirm_payment(deal.customer.asks(message)).await;
        let expected = long("payment_reference", "INVALID_LENGTH");
        assert_eq!(violations(answer, failed), expected);
    }
    for (reason, code) in [
        (String::new(), "INVALID_LENGTH"),
        ("x".repeat(2001), "INVALID_LENGTH"),
        ("a\0".to_owned(), "INVALID_CHARACTER"),
    ] {
        let mut message = complaint(&deal);
        message.reason.clone_from(&reason);
        let answer = exchange.open_dispute(deal.customer.asks(message)).await;
        assert_eq!(violations(answer, failed), long("reason", code));

        let mut message = cancellation(&deal.offer, Side::Unspecified);
        message.reason = reason;
        let answer = exchange
            .cancel_transaction(deal.customer.asks(message))
            .await;
        assert_eq!(violations(answer, failed), long("reason", code));
    }
    let mut message = verdict(&dispute);
    message.comment = "x".repeat(4001);
    let answer = exchange.resolve_dispute(deal.customer.asks(message)).await;
    assert_eq!(
        violations(answer, failed),
        long("comment", "INVALID_LENGTH")
    );

    let message = respond(&deal, ResponseAction::Unspecified);
    let answer = exchange
        .respond_exchange_offer(deal.exchanger.asks(message))
        .await;
    let missing = "MISSING_FIELD";
    assert_eq!(violations(answer, missing), long("action", missing));
    let mut message = verdict(&dispute);
    message.resolution = 0;
    let answer = exchange.resolve_dispute(deal.customer.asks(message)).await;
    assert_eq!(violations(answer, missing), long("resolution", missing));
}

#[tokio::test]
async fn an_id_that_is_none_has_a_code_of_its_own() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let mut exchange = scene.exchange();
    let listing = scene.listing(&anna, CRYPTO).await.to_string();
    for (id, code) in [
        ("", "MALFORMED_ID"),
        ("offer_1", "MALFORMED_ID"),
        (&listing, "WRONG_ID_KIND"),
    ] {
        let offer_id = id.to_owned();
        let request = anna.asks(GetTransactionStatusRequest { offer_id });
        let answer = exchange.get_transaction_status(request).await;
        assert_eq!(violations(answer, code), pairs(&[("offer_id", code)]));
        let request = anna.asks(verdict(id));
        let answer = exchange.resolve_dispute(request).await;
        assert_eq!(violations(answer, code), pairs(&[("dispute_id", code)]));
        if !id.is_empty() {
            let request = anna.asks(SetExchangerStatusRequest {
                exchanger_id: id.to_owned(),
                online: true,
            });
            let answer = exchange.set_exchanger_status(request).await;
            assert_eq!(violations(answer, code), pairs(&[("exchanger_id", code)]));
        }
    }
    assert_eq!(scene.account(&anna, Asset::Usdt).held().minor(), 0);
}

#[tokio::test]
async fn there_is_no_such_listing() {
    let scene = Scene::open().await;
    let boris: Person = scene.customer("boris").await;
    let request = boris.asks(offer_on(scene.market.fresh(), CRYPTO));
    let answer = scene.exchange().create_exchange_offer(request).await;
    refused(answer, Code::NotFound, "LISTING_NOT_FOUND");
}
