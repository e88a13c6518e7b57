//! The actors: customers with money, and a listing that takes as many offers as they like.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use p2p_domain::{Asset, Role};
use p2p_persistence::{Database, DatabaseSettings};
use p2p_system::SystemClock;
use p2p_tests::served::{Person, Served};
use serde_json::json;

pub(crate) struct Cast {
    pub(crate) customers: Vec<Person>,
    pub(crate) listing: String,
}

/// Made before the server is started, in a database that is migrated if it is not yet.
pub(crate) async fn cast(url: &str) -> Result<Cast> {
    let database = Database::open(&DatabaseSettings {
        url: url.to_owned(),
        max_connections: 8,
        acquire_timeout: Duration::from_secs(30),
    })
    .await?;
    database.migrate().await?;
    let served = Served::start(database, Arc::new(SystemClock)).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    let mut customers = Vec::new();
    for number in 0..20 {
        let customer = served
            .person(&format!("Carol{number}"), &[Role::Customer])
            .await?;
        served.deposit(&customer, "1000000", Asset::Usdt).await?;
        customers.push(customer);
    }
    let body = json!({
        "exchange_type": "CRYPTO2FIAT",
        "crypto_asset": "USDT",
        "fiat_currency": "EUR",
        "price": 1,
        "total_amount": 1_000_000_000,
        "min_amount": "0.01",
        "max_amount": 1_000_000,
        "payment_methods": ["SEPA"]
    });
    let published = served
        .post(&exchanger, "/api/p2p/listings", body)
        .await?
        .expect(201);
    let listing = published["listing_id"]
        .as_str()
        .context("no listing")?
        .to_owned();
    served.database.clone().close().await?;
    Ok(Cast { customers, listing })
}
