//! For operators: is it up, is it ready, what has it done.

use std::fmt::Write as _;
use std::time::Duration;

use application::pipeline::{BATCH_BUCKETS, StatsSnapshot};
use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::{Problem, storage_failed};

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
#[utoipa::path(get, path = "/healthz", tag = TAG, security(()), responses(
    (status = 200, description = "It is.", body = Health)
))]
pub(crate) async fn healthz() -> Answer<Health> {
    Answer(Health { status: "UP" })
}

/// Can the service do its work?
///
/// 200 if storage answers within two seconds, 503 otherwise; for load balancers. No token is needed.
#[utoipa::path(get, path = "/readyz", tag = TAG, security(()), responses(
    (status = 200, description = "It can.", body = Health, example = json!({"status": "READY"})),
    (status = 503, description = "`UNAVAILABLE`: storage does not answer.")
))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Answer<Health>, Problem> {
    match tokio::time::timeout(PATIENCE, app.queries().ping()).await {
        Ok(Ok(())) => Ok(Answer(Health { status: "READY" })),
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
/// Counters of the pipeline through which all changes go, in Prometheus' text format. No token is needed: expose it to
/// your own network only.
#[utoipa::path(get, path = "/metrics", tag = TAG, security(()), responses(
    (status = 200, description = "The counters.", body = String, content_type = "text/plain",
        example = "p2p_pipeline_commands_total 42\n")
))]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let text = exposition(&app.pipeline().stats());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn exposition(stats: &StatsSnapshot) -> String {
    let mut text = String::with_capacity(2_048);
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        let _ = writeln!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
        );
    };
    one(
        "p2p_pipeline_commands_total",
        "counter",
        "Commands answered after a commit, or refused by it.",
        stats.commands,
    );
    one(
        "p2p_pipeline_retries_total",
        "counter",
        "Batches that were tried again.",
        stats.retries,
    );
    one(
        "p2p_pipeline_turned_away_total",
        "counter",
        "Commands turned away because too many were waiting.",
        stats.busy,
    );
    one(
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
