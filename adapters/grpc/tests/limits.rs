//! How often somebody may call.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use std::time::Duration;

use p2p_application::limits::Quotas;
use p2p_application::ports::Quota;
use p2p_domain::{Policy, Role};
use p2p_grpc::proto::p2p::{
    GetTransactionStatusRequest, GetTransactionStatusResponse, SetExchangerStatusRequest,
    SetExchangerStatusResponse,
};
use p2p_grpc::proto::payment::v1::{AuthorizePaymentRequest, PaymentStatus};
use support::{Person, Scene, refused, settings};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

const LIMITED: (Code, &str) = (Code::ResourceExhausted, "RATE_LIMITED");

async fn scene() -> Scene {
    let quota = |burst| Quota::new(1, Duration::from_secs(2), burst);
    let quotas = Quotas {
        read: quota(3),
        write: quota(2),
        pay: quota(3),
        address: quota(1),
        ..Quotas::default()
    };
    Scene::limited(settings(), Policy::default(), quotas).await
}

impl Scene {
    async fn look(
        &self,
        by: Option<&Person>,
    ) -> Result<Response<GetTransactionStatusResponse>, Status> {
        let about = GetTransactionStatusRequest {
            offer_id: "offer_01jt0c7kq5e8tvb1y9m3x4z6wa".to_owned(),
        };
        let request = match by {
            Some(person) => person.asks(about),
            None => Request::new(about),
        };
        self.exchange().get_transaction_status(request).await
    }

    async fn switch(&self, by: &Person) -> Result<Response<SetExchangerStatusResponse>, Status> {
        let online = SetExchangerStatusRequest {
            exchanger_id: by.id(),
            online: true,
        };
        self.exchange().set_exchanger_status(by.asks(online)).await
    }
}

#[tokio::test]
async fn a_user_may_call_so_often_and_is_told_when_again() {
    let scene = scene().await;
    let anna = scene.person("anna", [Role::Exchanger]).await;
    let boris = scene.person("boris", [Role::Exchanger]).await;
    for _ in 0..2 {
        scene.switch(&anna).await.unwrap();
    }
    scene.clock.advance(Duration::from_millis(500));
    let third = scene.switch(&anna).await;
    let retry = third.as_ref().unwrap_err().get_details_retry_info();
    assert_eq!(
        retry.unwrap().retry_delay,
        Some(Duration::from_millis(1_500))
    );
    refused(third, LIMITED.0, LIMITED.1);
    // Reads and other people have their own, from the same address.
    for _ in 0..3 {
        let answer = scene.look(Some(&anna)).await;
        refused(answer, Code::NotFound, "OFFER_NOT_FOUND");
    }
    refused(scene.look(Some(&anna)).await, LIMITED.0, LIMITED.1);
    assert!(scene.switch(&boris).await.is_ok());
    scene.clock.advance(Duration::from_millis(1_500));
    assert!(scene.switch(&anna).await.is_ok());
}

#[tokio::test]
async fn who_shows_no_good_token_is_counted_by_address() {
    let scene = scene().await;
    let anna = scene.customer("anna").await;
    for _ in 0..3 {
        let answer = scene.look(None).await;
        refused(answer, Code::Unauthenticated, "UNAUTHENTICATED");
    }
    let nobody = Person {
        token: "nonsense".to_owned(),
        ..anna.clone()
    };
    refused(scene.look(Some(&nobody)).await, LIMITED.0, LIMITED.1);
    let answer = scene.look(Some(&anna)).await;
    refused(answer, Code::NotFound, "OFFER_NOT_FOUND");
}

#[tokio::test]
async fn payments_have_a_limit_of_their_own_but_not_for_those_who_pay_for_others() {
    let scene = scene().await;
    let anna = scene.exchanger("anna").await;
    let about = |number: usize| AuthorizePaymentRequest {
        idempotency_key: format!("key-{number}"),
        currency: "RUB".to_owned(),
        ..AuthorizePaymentRequest::default()
    };
    let admin = scene.admin();
    for (person, calls) in [(&anna, 3), (&admin, 10)] {
        for number in 0..calls {
            let request = person.asks(about(number));
            let answer = scene.payments().authorize_payment(request).await.unwrap();
            assert_eq!(answer.into_inner().status(), PaymentStatus::Declined);
        }
    }
    // One that was decided before counts as well: it is work all the same.
    for number in [0, 3] {
        let request = anna.asks(about(number));
        let answer = scene.payments().authorize_payment(request).await;
        refused(answer, LIMITED.0, LIMITED.1);
    }
    // Her changes do not: of these she has made one.
    scene.switch(&anna).await.unwrap();
    for _ in 0..3 {
        let answer = scene.payments().authorize_payment(about(0)).await;
        refused(answer, Code::Unauthenticated, "UNAUTHENTICATED");
    }
    let answer = scene.payments().authorize_payment(about(0)).await;
    refused(answer, LIMITED.0, LIMITED.1);
}

#[tokio::test]
async fn health_is_told_to_everybody() {
    let scene = scene().await;
    let mut health = HealthClient::new(scene.channel.clone());
    for _ in 0..10 {
        assert!(health.check(HealthCheckRequest::default()).await.is_ok());
    }
}
