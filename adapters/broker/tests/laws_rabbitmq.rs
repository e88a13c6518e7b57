//! The laws of the broker port, on a RabbitMQ server.

#![allow(
    clippy::unwrap_used,
    reason = "what does not come has to stop the test"
)]

mod laws;
mod support;

use std::sync::Arc;

use p2p_application::ports::Broker;
use support::brokers::TestBroker;

impl laws::Fixture for TestBroker {
    fn open(&self) -> Arc<dyn Broker> {
        Arc::new(Self::open(self).unwrap())
    }
}

laws!(async { TestBroker::rabbitmq().await.unwrap() });
