//! The password is nowhere to be read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what does not come has to stop the test"
)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use p2p_application::ports::{Broker, BrokerError, Queue};
use support::brokers::TestBroker;
use support::{message, next_done, soon};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logged {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Everything that an error says, with its causes.
fn everything(error: &BrokerError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

/// At this level; the driver's traces show its messages, those of the log-in too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_errors_nor_logs_show_the_password() {
    let logged = Logged::default();
    let writer = logged.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let (scheme, rest) = fixture.url().split_once("://").unwrap();
    let (_, server) = rest.split_once('@').unwrap();

    let wrong = format!("{scheme}://guest:s3cret@{server}");
    let error = soon(fixture.open_by(&wrong).unwrap().publish(&[message(0)])).await;
    let error = error.unwrap_err();
    assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
    assert!(!everything(&error).contains("s3cret"), "{error:?}");

    let unreachable = fixture.open_by("amqp://guest:s3cret@127.0.0.1:1/").unwrap();
    let error = soon(unreachable.publish(&[message(0)])).await.unwrap_err();
    assert!(!everything(&error).contains("s3cret"), "{error:?}");

    let broker = fixture.open().unwrap();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    soon(broker.publish(&[message(0)])).await.unwrap();
    next_done(&mut deliveries).await;

    let text = logged.text();
    assert!(text.contains("connected to RabbitMQ"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!text.contains(fixture.url()), "{text}");
}
