//! Every setting, its default, and what makes it wrong. `deploy/p2p-market.example.toml` shows them all.
//!
//! A setting comes from the first of: the environment (`P2P_HTTP__BIND` is `bind` of `[http]`; `DATABASE_URL` is `url` of
//! `[database]`, `AMQP_URL` that of `[broker]`), the configuration file, the default.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use application::consumer::ConsumerSettings;
use application::{PipelineSettings, RelaySettings};
use domain::Policy;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use http_api::{CallbackSettings, CorsOrigins, HttpSettings, Secret, StreamSettings};
use persistence::DatabaseSettings;
use serde::{Deserialize, Serialize};
use system::{JwtSettings, JwtTokens, PasswordCost};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) http: Http,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) bind: SocketAddr,
    pub(crate) request_timeout_seconds: u64,
    pub(crate) shutdown_seconds: u64,
    pub(crate) cors_origins: Vec<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout_seconds: u64,
    pub(crate) migrate_on_start: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Auth {
    pub(crate) token_secret: String,
    pub(crate) token_minutes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Passwords {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) at_once: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pipeline {
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) lanes: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Market {
    pub(crate) response_minutes: u64,
    pub(crate) receipt_minutes: u64,
    pub(crate) default_payment_minutes: u64,
    pub(crate) unanswered_limit: u32,
    pub(crate) fee_basis_points: u16,
    pub(crate) finished_stays_active_minutes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sweeper {
    pub(crate) interval_milliseconds: u64,
    pub(crate) outage_tolerance_seconds: u64,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Broker {
    pub(crate) url: String,
    pub(crate) namespace: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Relay {
    pub(crate) enabled: bool,
    pub(crate) window: u32,
    pub(crate) workers: usize,
    pub(crate) poll_milliseconds: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Consumers {
    pub(crate) enabled: bool,
    pub(crate) window: u16,
    pub(crate) attempts: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Streams {
    pub(crate) per_user: usize,
    pub(crate) most: usize,
    pub(crate) patience_seconds: u64,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Callbacks {
    pub(crate) tolerance_seconds: u64,
    pub(crate) secrets: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Pretty,
    Json,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 3000)),
            request_timeout_seconds: 30,
            shutdown_seconds: 30,
            cors_origins: Vec::new(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: "sqlite://data/p2p-market.db".to_owned(),
            max_connections: 16,
            acquire_timeout_seconds: 5,
            migrate_on_start: true,
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            token_secret: String::new(),
            token_minutes: 60,
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let PasswordCost {
            memory_kib,
            passes,
            at_once,
        } = PasswordCost::default();
        Self {
            memory_kib,
            passes,
            at_once,
        }
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        let PipelineSettings { queue, batch, .. } = PipelineSettings::default();
        Self {
            queue,
            batch,
            lanes: 2,
        }
    }
}

impl Default for Market {
    fn default() -> Self {
        let policy = Policy::default();
        let minutes = |span: Duration| span.as_secs() / 60;
        Self {
            response_minutes: minutes(policy.response_window),
            receipt_minutes: minutes(policy.receipt_window),
            default_payment_minutes: minutes(policy.default_payment_window),
            unanswered_limit: policy.unanswered_limit,
            fee_basis_points: policy.fee_basis_points,
            finished_stays_active_minutes: minutes(policy.finished_stays_active),
        }
    }
}

impl Default for Sweeper {
    fn default() -> Self {
        Self {
            interval_milliseconds: 1_000,
            outage_tolerance_seconds: 60,
        }
    }
}

impl Default for Relay {
    fn default() -> Self {
        let RelaySettings {
            window,
            workers,
            poll,
        } = RelaySettings::default();
        Self {
            enabled: true,
            window,
            workers,
            poll_milliseconds: u64::try_from(poll.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Default for Consumers {
    fn default() -> Self {
        let ConsumerSettings {
            window, attempts, ..
        } = ConsumerSettings::default();
        Self {
            enabled: true,
            window,
            attempts,
        }
    }
}

impl Default for Streams {
    fn default() -> Self {
        let StreamSettings {
            per_user,
            most,
            patience,
        } = StreamSettings::default();
        Self {
            per_user,
            most,
            patience_seconds: patience.as_secs(),
        }
    }
}

impl Default for Callbacks {
    fn default() -> Self {
        Self {
            tolerance_seconds: CallbackSettings::default().tolerance.as_secs(),
            secrets: BTreeMap::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Pretty,
            filter: "info".to_owned(),
        }
    }
}

/// Secrets are never printed.
impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks")
            .field("providers", &self.secrets.keys())
            .finish_non_exhaustive()
    }
}

/// Secrets are never printed, and a broker's address may hold one.
impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Secrets are never printed, and a database address may hold one.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("token_minutes", &self.token_minutes)
            .finish_non_exhaustive()
    }
}

/// Shorter ones can be guessed.
const SHORTEST_SECRET: usize = 32;

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

    fn check(&self) -> Result<()> {
        let positive = |name: &str, value: u64| -> Result<()> {
            ensure!(value > 0, "{name} must be greater than zero");
            Ok(())
        };
        positive(
            "http.request_timeout_seconds",
            self.http.request_timeout_seconds,
        )?;
        positive(
            "database.max_connections",
            self.database.max_connections.into(),
        )?;
        positive(
            "database.acquire_timeout_seconds",
            self.database.acquire_timeout_seconds,
        )?;
        positive("auth.token_minutes", self.auth.token_minutes)?;
        positive("market.response_minutes", self.market.response_minutes)?;
        positive("market.receipt_minutes", self.market.receipt_minutes)?;
        positive(
            "sweeper.interval_milliseconds",
            self.sweeper.interval_milliseconds,
        )?;
        let tolerance = self.sweeper.outage_tolerance_seconds;
        ensure!(
            tolerance.saturating_mul(1_000) > self.sweeper.interval_milliseconds,
            "sweeper.outage_tolerance_seconds must be longer than sweeper.interval_milliseconds, \
             or every pause between two sweeps would count as an outage"
        );
        ensure!(
            self.pipeline.queue > 0,
            "pipeline.queue must be greater than zero"
        );
        ensure!(
            (1..=4_096).contains(&self.pipeline.batch),
            "pipeline.batch must be between 1 and 4096"
        );
        ensure!(
            (1..=8).contains(&self.pipeline.lanes),
            "pipeline.lanes must be between 1 and 8"
        );
        ensure!(
            self.broker.url.is_empty()
                || ["amqp://", "amqps://"]
                    .iter()
                    .any(|scheme| self.broker.url.starts_with(scheme)),
            "broker.url must begin with amqp:// or amqps://"
        );
        ensure!(
            (1..=4_096).contains(&self.relay.window) && (1..=8).contains(&self.relay.workers),
            "relay.window must be between 1 and 4096, relay.workers between 1 and 8"
        );
        positive("relay.poll_milliseconds", self.relay.poll_milliseconds)?;
        ensure!(
            (1..=1_024).contains(&self.consumers.window)
                && (1..=100).contains(&self.consumers.attempts),
            "consumers.window must be between 1 and 1024, consumers.attempts between 1 and 100"
        );
        positive("streams.per_user", self.streams.per_user as u64)?;
        positive("streams.most", self.streams.most as u64)?;
        positive("streams.patience_seconds", self.streams.patience_seconds)?;
        ensure!(
            (1..=3_600).contains(&self.callbacks.tolerance_seconds),
            "callbacks.tolerance_seconds must be between 1 and 3600"
        );
        let distinct: BTreeSet<&String> = self.callbacks.secrets.values().collect();
        ensure!(
            distinct.len() == self.callbacks.secrets.len(),
            "callbacks.secrets: two providers have the same, so each could speak as the other"
        );
        for (provider, secret) in &self.callbacks.secrets {
            ensure!(
                secret.len() >= SHORTEST_SECRET,
                "callbacks.secrets: that of {provider:?} must have at least {SHORTEST_SECRET} bytes"
            );
        }
        ensure!(
            self.market.fee_basis_points <= Policy::MAX_FEE_BASIS_POINTS,
            "market.fee_basis_points must be at most {} (one percent)",
            Policy::MAX_FEE_BASIS_POINTS
        );
        let window = Duration::from_secs(self.market.default_payment_minutes.saturating_mul(60));
        ensure!(
            (Policy::MIN_PAYMENT_WINDOW..=Policy::MAX_PAYMENT_WINDOW).contains(&window),
            "market.default_payment_minutes must be between 10 and 360"
        );
        for (name, minutes) in [
            ("market.response_minutes", self.market.response_minutes),
            ("market.receipt_minutes", self.market.receipt_minutes),
            (
                "market.finished_stays_active_minutes",
                self.market.finished_stays_active_minutes,
            ),
            ("auth.token_minutes", self.auth.token_minutes),
        ] {
            ensure!(minutes <= 525_600, "{name} must be at most 525600 (a year)");
        }
        let known = ["sqlite:", "postgres:", "postgresql:"];
        ensure!(
            known
                .iter()
                .any(|scheme| self.database.url.starts_with(scheme)),
            "database.url must begin with sqlite:// or postgres://"
        );
        ensure!(
            (8..=1_048_576).contains(&self.passwords.memory_kib)
                && (1..=16).contains(&self.passwords.passes),
            "passwords.memory_kib must be between 8 and 1048576, passwords.passes between 1 and 16"
        );
        ensure!(
            self.passwords.at_once > 0,
            "passwords.at_once must be greater than zero"
        );
        self.http()?;
        self.log
            .filter
            .parse::<tracing_subscriber::filter::targets::Targets>()
            .context("log.filter is not a list of filters such as `info,http_api=debug`")?;
        Ok(())
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

    pub(crate) fn policy(&self) -> Policy {
        let minutes = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        Policy {
            response_window: minutes(self.market.response_minutes),
            receipt_window: minutes(self.market.receipt_minutes),
            default_payment_window: minutes(self.market.default_payment_minutes),
            unanswered_limit: self.market.unanswered_limit,
            fee_basis_points: self.market.fee_basis_points,
            finished_stays_active: minutes(self.market.finished_stays_active_minutes),
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
