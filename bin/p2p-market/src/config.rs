//! Every setting, its default, and what makes it wrong. `deploy/p2p-market.example.toml` shows them all.
//!
//! A setting comes from the first of: the environment (`P2P_HTTP__BIND` is `bind` of `[http]`; `DATABASE_URL` is `url` of
//! `[database]`, `AMQP_URL` that of `[broker]`), the configuration file, the default.

mod check;
mod sections;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use application::consumer::ConsumerSettings;
use application::limits::Quotas;
use application::ports::Quota;
use application::{PipelineSettings, RelaySettings};
use domain::Policy;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use grpc_api::{GrpcSettings, Identity};
use http_api::{
    CallbackSettings, CorsOrigins, HttpSettings, Secret, StreamSettings, TrustedProxies,
};
use persistence::DatabaseSettings;
use serde::{Deserialize, Serialize};
use system::{JwtSettings, JwtTokens, PasswordCost};

use sections::{
    Auth, Broker, Callbacks, Consumers, Database, Grpc, Http, Limits, Market, Passwords, Pipeline,
    Relay, Streams, Sweeper,
};
pub(crate) use sections::{Log, LogFormat};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) http: Http,
    pub(crate) limits: Limits,
    pub(crate) grpc: Grpc,
    pub(crate) database: Database,
    pub(crate) auth: Auth,
    pub(crate) passwords: Passwords,
    pub(crate) pipeline: Pipeline,
    pub(crate) market: Market,
    pub(crate) sweeper: Sweeper,
    pub(crate) broker: Broker,
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
        let config: Self = figment
            .merge(
                Env::raw()
                    .only(&["DATABASE_URL"])
                    .map(|_| "database.url".into()),
            )
            .merge(Env::raw().only(&["AMQP_URL"]).map(|_| "broker.url".into()))
            // Only what names a section and a setting: other programs may use the prefix too.
            .merge(
                Env::prefixed("P2P_")
                    .filter(|key| key.as_str().contains("__"))
                    .split("__"),
            )
            .extract()
            .map_err(|error| unusable(&error))?;
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
            cors: CorsOrigins::parse(&self.http.cors_origins).context("http.cors_origins")?,
            trusted_proxies: TrustedProxies::parse(&self.http.trusted_proxies)
                .context("http.trusted_proxies")?,
            streams: StreamSettings {
                per_user: self.streams.per_user,
                most: self.streams.most,
                patience: Duration::from_secs(self.streams.patience_seconds),
            },
            callbacks: CallbackSettings {
                secrets: secrets.collect(),
                tolerance: Duration::from_secs(self.callbacks.tolerance_seconds),
            },
        })
    }

    /// How often somebody may ask.
    pub(crate) fn quotas(&self) -> Quotas {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let limits = &self.limits;
        Quotas {
            read: Quota::new(limits.read_per_second, SECOND, limits.read_burst),
            write: Quota::new(limits.write_per_second, SECOND, limits.write_burst),
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
            shutdown_patience: Duration::from_secs(self.http.shutdown_seconds) / 2,
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
        }
    }

    pub(crate) fn pipeline(&self) -> PipelineSettings {
        PipelineSettings {
            queue: self.pipeline.queue,
            batch: self.pipeline.batch,
            // SQLite has one writer: a second lane could only wait for it. So could one without a connection of its own.
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

    pub(crate) fn password_cost(&self) -> PasswordCost {
        PasswordCost {
            memory_kib: self.passwords.memory_kib,
            passes: self.passwords.passes,
            at_once: self.passwords.at_once,
        }
    }

    /// The token settings; a server can't do without a proper secret.
    pub(crate) fn jwt(&self) -> Result<JwtSettings> {
        ensure!(
            self.auth.token_secret.len() >= JwtTokens::MIN_SECRET,
            "auth.token_secret must be set to at least {} secret bytes: put `token_secret` under [auth] into the \
             configuration file, or set P2P_AUTH__TOKEN_SECRET (for example to the output of `openssl rand -hex 32`)",
            JwtTokens::MIN_SECRET
        );
        Ok(JwtSettings {
            secret: self.auth.token_secret.clone(),
            lifetime: Duration::from_secs(self.auth.token_minutes.saturating_mul(60)),
        })
    }
}

/// What is wrong, without the lines that a parser quotes: they may hold a secret.
fn unusable(error: &figment::Error) -> anyhow::Error {
    let faults: Vec<String> = error
        .clone()
        .into_iter()
        .map(|fault| {
            let fault = fault.to_string();
            fault.lines().next().unwrap_or_default().to_owned()
        })
        .collect();
    anyhow::anyhow!("the configuration can't be used: {}", faults.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_toml(text: &str) -> Result<Config> {
        let figment = Figment::from(Serialized::defaults(Config::default()));
        let config: Config = figment.merge(Toml::string(text)).extract()?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn the_example_file_shows_every_setting_at_its_default() {
        let example = include_str!("../../../deploy/p2p-market.example.toml");
        // Without the defaults behind it: a setting that is missing from the example is missing here too.
        let shown: figment::value::Value = Figment::from(Toml::string(example)).extract().unwrap();
        let all: figment::value::Value = Figment::from(Serialized::defaults(Config::default()))
            .extract()
            .unwrap();
        assert_eq!(keys(&shown), keys(&all));
        assert_eq!(from_toml(example).unwrap(), Config::default());
    }

    fn keys(value: &figment::value::Value) -> Vec<String> {
        let Some(dict) = value.as_dict() else {
            return Vec::new();
        };
        dict.iter()
            .flat_map(|(key, value)| {
                let inner = keys(value);
                let own = inner.is_empty().then(|| key.clone());
                own.into_iter()
                    .chain(inner.into_iter().map(move |rest| format!("{key}.{rest}")))
            })
            .collect()
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (text, name) in [
            ("[http]\nbind = \"nowhere\"", "http.bind"),
            ("[http]\nprot = 80", "prot"),
            (
                "[http]\ncors_origins = [\"example.com\"]",
                "http.cors_origins",
            ),
            (
                "[http]\ntrusted_proxies = [\"the proxy\"]",
                "http.trusted_proxies",
            ),
            ("[database]\nurl = \"mysql://localhost\"", "database.url"),
            (
                "[database]\nmax_connections = 0",
                "database.max_connections",
            ),
            (
                "[market]\nfee_basis_points = 101",
                "market.fee_basis_points",
            ),
            (
                "[market]\ndefault_payment_minutes = 5",
                "market.default_payment_minutes",
            ),
            ("[market]\nresponse_minutes = -1", "market.response_minutes"),
            (
                "[market]\nfaucet = true\n[http]\nbind = \"0.0.0.0:3000\"",
                "market.faucet",
            ),
            ("[limits]\nwrite_burst = 0", "limits.write_burst"),
            ("[grpc]\ntls_key = \"key.pem\"", "grpc.tls_certificate"),
            ("[market]\npayments_at_once = 0", "market.payments_at_once"),
            ("[pipeline]\nbatch = 0", "pipeline.batch"),
            ("[pipeline]\nlanes = 9", "pipeline.lanes"),
            (
                "[sweeper]\noutage_tolerance_seconds = 1",
                "sweeper.outage_tolerance_seconds",
            ),
            ("[log]\nformat = \"xml\"", "log.format"),
            ("[log]\nfilter = \"a=b=c\"", "log.filter"),
        ] {
            let error = format!("{:#}", from_toml(text).unwrap_err());
            assert!(error.contains(name), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_limit_of_zero_is_off() {
        let quotas = from_toml("[limits]\nread_per_second = 0").unwrap().quotas();
        assert_eq!(quotas.read, None);
        let others = Quotas {
            read: Config::default().quotas().read,
            ..quotas
        };
        assert_eq!(others, Config::default().quotas());
        assert_eq!(others.write.map(Quota::burst), Some(100));
    }

    #[test]
    fn money_for_nothing_is_off_and_for_this_machine_only() {
        assert!(!Config::default().policy().faucet);
        for bind in ["127.0.0.1:3000", "[::1]:3000"] {
            let text = format!("[market]\nfaucet = true\n[http]\nbind = \"{bind}\"");
            assert!(from_toml(&text).unwrap().policy().faucet, "{bind}");
        }
        for bind in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000"] {
            let text = format!("[market]\nfaucet = true\n[http]\nbind = \"{bind}\"");
            assert!(from_toml(&text).is_err(), "{bind}");
        }
    }

    #[test]
    fn a_server_needs_a_secret_and_never_shows_it() {
        assert!(
            format!("{:#}", Config::default().jwt().unwrap_err()).contains("auth.token_secret")
        );
        let config = from_toml(&format!(
            "[auth]\ntoken_secret = \"{}\"",
            "s3cret".repeat(8)
        ))
        .unwrap();
        assert!(config.jwt().is_ok());
        assert!(!format!("{config:?}").contains("s3cret"));
        let unclosed = Figment::from(Toml::string("[auth]\ntoken_secret = \"s3cret\n"));
        let complaint = unusable(&unclosed.extract::<Config>().unwrap_err()).to_string();
        assert!(complaint.contains("line 2"), "{complaint}");
        assert!(!complaint.contains("s3cret"), "{complaint}");
    }
}
