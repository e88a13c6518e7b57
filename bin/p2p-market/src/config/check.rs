//! The bounds of settings.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_domain::Policy;
use p2p_system::SealSettings;
use url::Url;

use super::{Config, MailKind};

/// Shorter secrets can be guessed.
const MIN_SECRET_LENGTH: usize = 32;

/// The longest permitted time-out, in seconds.
const DAY: u64 = 24 * 60 * 60;

impl Config {
    /// Every setting but the token secret, which only a server needs.
    pub(super) fn check(&self) -> Result<()> {
        let positive = |name: &str, value: u64| -> Result<()> {
            ensure!(value > 0, "{name} must be greater than zero");
            Ok(())
        };
        let (http, streams) = (&self.http, &self.streams);
        for (name, seconds) in [
            ("http.request_timeout_seconds", http.request_timeout_seconds),
            ("http.body_timeout_seconds", http.body_timeout_seconds),
            ("http.header_timeout_seconds", http.header_timeout_seconds),
            ("http.idle_timeout_seconds", http.idle_timeout_seconds),
            ("streams.patience_seconds", streams.patience_seconds),
        ] {
            ensure!(
                (1..=DAY).contains(&seconds),
                "{name} must be between 1 and {DAY}"
            );
        }
        ensure!(
            http.shutdown_seconds <= DAY,
            "http.shutdown_seconds must not be more than {DAY}"
        );
        positive("http.max_connections", self.http.max_connections as u64)?;
        positive(
            "http.max_connections_per_address",
            self.http.max_connections_per_address as u64,
        )?;
        positive(
            "database.max_connections",
            self.database.max_connections.into(),
        )?;
        positive(
            "database.acquire_timeout_seconds",
            self.database.acquire_timeout_seconds,
        )?;
        self.check_access()?;
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
            self.redis.url.is_empty()
                || ["redis://", "rediss://"]
                    .iter()
                    .any(|scheme| self.redis.url.starts_with(scheme)),
            "redis.url must begin with redis:// or rediss://"
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
        ensure!(
            self.grpc.tls_certificate.is_empty() == self.grpc.tls_key.is_empty(),
            "grpc.tls_certificate and grpc.tls_key go together"
        );
        positive(
            "market.payments_at_once",
            self.market.payments_at_once.into(),
        )?;
        let limits = &self.limits;
        for (name, burst) in [
            ("limits.read_burst", limits.read_burst),
            ("limits.write_burst", limits.write_burst),
            ("limits.pay_burst", limits.pay_burst),
            ("limits.stream_burst", limits.stream_burst),
            ("limits.login_burst", limits.login_burst),
            ("limits.callback_burst", limits.callback_burst),
            ("limits.address_burst", limits.address_burst),
        ] {
            positive(name, burst.into())?;
        }
        positive("streams.per_user", self.streams.per_user as u64)?;
        positive("streams.most", self.streams.most as u64)?;
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
                secret.len() >= MIN_SECRET_LENGTH,
                "callbacks.secrets: that of {provider:?} must have at least {MIN_SECRET_LENGTH} bytes"
            );
        }
        ensure!(
            self.market.fee_basis_points <= Policy::MAX_FEE_BASIS_POINTS,
            "market.fee_basis_points must be at most {} (one percent)",
            Policy::MAX_FEE_BASIS_POINTS
        );
        let mut binds = vec![("http.bind", self.http.bind)];
        if self.grpc.enabled {
            binds.push(("grpc.bind", self.grpc.bind));
        }
        for (name, bind) in binds {
            ensure!(
                !self.market.faucet || bind.ip().is_loopback(),
                "market.faucet lets every user create money: it is for demonstrations on one machine, and \
                 {name} ({bind}) is not the loopback interface"
            );
        }
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
        ensure!(
            self.market.cancel_pause_hours <= 8_760,
            "market.cancel_pause_hours must be at most 8760 (a year)"
        );
        self.http()?;
        self.log
            .filter
            .parse::<tracing_subscriber::filter::targets::Targets>()
            .context("log.filter is not a list of filters such as `info,p2p_http=debug`")?;
        Ok(())
    }

    /// Checks authentication, mail and the gateway.
    fn check_access(&self) -> Result<()> {
        let auth = &self.auth;
        for (name, value, most) in [
            ("auth.token_minutes", auth.token_minutes, 24 * 60),
            ("auth.session_days", auth.session_days, 365),
            (
                "auth.session_idle_days",
                auth.session_idle_days,
                auth.session_days,
            ),
            ("auth.proof_minutes", auth.proof_minutes, 24 * 60),
            (
                "auth.longest_wait_minutes",
                auth.longest_wait_minutes,
                24 * 60,
            ),
            // Older failures are forgotten.
            ("auth.lock_hours", auth.lock_hours, 30 * 24),
        ] {
            ensure!(
                (1..=most).contains(&value),
                "{name} must be between 1 and {most}"
            );
        }
        ensure!(
            auth.lock_after == 0 || auth.lock_after > auth.free_failures,
            "auth.lock_after must be 0 (never), or greater than auth.free_failures"
        );
        ensure!(
            auth.seal_secret.is_empty() || auth.seal_secret.len() >= SealSettings::MIN_SECRET,
            "auth.seal_secret must have at least {} bytes",
            SealSettings::MIN_SECRET
        );
        self.message_builder()?;
        let links = Url::parse(&self.mail.links);
        ensure!(
            links
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none()),
            "mail.links must begin with http:// or https://, and have nothing behind a question mark"
        );
        ensure!(
            self.mail.kind != MailKind::Smtp || !self.mail.smtp_url.is_empty(),
            "mail.smtp_url must be set where mail.kind is \"smtp\""
        );
        let bind = self.http.bind;
        ensure!(
            !self.gateway.enabled || !self.gateway.addresses.is_empty() || bind.ip().is_loopback(),
            "gateway.addresses must list from where the gateway connects: http.bind ({bind}) is not the loopback interface, \
             so every user could impersonate another"
        );
        ensure!(
            !self.gateway.enabled
                || !self.gateway.addresses.is_empty()
                || !self.http()?.trusted_proxies.has_loopback(),
            "gateway.addresses must list from where the gateway connects: http.trusted_proxies has a proxy on this machine, so \
             every client of it would count as the gateway"
        );
        Ok(())
    }
}
