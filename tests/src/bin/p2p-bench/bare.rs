//! Nothing but publishing: what RabbitMQ takes from a program that has the messages at hand.

use anyhow::{Result, ensure};
use futures::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use p2p_tests::brokers::TestBroker;
use tokio::time::Instant;

use crate::cases::relay::BODY;
use crate::figures::{Figures, key};

/// As the server publishes: so many at a time on a channel, on so many channels.
const WINDOW: u64 = 512;
const CHANNELS: u64 = 2;

pub(crate) struct Bare {
    connection: Connection,
    namespace: String,
}

impl Bare {
    /// Everything is declared already.
    pub(crate) async fn connect(rabbit: &TestBroker) -> Result<Self> {
        let connection = Connection::connect(rabbit.url(), ConnectionProperties::default()).await?;
        Ok(Self {
            connection,
            namespace: rabbit.namespace().to_owned(),
        })
    }

    /// Publishes so many events, confirmed.
    pub(crate) async fn publish(&self, messages: u64) -> Result<Figures> {
        let began = Instant::now();
        let sending = (0..CHANNELS).map(|number| self.send(number, messages / CHANNELS));
        for sent in join_all(sending).await {
            sent?;
        }
        let rate = messages as f64 / began.elapsed().as_secs_f64();
        Ok(Figures::default().with(key::THROUGHPUT, rate))
    }

    async fn send(&self, number: u64, messages: u64) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        let mut next = 0;
        while next < messages {
            let window = next..messages.min(next + WINDOW);
            next = window.end;
            let sent = window.map(|one| self.one(&channel, number * messages + one));
            for confirmation in join_all(sent).await {
                ensure!(confirmation?, "a message was not confirmed");
            }
        }
        Ok(())
    }

    async fn one(&self, channel: &Channel, number: u64) -> Result<bool> {
        let mandatory = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let mut headers = FieldTable::default();
        headers.insert("x-version".into(), 2_i64.into());
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(format!("event_{number:026}").into())
            .with_headers(headers);
        let exchange = format!("{}p2p.events", self.namespace).into();
        let key = "ExchangeOfferApproved".into();
        let sent = channel.basic_publish(exchange, key, mandatory, BODY.as_bytes(), properties);
        Ok(sent.await?.await?.is_ack())
    }

    /// Throws away what has arrived.
    pub(crate) async fn purge(&self) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        let queue = format!("{}p2p.notifications", self.namespace).into();
        channel
            .queue_purge(queue, QueuePurgeOptions::default())
            .await?;
        Ok(())
    }
}
