//! Every setting with its default and its bounds. `deploy/p2p-market.example.toml` lists them all.
//!
//! A setting comes from the first of: the environment (`P2P_HTTP__BIND` is `bind` of `[http]`; `P2P_MODE` is `mode`;
//! `DATABASE_URL` is `url` of `[database]`, `AMQP_URL` that of `[broker]`, `REDIS_URL` that of `[redis]`), the configuration
//! file, the default. Secrets may be in files of their own. An environment variable that matches a setting except for its underscores is refused.

mod access;
mod audit_snapshot;
mod check;
mod mail;
mod production;
mod secrets;
mod sections;
mod unknown_env;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use p2p_application::consumer::ConsumerSettings;
use p2p_application::limits::Quotas;
use p2p_application::ports::Quota;
use p2p_application::{PipelineSettings, RelaySettings};
use p2p_domain::Policy;
use p2p_domain::policy;
use p2p_edge::{ServerSettings, TrustedProxies};
use p2p_grpc::{GrpcSettings, Identity};
use p2p_http::{
    CallbackSettings, CorsOrigins, GatewaySettings, HttpSettings, Secret, StreamSettings,
};
use p2p_persistence::DatabaseSettings;
use p2p_system::TokenKey;
use serde::{Deserialize, Serialize};

use access::{Auth, Gateway, Mode, Passwords};
use mail::Mail;
pub(crate) use mail::MailKind;
use sections::{
    Broker, Callbacks, Consumers, Database, Grpc, Http, Limits, Market, Pipeline, Redis, Relay,
    Streams, Sweeper,
};
pub(crate) use sections::{Log, LogFormat};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    pub(crate) http: Http,
    pub(crate) limits: Limits,
    pub(crate) grpc: Grpc,
    pub(crate) database: Database,
    pub(crate) auth: Auth,
    pub(crate) passwords: Passwords,
    pub(crate) mail: Mail,
    pub(crate) gateway: Gateway,
    pub(crate) pipeline: Pipeline,
    pub(crate) market: Market,
    pub(crate) sweeper: Sweeper,
    pub(crate) broker: Broker,
    pub(crate) redis: Redis,
    pub(crate) relay: Relay,
    pub(crate) consumers: Consumers,
    pub(crate) streams: Streams,
    pub(crate) callbacks: Callbacks,
    pub(crate) log: Log,
}

impl Config {
    /// Reads the configuration and checks every setting but the token secret, which only a server needs.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            ensure!(
                file.is_file(),
                "the configuration file {} does not exist",
                file.display()
            );
            figment = figment.merge(Toml::file_exact(file));
        }
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        unknown_env::check(names)?;
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let secrets = secrets::from_environment(environment);
        let figment = figment
            .merge(Env::raw().only(&["P2P_MODE"]).map(|_| "mode".into()))
            // Only variables that name a section and a setting: other programs may use the prefix too.
            .merge(
                Env::prefixed("P2P_")
                    .filter(|key| {
                        let setting = key.as_str().to_ascii_lowercase().replace("__", ".");
                        setting.contains('.') && !secrets::is_secret(&setting)
                    })
                    .split("__"),
            );
        Self::from_settings(secrets.fold(figment, |figment, (setting, value)| {
            figment.merge(Serialized::default(&setting, value))
        }))
    }

    fn from_settings(figment: Figment) -> Result<Self> {
        let config: Result<Self, _> = figment.extract();
        let mut config = config.map_err(|error| describe(&error))?;
        config.fetch_secrets()?;
        config.check()?;
        Ok(config)
    }

    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.database.url.clone(),
            max_connections: self.database.max_connections,
            acquire_timeout: Duration::from_secs(self.database.acquire_timeout_seconds),
        }
    }

    pub(crate) fn http(&self) -> Result<HttpSettings> {
        let secrets = self.callbacks.secrets.iter();
        let secrets =
            secrets.map(|(provider, secret)| (provider.clone(), Secret::new(secret.clone())));
        Ok(HttpSettings {
            request_timeout: Duration::from_secs(self.http.request_timeout_seconds),
            body_timeout: Duration::from_secs(self.http.body_timeout_seconds),
            hsts_seconds: match self.http.hsts_seconds {
                0 if self.is_production() => YEAR.as_secs(),
                seconds => seconds,
            },
            cors: CorsOrigins::parse(&self.http.cors_origins).context("http.cors_origins")?,
            trusted_proxies: self.trusted_proxies()?,
            streams: StreamSettings {
                per_user: self.streams.per_user,
                most: self.streams.most,
                patience: Duration::from_secs(self.streams.patience_seconds),
            },
            callbacks: CallbackSettings {
                secrets: secrets.collect(),
                tolerance: Duration::from_secs(self.callbacks.tolerance_seconds),
            },
            gateway: self.gateway.enabled.then(|| GatewaySettings {
                addresses: self.gateway.addresses.clone(),
            }),
        })
    }

    fn trusted_proxies(&self) -> Result<TrustedProxies> {
        TrustedProxies::parse(&self.http.trusted_proxies).context("http.trusted_proxies")
    }

    /// How connections over HTTP are treated.
    pub(crate) fn server(&self) -> Result<ServerSettings> {
        Ok(ServerSettings {
            max_connections: self.http.max_connections,
            max_connections_per_address: self.http.max_connections_per_address,
            trusted_proxies: self.trusted_proxies()?,
            header_timeout: Duration::from_secs(self.http.header_timeout_seconds),
            idle_timeout: Duration::from_secs(self.http.idle_timeout_seconds),
            write_timeout: Duration::from_secs(self.streams.patience_seconds),
        })
    }

    /// The rate limits.
    pub(crate) fn quotas(&self) -> Quotas {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let limits = &self.limits;
        Quotas {
            read: Quota::new(limits.read_per_second, SECOND, limits.read_burst),
            write: Quota::new(limits.write_per_second, SECOND, limits.write_burst),
            pay: Quota::new(limits.pay_per_minute, MINUTE, limits.pay_burst),
            stream: Quota::new(limits.stream_per_minute, MINUTE, limits.stream_burst),
            login: Quota::new(limits.login_per_minute, MINUTE, limits.login_burst),
            callback: Quota::new(limits.callback_per_second, SECOND, limits.callback_burst),
            address: Quota::new(limits.address_per_second, SECOND, limits.address_burst),
        }
    }

    /// Reads the certificate and its key, if there are any.
    pub(crate) fn grpc(&self) -> Result<GrpcSettings> {
        let file = |name: &str, path: &str| {
            std::fs::read(path).with_context(|| format!("{name}: {path} can't be read"))
        };
        let Grpc {
            tls_certificate,
            tls_key,
            ..
        } = &self.grpc;
        let tls = if tls_certificate.is_empty() {
            None
        } else {
            Some(Identity {
                certificate: file("grpc.tls_certificate", tls_certificate)?,
                key: file("grpc.tls_key", tls_key)?,
            })
        };
        Ok(GrpcSettings {
            call_timeout: Duration::from_secs(self.http.request_timeout_seconds),
            shutdown_timeout: Duration::from_secs(self.http.shutdown_seconds) / 2,
            tls,
            ..GrpcSettings::default()
        })
    }

    pub(crate) fn policy(&self) -> Policy {
        let minutes = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        Policy {
            response_window: minutes(self.market.response_minutes),
            receipt_window: minutes(self.market.receipt_minutes),
            default_payment_window: minutes(self.market.default_payment_minutes),
            unanswered_limit: self.market.unanswered_limit,
            fee_basis_points: self.market.fee_basis_points,
            finished_stays_active: minutes(self.market.finished_stays_active_minutes),
            payments_per_minute: self.market.payments_per_minute,
            payments_at_once: self.market.payments_at_once,
            faucet: self.market.faucet,
            limits: policy::Limits {
                open_offers: self.market.open_offers_limit,
                cancels_per_day: self.market.cancels_per_day,
                cancel_pause: minutes(self.market.cancel_pause_hours.saturating_mul(60)),
                listings: self.market.listings_limit,
                open_withdrawals: self.market.open_withdrawals_limit,
            },
            access: self.access_rules(),
        }
    }

    pub(crate) fn pipeline(&self) -> PipelineSettings {
        PipelineSettings {
            queue: self.pipeline.queue,
            batch: self.pipeline.batch,
            // SQLite has one writer, so a second lane would only wait. A lane without a connection of its own would, too.
            lanes: if self.database.url.starts_with("sqlite:") {
                1
            } else {
                let connections = usize::try_from(self.database.max_connections / 8);
                self.pipeline
                    .lanes
                    .min(connections.unwrap_or(usize::MAX).max(1))
            },
        }
    }

    pub(crate) fn relay(&self) -> RelaySettings {
        RelaySettings {
            window: self.relay.window,
            workers: self.relay.workers,
            poll: Duration::from_millis(self.relay.poll_milliseconds),
        }
    }

    pub(crate) fn consumers(&self) -> ConsumerSettings {
        ConsumerSettings {
            window: self.consumers.window,
            attempts: self.consumers.attempts,
            ..ConsumerSettings::default()
        }
    }
}

/// Describes the errors without the lines that a parser quotes, and without the values of secrets.
fn describe(error: &figment::Error) -> anyhow::Error {
    let faults: Vec<String> = error
        .clone()
        .into_iter()
        .map(|fault| {
            let setting = fault.path.join(".");
            if secrets::is_secret(&setting) {
                return format!("{setting} must be a text");
            }
            let fault = fault.to_string();
            fault.lines().next().unwrap_or_default().to_owned()
        })
        .collect();
    anyhow::anyhow!("the configuration can't be used: {}", faults.join("; "))
}

#[cfg(test)]
mod tests;
