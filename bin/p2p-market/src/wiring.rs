//! From a configuration to a market with real adapters.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use p2p_application::limits::Limits;
use p2p_application::mail::MailQueue;
use p2p_application::ports::{Broker, RateLimiter};
use p2p_application::{Market, MarketPorts};
use p2p_broker::{InProcess, RabbitMq};
use p2p_persistence::Database;
use p2p_redis::RedisLimits;
use p2p_system::{
    Argon2Passwords, InProcessLimits, JwtSettings, JwtTokens, SealSettings, SystemClock, TokenKey,
    TotpSecondFactors, UuidIds,
};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::secret;

/// Opens the configured database as it is.
pub(crate) async fn database(config: &Config) -> Result<Database> {
    Database::open(&config.database())
        .await
        .context("the database can't be opened")
}

/// The keys that sign tokens and seal second factors.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) jwt: JwtSettings,
    pub(crate) seal: SealSettings,
}

impl Keys {
    /// Those of the configuration.
    pub(crate) fn configured(config: &Config) -> Result<Self> {
        Ok(Self {
            jwt: config.jwt()?,
            seal: config.seal(),
        })
    }

    /// For a market that issues no tokens and seals nothing: any secret will do.
    pub(crate) fn throwaway() -> Result<Self> {
        let secret = secret::fresh_key()?;
        let key = TokenKey {
            id: "throwaway".to_owned(),
            secret: secret.clone(),
        };
        Ok(Self {
            jwt: JwtSettings {
                key,
                old_keys: Vec::new(),
                lifetime: Duration::ZERO,
            },
            seal: SealSettings {
                secret,
                old_secrets: Vec::new(),
            },
        })
    }
}

/// A market over this database. The handle ends when all that was accepted is answered.
pub(crate) fn market(
    config: &Config,
    database: &Database,
    keys: &Keys,
    mail: MailQueue,
) -> Result<(Market, JoinHandle<()>)> {
    let passwords = Argon2Passwords::new(config.password_cost())?;
    let passwords = match config.breached_passwords()? {
        Some(list) => passwords.with_breached(list),
        None => passwords,
    };
    let second_factors = TotpSecondFactors::new(&keys.seal).context("auth.seal_secret")?;
    let ports = MarketPorts {
        store: Arc::new(database.clone()),
        queries: Arc::new(database.clone()),
        maintenance: Arc::new(database.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidIds),
        passwords: Arc::new(passwords),
        tokens: Arc::new(JwtTokens::new(&keys.jwt).context("[auth]")?),
        second_factors: Arc::new(second_factors),
        mail,
    };
    Ok(Market::open(ports, config.policy(), config.pipeline()))
}

/// The configured limits, counted at Redis where there is one, so that they hold over all replicas.
pub(crate) fn limits(config: &Config) -> Result<Limits> {
    let mut limiter: Arc<dyn RateLimiter> = Arc::new(InProcessLimits::new(Arc::new(SystemClock)));
    let url = &config.redis.url;
    if !url.is_empty() {
        limiter = Arc::new(RedisLimits::new(url, limiter).context("redis.url")?);
    }
    Ok(Limits::new(limiter, config.quotas()))
}

/// The mail queue. The handle ends when all its senders are gone and all mail is sent; `None`: there is no mail.
pub(crate) fn mail_queue(config: &Config) -> Result<(MailQueue, Option<JoinHandle<()>>)> {
    let Some(mailer) = config.mailer()? else {
        return Ok((MailQueue::closed(), None));
    };
    let (office, sending) = MailQueue::open(mailer, Arc::new(SystemClock), &config.mail.links);
    Ok((office, Some(sending)))
}

/// The configured broker; nothing is asked of it yet, so it may be away.
pub(crate) fn broker(config: &Config, database: &Database) -> Result<Arc<dyn Broker>> {
    let config = &config.broker;
    if config.url.is_empty() {
        let dead_letters = Arc::new(database.clone());
        return Ok(Arc::new(InProcess::new(
            dead_letters,
            Arc::new(SystemClock),
        )));
    }
    let broker = RabbitMq::new(&config.url, &config.namespace).context("broker.url")?;
    Ok(Arc::new(broker))
}
