//! What one client may take from the others: connections, streams, time.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use p2p_domain::Policy;
use p2p_grpc::GrpcSettings;
use support::{Scene, refused, settings};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Longer than anything here takes, and shorter than the limits that are not meant.
const SOON: Duration = Duration::from_secs(5);

impl Scene {
    /// Somebody who connects and says nothing. The server has begun to talk to them.
    async fn silent(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let greeted = timeout(SOON, stream.read_u8()).await;
        greeted.unwrap().unwrap();
        stream
    }

    fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }

    async fn watch(&self) -> Result<Streaming<HealthCheckResponse>, Status> {
        let answer = self.health().watch(HealthCheckRequest::default()).await;
        answer.map(tonic::Response::into_inner)
    }
}

#[tokio::test]
async fn a_client_that_does_not_begin_is_cut_off() {
    let brisk = GrpcSettings {
        handshake_timeout: Duration::from_millis(50),
        ..settings()
    };
    let scene = Scene::under(brisk, Policy::default()).await;
    let mut silent = scene.silent().await;
    // One that has begun stays.
    let mut watched = scene.watch().await.unwrap();
    assert!(watched.next().await.unwrap().is_ok());
    let mut rest = Vec::new();
    let _ = timeout(SOON, silent.read_to_end(&mut rest)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(watched.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_client_that_does_not_begin_does_not_hold_up_the_end() {
    let scene = Scene::open().await;
    let _silent = scene.silent().await;
    scene.stop.cancel();
    let served = timeout(SOON, scene.served).await;
    served.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_ends_makes_room_for_another() {
    let narrow = GrpcSettings {
        max_connections: 1,
        ..settings()
    };
    let scene = Scene::under(narrow, Policy::default()).await;
    let silent = scene.silent().await;
    let mut health = scene.health();
    let check = health.check(HealthCheckRequest::default());
    let mut check = std::pin::pin!(check);
    assert!(
        timeout(Duration::from_millis(100), &mut check)
            .await
            .is_err()
    );
    drop(silent);
    timeout(SOON, check).await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_are_limited_and_calls_go_on() {
    let narrow = GrpcSettings {
        max_open_streams: 1,
        ..settings()
    };
    let scene = Scene::under(narrow, Policy::default()).await;
    let watched = scene.watch().await.unwrap();
    for _ in 0..2 {
        let second = scene.watch().await.map(tonic::Response::new);
        refused(second, Code::ResourceExhausted, "NO_STREAM_LEFT");
    }
    let check = scene.health().check(HealthCheckRequest::default()).await;
    assert!(check.is_ok());
    drop(watched);
    let again = async {
        while scene.watch().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, again).await.unwrap();
}
