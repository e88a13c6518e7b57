//! `grpc.health.v1`: whether the market can do its work, for the server as a whole and for each service.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use p2p_application::Market;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::{exchange, payment};

/// How long storage may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What can be asked about; the empty name stands for all.
const SERVICES: [&str; 3] = ["", exchange::NAME, payment::NAME];

/// What is told, and told anew only when it changes.
#[derive(Debug)]
pub(crate) struct Health {
    reporter: HealthReporter,
    serving: bool,
}

impl Health {
    /// Nothing is served yet.
    pub(crate) async fn new(reporter: HealthReporter) -> Self {
        tell(&reporter, false).await;
        Self {
            reporter,
            serving: false,
        }
    }

    /// Asks storage whether it is there, and tells. Storage that panics is not.
    pub(crate) async fn look(&mut self, market: &Market) {
        let ping = async { market.maintenance().ping().await };
        let ping = AssertUnwindSafe(ping).catch_unwind();
        let ping = tokio::time::timeout(PATIENCE, ping).await;
        let serving = matches!(ping, Ok(Ok(Ok(()))));
        if serving != self.serving {
            tell(&self.reporter, serving).await;
            self.serving = serving;
        }
    }

    /// Asks again and again, until told to stop; nothing is served after that.
    pub(crate) async fn follow(mut self, market: Market, every: Duration, stop: CancellationToken) {
        let looking = async {
            loop {
                tokio::time::sleep(every).await;
                self.look(&market).await;
            }
        };
        stop.run_until_cancelled(looking).await;
        // A look may have been stopped in the middle: it does not matter what was told last.
        tell(&self.reporter, false).await;
    }
}

async fn tell(reporter: &HealthReporter, serving: bool) {
    let status = if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
