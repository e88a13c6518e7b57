//! The sweeper turns deadlines that have passed into commands. Any number of replicas may sweep at once: a deal that
//! another has moved meanwhile is left as it is.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::offer::{ExpireOffer, Expired};
use crate::ports::StorageError;
use crate::{CommandError, Market};

/// Deadlines taken at a time: well below the pipeline's queue, so that sweeping never crowds callers out.
const BATCH: u32 = 256;

/// Sweeps a market.
#[derive(Debug, Clone)]
pub struct Sweeper {
    market: Market,
    outage_tolerance: Duration,
}

impl Sweeper {
    /// A sweeper for this market. A silence longer than `outage_tolerance` counts as an outage, which puts all
    /// deadlines off.
    #[must_use]
    pub const fn new(market: Market, outage_tolerance: Duration) -> Self {
        Self {
            market,
            outage_tolerance,
        }
    }

    /// Sweeps until nothing is due; the answer is how many deals were moved.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let beat = self
            .market
            .queries()
            .heartbeat(self.market.now(), self.outage_tolerance);
        if let Some(gap) = beat.await? {
            tracing::warn!(
                seconds = gap.as_secs(),
                "the market was away; all deadlines were put off"
            );
        }
        let mut moved = 0;
        loop {
            let due = self
                .market
                .queries()
                .due_offers(self.market.now(), BATCH)
                .await?;
            let full = due.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
            let mut expiries = JoinSet::new();
            for offer in due {
                let (market, dispute) = (self.market.clone(), self.market.fresh());
                expiries.spawn(async move {
                    (offer, market.execute(ExpireOffer { offer, dispute }).await)
                });
            }
            let mut progress = 0;
            while let Some(Ok((offer, expired))) = expiries.join_next().await {
                match expired {
                    Ok(Expired::Moved(status)) => {
                        tracing::info!(%offer, %status, "a deadline has passed");
                        progress += 1;
                    }
                    Ok(Expired::NotDue) => {}
                    Err(CommandError::Busy) => {
                        tracing::debug!(%offer, "too busy to expire it now");
                    }
                    Err(error) => tracing::error!(%offer, %error, "a deadline could not be kept"),
                }
            }
            moved += progress;
            // Without progress the same deals would come again at once: leave them to the next sweep.
            if !full || progress == 0 {
                return Ok(moved);
            }
        }
    }

    /// Sweeps every `interval`, for ever.
    pub async fn run(self, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sweep().await {
                tracing::error!(error = &error as &dyn std::error::Error, "sweeping failed");
            }
        }
    }
}
