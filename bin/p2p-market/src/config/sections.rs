//! The sections of the configuration: their settings and defaults. Each is checked as a whole in [`Config`](super::Config).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use p2p_application::consumer::ConsumerSettings;
use p2p_application::{PipelineSettings, RelaySettings};
use p2p_domain::Policy;
use p2p_edge::ServerSettings;
use p2p_http::{CallbackSettings, HttpSettings, StreamSettings};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) bind: SocketAddr,
    pub(crate) request_timeout_seconds: u64,
    pub(crate) body_timeout_seconds: u64,
    pub(crate) header_timeout_seconds: u64,
    pub(crate) idle_timeout_seconds: u64,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) shutdown_seconds: u64,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) hsts_seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) read_per_second: u32,
    pub(crate) read_burst: u32,
    pub(crate) write_per_second: u32,
    pub(crate) write_burst: u32,
    pub(crate) pay_per_minute: u32,
    pub(crate) pay_burst: u32,
    pub(crate) stream_per_minute: u32,
    pub(crate) stream_burst: u32,
    pub(crate) login_per_minute: u32,
    pub(crate) login_burst: u32,
    pub(crate) callback_per_second: u32,
    pub(crate) callback_burst: u32,
    pub(crate) address_per_second: u32,
    pub(crate) address_burst: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Grpc {
    pub(crate) enabled: bool,
    pub(crate) bind: SocketAddr,
    pub(crate) tls_certificate: String,
    pub(crate) tls_key: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) url_file: String,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout_seconds: u64,
    pub(crate) migrate_on_start: bool,
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
    pub(crate) payments_per_minute: u32,
    pub(crate) payments_at_once: u32,
    pub(crate) faucet: bool,
    pub(crate) open_offers_limit: u32,
    pub(crate) cancels_per_day: u32,
    pub(crate) cancel_pause_hours: u64,
    pub(crate) listings_limit: u32,
    pub(crate) open_withdrawals_limit: u32,
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
    pub(crate) url_file: String,
    pub(crate) namespace: String,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Redis {
    pub(crate) url: String,
    pub(crate) url_file: String,
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
    pub(crate) secrets_files: BTreeMap<String, String>,
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
        let http = HttpSettings::default();
        let server = ServerSettings::default();
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 3000)),
            request_timeout_seconds: http.request_timeout.as_secs(),
            body_timeout_seconds: http.body_timeout.as_secs(),
            header_timeout_seconds: server.header_timeout.as_secs(),
            idle_timeout_seconds: server.idle_timeout.as_secs(),
            max_connections: server.max_connections,
            max_connections_per_address: server.max_connections_per_address,
            shutdown_seconds: 30,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            hsts_seconds: http.hsts_seconds,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read_per_second: 50,
            read_burst: 200,
            write_per_second: 20,
            write_burst: 100,
            pay_per_minute: 12_000,
            pay_burst: 2_000,
            stream_per_minute: 60,
            stream_burst: 20,
            login_per_minute: 10,
            login_burst: 20,
            callback_per_second: 100,
            callback_burst: 500,
            address_per_second: 200,
            address_burst: 1_000,
        }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: SocketAddr::from(([127, 0, 0, 1], 50_051)),
            tls_certificate: String::new(),
            tls_key: String::new(),
        }
    }
}

impl Database {
    pub(super) const DEFAULT_URL: &'static str = "sqlite://data/p2p-market.db";
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: Self::DEFAULT_URL.to_owned(),
            url_file: String::new(),
            max_connections: 16,
            acquire_timeout_seconds: 5,
            migrate_on_start: true,
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
            payments_per_minute: policy.payments_per_minute,
            payments_at_once: policy.payments_at_once,
            faucet: policy.faucet,
            open_offers_limit: policy.limits.open_offers,
            cancels_per_day: policy.limits.cancels_per_day,
            cancel_pause_hours: policy.limits.cancel_pause.as_secs() / 3_600,
            listings_limit: policy.limits.listings,
            open_withdrawals_limit: policy.limits.open_withdrawals,
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
            secrets_files: BTreeMap::new(),
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

/// Secrets are never printed, and the address may hold one.
impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
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
