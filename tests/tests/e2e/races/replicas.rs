//! Two instances of the market, and what the races do with them.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use p2p_application::PipelineSettings;
use p2p_domain::Timestamp;
use p2p_memory::ManualClock;
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::{Person, Served};
use serde_json::{Value, json};

const START: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

pub(crate) struct Replicas {
    database: TestDatabase,
    pub(crate) clock: ManualClock,
    pair: [Arc<Served>; 2],
}

impl Replicas {
    pub(crate) async fn start() -> Result<Self> {
        let database = TestDatabase::postgres().await?;
        let clock = ManualClock::at(START);
        let one = replica(&database, &clock).await?;
        let two = replica(&database, &clock).await?;
        Ok(Self {
            database,
            clock,
            pair: [Arc::new(one), Arc::new(two)],
        })
    }

    pub(crate) fn first(&self) -> &Served {
        &self.pair[0]
    }

    /// Turn by turn one and the other.
    pub(crate) fn any(&self, turn: usize) -> Arc<Served> {
        Arc::clone(&self.pair[turn % 2])
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.first().audit().await?;
        drop(self.pair);
        self.database.drop_now().await
    }
}

/// An instance as it is run on PostgreSQL.
async fn replica(database: &TestDatabase, clock: &ManualClock) -> Result<Served> {
    let settings = PipelineSettings {
        lanes: 2,
        ..PipelineSettings::default()
    };
    let (database, clock) = (database.open().await?, Arc::new(clock.clone()));
    Served::start_with(database, clock, p2p_tests::harness::unlimited(), settings).await
}

pub(crate) async fn publish(
    served: &Served,
    exchanger: &Person,
    kind: &str,
    total: u32,
) -> Result<String> {
    let body = json!({
        "exchange_type": kind,
        "crypto_asset": "USDT",
        "fiat_currency": "EUR",
        "price": "1",
        "total_amount": total,
        "min_amount": "0.01",
        "max_amount": total,
        "payment_methods": ["SEPA"]
    });
    let listing = served
        .post(exchanger, "/api/p2p/listings", body)
        .await?
        .expect(201);
    Ok(text(&listing["listing_id"]))
}

pub(crate) fn offer_body(listing: &str, kind: &str, amount: u32) -> Value {
    json!({"listing_id": listing, "amount": amount, "exchange_type": kind})
}

pub(crate) async fn create(served: &Served, customer: &Person, body: Value) -> Result<String> {
    let answer = served
        .post(customer, "/api/p2p/exchange-offers", body)
        .await?
        .expect(201);
    Ok(text(&answer["offer_id"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// How often each answer (status and code) came.
#[derive(Debug, Default)]
pub(crate) struct QuotaKind(pub(crate) HashMap<String, usize>);

impl QuotaKind {
    pub(crate) fn count(&mut self, answer: String) {
        *self.0.entry(answer).or_default() += 1;
    }

    pub(crate) fn of(&self, answer: &str) -> usize {
        self.0.get(answer).copied().unwrap_or(0)
    }
}
