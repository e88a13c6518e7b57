//! `grpc.health.v1`: whether the market can work, for the server as a whole and for each service.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use p2p_application::Market;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::{exchange, payment};

/// How long storage may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The services that have a status; the empty name stands for the whole server.
const SERVICES: [&str; 3] = ["", exchange::NAME, payment::NAME];

/// The reported status, which is updated only when it changes.
#[derive(Debug)]
pub(crate) struct Health {
    reporter: HealthReporter,
    serving: bool,
}

impl Health {
    /// Reports NOT_SERVING until the first check.
    pub(crate) async fn new(reporter: HealthReporter) -> Self {
        report(&reporter, false).await;
        Self {
            reporter,
            serving: false,
        }
    }

    /// Pings storage and reports the result. A panic counts as a failure.
    pub(crate) async fn check(&mut self, market: &Market) {
        let ping = async { market.maintenance().ping().await };
        let ping = AssertUnwindSafe(ping).catch_unwind();
        let ping = tokio::time::timeout(PING_TIMEOUT, ping).await;
        let serving = matches!(ping, Ok(Ok(Ok(()))));
        if serving != self.serving {
            report(&self.reporter, serving).await;
            self.serving = serving;
        }
    }

    /// Checks at every interval until told to stop, and reports NOT_SERVING then.
    pub(crate) async fn follow(
        mut self,
        market: Market,
        interval: Duration,
        stop: CancellationToken,
    ) {
        let checking = async {
            loop {
                tokio::time::sleep(interval).await;
                self.check(&market).await;
            }
        };
        stop.run_until_cancelled(checking).await;
        // A check may have been stopped in the middle: whatever it reported is overwritten.
        report(&self.reporter, false).await;
    }
}

async fn report(reporter: &HealthReporter, serving: bool) {
    let status = if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
