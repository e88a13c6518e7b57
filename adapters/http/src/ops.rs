//! For operators: is it up, is it ready, what has it done.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use p2p_application::RelayStats;
use p2p_application::consumer::ConsumerStats;
use p2p_application::engine::{BATCH_BUCKETS, StatsSnapshot};
use p2p_application::limits::Refused;
use p2p_application::mail::MailCount;
use p2p_application::ports::{Backlog, Queue};
use p2p_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::policy::Policy;
use crate::problem::{Problem, storage_failed};
use crate::server_state::CallCount;

pub(crate) const TAG: &str = "Operations";

/// How long storage may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// The routes for operators.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// How the service is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "UP"}))]
pub(crate) struct Health {
    status: &'static str,
}

/// Is the process up?
///
/// Says so as long as it can say anything; for restarts by an orchestrator. No token is needed.
#[utoipa::path(get, path = "/healthz", tag = TAG, extensions(("x-policy" = json!(Policy::operator()))), responses(
    (status = 200, description = "It is.", body = Health)
))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "UP" })
}

/// Can the service do its work?
///
/// 200 if storage answers within two seconds, 503 otherwise; for load balancers. No token is needed.
#[utoipa::path(get, path = "/readyz", tag = TAG, extensions(("x-policy" = json!(Policy::operator()))), responses(
    (status = 200, description = "It can.", body = Health, example = json!({"status": "READY"})),
    (status = 503, description = "`UNAVAILABLE`: storage does not answer.")
))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    match tokio::time::timeout(PATIENCE, app.market().maintenance().ping()).await {
        Ok(Ok(())) => Ok(Json(Health { status: "READY" })),
        Ok(Err(error)) => Err(storage_failed(&error)),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "Storage is not available",
            "storage gave no answer in time",
        )),
    }
}

/// What has it done?
///
/// Counters of the pipeline through which all changes go, of the events on their way out, of the connections and streams that
/// are open, of mail and of the requests that were too many, in Prometheus' text format. No token is needed: expose it to your
/// own network only.
#[utoipa::path(get, path = "/metrics", tag = TAG, extensions(("x-policy" = json!(Policy::operator()))), responses(
    (status = 200, description = "The counters.", body = String, content_type = "text/plain",
        example = "p2p_pipeline_commands_total 42\n")
))]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let mut text = exposition(&app.market().pipeline().stats());
    text.push_str(&live(&app).await);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// One number with its name, kind and explanation.
fn one(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    let _ = writeln!(
        text,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
    );
}

/// Events on their way out, and who follows their notifications.
async fn live(app: &App) -> String {
    let mut text = String::new();
    let state = app.state();
    if let Some(relay) = &state.relay {
        relayed(&mut text, relay);
    }
    if let Some(outbox) = &state.outbox {
        match tokio::time::timeout(PATIENCE, outbox.backlog()).await {
            Ok(Ok(backlog)) => waiting(&mut text, &backlog, app.market().now()),
            Ok(Err(error)) => tracing::debug!(%error, "the outbox can't be looked at"),
            Err(_) => tracing::debug!("the outbox can't be looked at in time"),
        }
    }
    consumed(&mut text, &state.consumers);
    if let Some(calls) = &state.calls {
        called(&mut text, &calls.count());
    }
    refused(&mut text, &state.limits.refused());
    mailed(&mut text, &app.market().mail().counts());
    one(
        &mut text,
        "p2p_http_connections",
        "gauge",
        "Connections over HTTP that are open.",
        state.connections.open(),
    );
    one(
        &mut text,
        "p2p_http_connections_turned_away_total",
        "counter",
        "Connections that were closed at once, since there were too many of their address.",
        state.connections.rejected(),
    );
    one(
        &mut text,
        "p2p_push_streams",
        "gauge",
        "Streams of notifications that are open on this replica.",
        state.streams.open(),
    );
    one(
        &mut text,
        "p2p_push_followers",
        "gauge",
        "Readers of mailboxes on this replica.",
        state.hub.followers(),
    );
    text
}

/// What became of messages, by queue.
fn consumed(text: &mut String, consumers: &[(Queue, Arc<ConsumerStats>)]) {
    if consumers.is_empty() {
        return;
    }
    let name = "p2p_consumer_messages_total";
    let _ = writeln!(
        text,
        "# HELP {name} Messages that took effect, were given up, or had to be tried again.\n# TYPE {name} counter"
    );
    for (queue, stats) in consumers {
        for (outcome, count) in [
            ("done", stats.done()),
            ("dead", stats.dead()),
            ("again", stats.failures()),
        ] {
            let queue = queue.name();
            let _ = writeln!(
                text,
                "{name}{{queue=\"{queue}\",outcome=\"{outcome}\"}} {count}"
            );
        }
    }
}

/// Who has asked too often, over whichever interface.
fn refused(text: &mut String, refused: &[Refused]) {
    if refused.is_empty() {
        return;
    }
    let name = "p2p_limits_refused_total";
    let _ = writeln!(
        text,
        "# HELP {name} Requests beyond a rate limit, by what they were for and whose limit it was.\n# TYPE {name} counter"
    );
    for Refused { class, by, count } in refused {
        let _ = writeln!(text, "{name}{{class=\"{class}\",by=\"{by}\"}} {count}");
    }
}

/// What became of mail to people.
fn mailed(text: &mut String, counts: &[MailCount]) {
    if counts.is_empty() {
        return;
    }
    let name = "p2p_mail_total";
    let _ = writeln!(
        text,
        "# HELP {name} Mails that were sent, or dropped and why.\n# TYPE {name} counter"
    );
    for MailCount { outcome, count } in counts {
        let _ = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {count}");
    }
}

/// What was asked over gRPC.
fn called(text: &mut String, calls: &[CallCount]) {
    type Value = fn(&CallCount) -> f64;
    let families: [(&str, &str, Value); 2] = [
        (
            "p2p_grpc_calls_total",
            "Calls over gRPC that were answered, by method and code.",
            |count| count.calls as f64,
        ),
        (
            "p2p_grpc_call_seconds_total",
            "How long they took, together.",
            |count| count.time.as_secs_f64(),
        ),
    ];
    for (name, help, value) in families {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n");
        for count in calls {
            let CallCount { method, code, .. } = count;
            let value = value(count);
            let _ = writeln!(
                text,
                "{name}{{method=\"{method}\",code=\"{code}\"}} {value}"
            );
        }
    }
}

fn relayed(text: &mut String, relay: &RelayStats) {
    one(
        text,
        "p2p_relay_published_total",
        "counter",
        "Events that the broker has taken from this replica.",
        relay.published(),
    );
    one(
        text,
        "p2p_relay_failures_total",
        "counter",
        "Windows of events that could not be published, as a whole or in part.",
        relay.failures(),
    );
    one(
        text,
        "p2p_relay_connected",
        "gauge",
        "Whether the broker took the last window.",
        u8::from(relay.is_connected()),
    );
}

fn waiting(text: &mut String, backlog: &Backlog, now: Timestamp) {
    one(
        text,
        "p2p_outbox_depth",
        "gauge",
        "Events that wait to be published, of all replicas; beyond 100000 nobody counts.",
        backlog.depth,
    );
    let lag = backlog
        .oldest
        .map_or(Duration::ZERO, |oldest| now.since(oldest));
    one(
        text,
        "p2p_outbox_lag_seconds",
        "gauge",
        "The age of the oldest event that waits to be published.",
        format_args!("{}.{:03}", lag.as_secs(), lag.subsec_millis()),
    );
}

fn exposition(stats: &StatsSnapshot) -> String {
    let mut text = String::with_capacity(2_048);
    one(
        &mut text,
        "p2p_pipeline_commands_total",
        "counter",
        "Commands answered after a commit, or refused by it.",
        stats.commands,
    );
    one(
        &mut text,
        "p2p_pipeline_retries_total",
        "counter",
        "Batches that were tried again.",
        stats.retries,
    );
    one(
        &mut text,
        "p2p_pipeline_turned_away_total",
        "counter",
        "Commands turned away because too many were waiting.",
        stats.busy,
    );
    one(
        &mut text,
        "p2p_pipeline_largest_batch",
        "gauge",
        "Commands in the largest batch so far.",
        stats.largest,
    );
    let name = "p2p_pipeline_batch_size";
    let _ = writeln!(
        text,
        "# HELP {name} Commands in one commit.\n# TYPE {name} histogram"
    );
    let mut sum = 0;
    for (bound, count) in BATCH_BUCKETS.iter().zip(stats.buckets) {
        sum += count;
        let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}");
    }
    let _ = writeln!(
        text,
        "{name}_bucket{{le=\"+Inf\"}} {batches}\n{name}_sum {commands}\n{name}_count {batches}",
        batches = stats.batches,
        commands = stats.commands
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_what_waits_is_in_seconds() {
        let now = Timestamp::from_micros(75_250_999);
        let backlog = Backlog {
            depth: 3,
            oldest: Some(Timestamp::from_micros(0)),
        };
        let mut text = String::new();
        waiting(&mut text, &backlog, now);
        assert!(text.contains("\np2p_outbox_depth 3\n"), "{text}");
        assert!(text.contains("\np2p_outbox_lag_seconds 75.250\n"), "{text}");
        let mut empty = String::new();
        waiting(&mut empty, &Backlog::default(), now);
        assert!(
            empty.contains("\np2p_outbox_lag_seconds 0.000\n"),
            "{empty}"
        );
    }

    #[test]
    fn the_histogram_is_cumulative() {
        let mut buckets = [0; BATCH_BUCKETS.len()];
        buckets[0] = 3;
        buckets[2] = 2;
        let text = exposition(&StatsSnapshot {
            commands: 11,
            batches: 5,
            largest: 4,
            buckets,
            retries: 1,
            busy: 0,
        });
        for line in [
            "p2p_pipeline_commands_total 11",
            "p2p_pipeline_batch_size_bucket{le=\"1\"} 3",
            "p2p_pipeline_batch_size_bucket{le=\"2\"} 3",
            "p2p_pipeline_batch_size_bucket{le=\"4\"} 5",
            "p2p_pipeline_batch_size_bucket{le=\"+Inf\"} 5",
            "p2p_pipeline_batch_size_count 5",
            "# TYPE p2p_pipeline_batch_size histogram",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
    }
}
