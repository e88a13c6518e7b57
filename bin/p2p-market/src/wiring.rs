//! From a configuration to a market with real adapters.

use std::sync::Arc;

use anyhow::{Context, Result};
use application::limits::Limits;
use application::ports::Broker;
use application::{Market, MarketPorts};
use broker::{InProcess, RabbitMq};
use persistence::Database;
use system::{Argon2Passwords, InProcessLimits, JwtSettings, JwtTokens, SystemClock, UuidIds};
use tokio::task::JoinHandle;

use crate::config::Config;

/// Opens the configured database as it is.
pub(crate) async fn database(config: &Config) -> Result<Database> {
    Database::open(&config.database())
        .await
        .context("the database can't be opened")
}

/// A market over this database. The handle ends when all that was accepted is answered.
pub(crate) fn market(
    config: &Config,
    database: &Database,
    jwt: &JwtSettings,
) -> Result<(Market, JoinHandle<()>)> {
    let ports = MarketPorts {
        store: Arc::new(database.clone()),
        queries: Arc::new(database.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidIds),
        passwords: Arc::new(Argon2Passwords::new(config.password_cost())?),
        tokens: Arc::new(JwtTokens::new(jwt)?),
    };
    Ok(Market::open(ports, config.policy(), config.pipeline()))
}

/// The configured limits, counted in this process.
pub(crate) fn limits(config: &Config) -> Limits {
    let limiter = InProcessLimits::new(Arc::new(SystemClock));
    Limits::new(Arc::new(limiter), config.quotas())
}

/// The configured broker; nothing is asked of it yet, so it may be away.
pub(crate) fn broker(config: &Config, database: &Database) -> Result<Arc<dyn Broker>> {
    let config = &config.broker;
    if config.url.is_empty() {
        let graves = Arc::new(database.clone());
        return Ok(Arc::new(InProcess::new(graves, Arc::new(SystemClock))));
    }
    let broker = RabbitMq::new(&config.url, &config.namespace).context("broker.url")?;
    Ok(Arc::new(broker))
}
