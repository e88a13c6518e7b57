//! What clients and operators rely on beside the methods: health, reflection, limits, TLS, the end.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use std::time::{Duration, Instant};

use futures::StreamExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use p2p_application::ports::StorageError;
use p2p_domain::{ExchangeType, Policy};
use p2p_grpc::proto::p2p::p2p_exchange_service_client::P2pExchangeServiceClient;
use p2p_grpc::proto::p2p::{
    CreateExchangeOfferRequest, GetTransactionStatusRequest, ResponseAction,
    SetExchangerStatusRequest,
};
use p2p_grpc::{GrpcServer, GrpcSettings, Identity, ServeError};
use p2p_memory::Point;
use support::{Scene, refused, respond, settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};
use tonic::{Code, Request, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

const CRYPTO: ExchangeType = ExchangeType::CryptoToFiat;

const SERVICES: [&str; 3] = ["", "p2p.P2PExchangeService", "payment.v1.PaymentService"];

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

impl Scene {
    fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }

    async fn watch(&self, service: &str) -> Streaming<HealthCheckResponse> {
        let answer = self.health().watch(about(service)).await;
        answer.unwrap().into_inner()
    }

    async fn check(&self, service: &str) -> ServingStatus {
        let answer = self.health().check(about(service)).await;
        answer.unwrap().into_inner().status()
    }
}

async fn next(watched: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    let told = tokio::time::timeout(Duration::from_secs(5), watched.next());
    told.await.unwrap().unwrap().unwrap().status()
}

fn away() -> StorageError {
    let source = "the secret host name of the database".into();
    StorageError::Unavailable { source }
}

#[tokio::test]
async fn health_follows_storage() {
    let scene = Scene::open().await;
    let mut watched = Vec::new();
    for service in SERVICES {
        assert_eq!(scene.check(service).await, ServingStatus::Serving);
        let mut stream = scene.watch(service).await;
        assert_eq!(next(&mut stream).await, ServingStatus::Serving);
        watched.push(stream);
    }
    for _ in 0..10_000 {
        scene.memory.faults().fail(Point::Query, away());
    }
    for stream in &mut watched {
        assert_eq!(next(stream).await, ServingStatus::NotServing);
    }
    for service in SERVICES {
        assert_eq!(scene.check(service).await, ServingStatus::NotServing);
    }
    scene.memory.faults().clear();
    for stream in &mut watched {
        assert_eq!(next(stream).await, ServingStatus::Serving);
    }
    let answer = scene.health().check(about("no.Such")).await;
    assert_eq!(answer.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_look_that_panics_does_not_end_the_server() {
    let scene = Scene::open().await;
    let mut watched = scene.watch("").await;
    assert_eq!(next(&mut watched).await, ServingStatus::Serving);
    for _ in 0..10_000 {
        scene.memory.faults().panic(Point::Query);
    }
    assert_eq!(next(&mut watched).await, ServingStatus::NotServing);
    scene.memory.faults().clear();
    assert_eq!(next(&mut watched).await, ServingStatus::Serving);
    assert!(!scene.served.is_finished());
}

#[tokio::test]
async fn a_server_that_stops_says_so_first_and_answers_running_calls() {
    let scene = Scene::open().await;
    let deal = scene.deal(CRYPTO).await;
    let mut watched = scene.watch("").await;
    assert_eq!(next(&mut watched).await, ServingStatus::Serving);

    let gate = scene.memory.faults().hold(Point::Commit);
    let commands = || scene.market.pipeline().stats().commands;
    let before = commands();
    let request = deal.exchanger.asks(respond(&deal, ResponseAction::Accept));
    let mut exchange = scene.exchange();
    let running = tokio::spawn(async move { exchange.respond_exchange_offer(request).await });
    while commands() == before {
        tokio::task::yield_now().await;
    }

    scene.stop.cancel();
    assert_eq!(next(&mut watched).await, ServingStatus::NotServing);
    let end = watched.next().await.unwrap().unwrap_err();
    refused::<()>(Err(end), Code::Unavailable, "UNAVAILABLE");
    drop(gate);
    let answer = running.await.unwrap();
    assert_eq!(
        answer.unwrap().into_inner().message,
        "Exchange offer accepted"
    );
    scene.served.await.unwrap().unwrap();
    assert!(TcpListener::bind(scene.address).await.is_ok());
}

#[tokio::test]
async fn a_server_does_not_wait_for_ever() {
    let patience = Duration::from_millis(50);
    let hurry = GrpcSettings {
        shutdown_timeout: patience,
        ..settings()
    };
    let scene = Scene::under(hurry, Policy::default()).await;
    let deal = scene.deal(CRYPTO).await;
    let _gate = scene.memory.faults().hold(Point::Commit);
    let commands = || scene.market.pipeline().stats().commands;
    let before = commands();
    let request = deal.exchanger.asks(respond(&deal, ResponseAction::Accept));
    let mut exchange = scene.exchange();
    let running = tokio::spawn(async move { exchange.respond_exchange_offer(request).await });
    while commands() == before {
        tokio::task::yield_now().await;
    }

    let told = Instant::now();
    scene.stop.cancel();
    let served = tokio::time::timeout(Duration::from_secs(5), scene.served).await;
    served.unwrap().unwrap().unwrap();
    assert!(told.elapsed() >= patience);
    // The server would still wait for this one, had it not lost patience.
    assert!(!running.is_finished());
    running.abort();
}

#[tokio::test]
async fn services_are_reflected_in_both_versions() {
    let scene = Scene::open().await;
    macro_rules! listed {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let ask = |request| ServerReflectionRequest {
                host: String::new(),
                message_request: Some(request),
            };
            let symbol = "payment.v1.PaymentService.GetPayment".to_owned();
            let requests = futures::stream::iter([
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol(symbol)),
            ]);
            let mut client = ServerReflectionClient::new(scene.channel.clone());
            let answers = client.server_reflection_info(requests).await.unwrap();
            let answers: Vec<_> = answers.into_inner().collect().await;
            let mut answers = answers.into_iter().map(|one| one.unwrap().message_response);
            let Some(Some(MessageResponse::ListServicesResponse(list))) = answers.next() else {
                panic!("no list");
            };
            let Some(Some(MessageResponse::FileDescriptorResponse(files))) = answers.next() else {
                panic!("no file");
            };
            assert_eq!(files.file_descriptor_proto.len(), 1);
            let mut names: Vec<_> = list.service.into_iter().map(|one| one.name).collect();
            names.sort();
            names
        }};
    }
    let with = |reflection: &str| {
        let names = [
            "grpc.health.v1.Health",
            reflection,
            SERVICES[1],
            SERVICES[2],
        ];
        names.map(ToOwned::to_owned)
    };
    assert_eq!(listed!(v1), with("grpc.reflection.v1.ServerReflection"));
    assert_eq!(
        listed!(v1alpha),
        with("grpc.reflection.v1alpha.ServerReflection")
    );
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_taken() {
    let scene = Scene::open().await;
    let boris = scene.customer("boris").await;
    let request = boris.asks(CreateExchangeOfferRequest {
        conditions: "x".repeat(65 * 1024),
        ..CreateExchangeOfferRequest::default()
    });
    let answer = scene.exchange().create_exchange_offer(request).await;
    refused(answer, Code::ResourceExhausted, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn what_is_not_in_the_contract_has_a_code() {
    let scene = Scene::open().await;
    // A method that there is, in a service that there is not.
    let mut odd = tonic::client::Grpc::new(scene.channel.clone());
    odd.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let path = "/p2p.Other/ConfirmPayment".parse().unwrap();
    let answer = odd.unary(Request::new(about("")), path, codec).await;
    refused(answer, Code::Unimplemented, "METHOD_NOT_FOUND");
    // Another message: field 1 is a text there and a number here.
    odd.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<HealthCheckResponse, HealthCheckResponse>::default();
    let path = "/payment.v1.PaymentService/GetPayment".parse().unwrap();
    let message = HealthCheckResponse { status: 1 };
    let answer = odd.unary(Request::new(message), path, codec).await;
    refused(answer, Code::InvalidArgument, "MALFORMED_MESSAGE");
}

#[tokio::test]
async fn the_deadline_of_a_client_is_kept_and_the_command_is_carried_out() {
    let scene = Scene::open().await;
    let deal = scene.deal(CRYPTO).await;
    // A client that leaves the deadline to the server.
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build::<_, tonic::body::Body>(connector);
    let origin = format!("http://{}", scene.address).parse().unwrap();
    let mut exchange = P2pExchangeServiceClient::with_origin(client, origin);

    let before = scene.market.pipeline().stats().commands;
    let gate = scene.memory.faults().hold(Point::Commit);
    let mut request = deal.exchanger.asks(respond(&deal, ResponseAction::Accept));
    request.set_timeout(Duration::from_millis(300));
    let answer = exchange.respond_exchange_offer(request).await;
    refused(answer, Code::DeadlineExceeded, "TIMEOUT");
    assert_eq!(scene.market.pipeline().stats().commands, before + 1);
    drop(gate);
    let mut tally = scene.memory.tally();
    let accepted = || {
        let tables = scene.memory.tables();
        tables
            .offers
            .values()
            .all(|offer| offer.status() == p2p_domain::Status::Approved)
    };
    while !accepted() {
        tally.changed().await.unwrap();
    }
}

#[tokio::test]
async fn a_call_does_not_take_for_ever() {
    let brisk = GrpcSettings {
        call_timeout: Duration::from_millis(30),
        ..settings()
    };
    let scene = Scene::under(brisk, Policy::default()).await;
    let deal = scene.deal(CRYPTO).await;
    let _gate = scene.memory.faults().hold(Point::Query);
    let offer_id = deal.offer.clone();
    let request = deal.customer.asks(GetTransactionStatusRequest { offer_id });
    let answer = scene.exchange().get_transaction_status(request).await;
    refused(answer, Code::DeadlineExceeded, "TIMEOUT");
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_connection_lives() {
    let calm = GrpcSettings::default();
    let scene = Scene::under(calm, Policy::default()).await;
    let deal = scene.deal(CRYPTO).await;
    let ask = || {
        let offer_id = deal.offer.clone();
        deal.customer.asks(GetTransactionStatusRequest { offer_id })
    };
    let mut exchange = scene.exchange();
    scene.memory.faults().panic(Point::Query);
    let status = exchange.get_transaction_status(ask()).await.unwrap_err();
    assert!(!status.message().contains("panic"), "{status:?}");
    refused::<()>(Err(status), Code::Internal, "INTERNAL");
    assert!(exchange.get_transaction_status(ask()).await.is_ok());
}

#[tokio::test]
async fn what_goes_wrong_inside_is_never_shown() {
    let calm = GrpcSettings::default();
    let scene = Scene::under(calm, Policy::default()).await;
    let deal = scene.deal(CRYPTO).await;
    scene.memory.faults().fail(Point::Query, away());
    let offer_id = deal.offer.clone();
    let request = deal.customer.asks(GetTransactionStatusRequest { offer_id });
    let status = scene.exchange().get_transaction_status(request).await;
    let status = status.unwrap_err();
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
    let retry = tonic_types::StatusExt::get_details_retry_info(&status);
    assert_eq!(retry.unwrap().retry_delay, Some(Duration::from_secs(5)));
    refused::<()>(Err(status), Code::Unavailable, "UNAVAILABLE");
}

#[tokio::test]
async fn a_call_has_a_name_and_is_counted() {
    let scene = Scene::open().await;
    let anna = scene.exchanger("anna").await;
    let mut exchange = scene.exchange();
    let mut request = anna.asks(SetExchangerStatusRequest::default());
    let id = "Order-7_b".parse().unwrap();
    request.metadata_mut().insert("x-request-id", id);
    let answer = exchange.set_exchanger_status(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "Order-7_b");
    let request = Request::new(SetExchangerStatusRequest::default());
    let status = exchange.set_exchanger_status(request).await.unwrap_err();
    let fresh = status.metadata().get("x-request-id").unwrap();
    assert_eq!(fresh.to_str().unwrap().len(), 32);

    let counted: Vec<_> = scene
        .stats
        .snapshot()
        .into_iter()
        .map(|count| (count.method, count.code, count.calls))
        .collect();
    let method = "/p2p.P2PExchangeService/SetExchangerStatus";
    assert_eq!(counted, [(method, "OK", 2), (method, "UNAUTHENTICATED", 1)]);
}

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_nothing_else() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let scene = Scene::open().await;
    let secure = GrpcSettings {
        tls: Some(Identity {
            certificate: certificate.clone().into_bytes(),
            key: made.signing_key.serialize_pem().into_bytes(),
        }),
        ..settings()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = GrpcServer::new(scene.market.clone(), secure).unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.serve(listener, stop.clone()));

    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(certificate))
        .domain_name("localhost");
    let endpoint = Channel::from_shared(format!("https://127.0.0.1:{port}")).unwrap();
    let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
    let answer = HealthClient::new(channel).check(about("")).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);

    let plain = Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    let answer = HealthClient::new(plain.connect_lazy())
        .check(about(""))
        .await;
    assert!(answer.is_err());
    stop.cancel();
    served.await.unwrap().unwrap();

    let broken = GrpcSettings {
        tls: Some(Identity {
            certificate: b"no certificate".to_vec(),
            key: b"no key".to_vec(),
        }),
        ..settings()
    };
    let server = GrpcServer::new(scene.market.clone(), broken);
    assert!(matches!(server, Err(ServeError::Tls(_))));
}
