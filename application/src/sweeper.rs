//! The sweeper turns expired deadlines into commands. Any number of replicas may sweep at once: a deal that another one has
//! moved meanwhile is left alone.

use std::time::Duration;

use p2p_domain::{OfferId, Timestamp};
use tokio::task::JoinSet;

use crate::offer::{ExpireOffer, Expired};
use crate::ports::StorageError;
use crate::timeout::with_timeout;
use crate::{CommandError, Market};

/// Commands sent at a time: well below the capacity of the pipeline's queue, so that sweeping never crowds out callers.
const MAX_PARALLEL: usize = 256;

/// How many deadlines are read at first.
const FIRST_LIMIT: u32 = 256;

/// How many deadlines are read at most if the most overdue deals can't be moved.
const MAX_LIMIT: u32 = 65_536;

/// The outcome of several commands.
#[derive(Debug, Default)]
struct SweepOutcome {
    moved: u64,
    /// The pipeline refused some of them because its queue was full.
    busy: bool,
}

/// Sweeps a market.
#[derive(Debug, Clone)]
pub struct Sweeper {
    market: Market,
    outage_tolerance: Duration,
}

impl Sweeper {
    /// A sweeper for this market. A gap between heartbeats longer than `outage_tolerance` counts as an outage, which extends all
    /// deadlines.
    #[must_use]
    pub const fn new(market: Market, outage_tolerance: Duration) -> Self {
        Self {
            market,
            outage_tolerance,
        }
    }

    /// Records a heartbeat. After an outage all deadlines are extended.
    pub async fn beat(&self, now: Timestamp) -> Result<(), StorageError> {
        let maintenance = self.market.maintenance();
        let beat = maintenance.heartbeat(now, self.outage_tolerance);
        if let Some(gap) = with_timeout(beat).await? {
            tracing::warn!(
                seconds = gap.as_secs(),
                "all deadlines were extended by an outage of the market"
            );
        }
        Ok(())
    }

    /// Sweeps until no deadline is due; returns how many deals were moved.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let (mut moved, mut limit) = (0, FIRST_LIMIT);
        loop {
            // One time for both: a pause of the process between two readings would be an unrecorded outage.
            let now = self.market.now();
            self.beat(now).await?;
            let due = with_timeout(self.market.maintenance().due_offers(now, limit)).await?;
            let full = due.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
            let before = moved;
            for chunk in due.chunks(MAX_PARALLEL) {
                let outcome = self.expire(chunk).await;
                moved += outcome.moved;
                if outcome.busy {
                    // Callers have priority; the next sweep continues from here.
                    return Ok(moved);
                }
            }
            let progress = moved - before;
            if !full || (progress == 0 && limit >= MAX_LIMIT) {
                return Ok(moved);
            }
            if progress == 0 {
                limit *= 4;
            }
        }
    }

    /// Expires each of these deals and waits for all outcomes.
    async fn expire(&self, due: &[OfferId]) -> SweepOutcome {
        let mut expiries = JoinSet::new();
        for offer in due.iter().copied() {
            let (market, dispute) = (self.market.clone(), self.market.fresh());
            expiries.spawn(async move {
                let expire = |freezes| {
                    market.execute(ExpireOffer {
                        offer,
                        dispute,
                        freezes,
                    })
                };
                let mut expired = expire(false).await;
                if expired == Ok(Expired::Freezes) {
                    expired = expire(true).await;
                }
                (offer, expired)
            });
        }
        let mut outcome = SweepOutcome::default();
        while let Some(Ok((offer, expired))) = expiries.join_next().await {
            match expired {
                Ok(Expired::Moved(status)) => {
                    tracing::info!(%offer, %status, "a deadline has passed");
                    outcome.moved += 1;
                }
                Ok(Expired::NotDue | Expired::Freezes) => {}
                Err(CommandError::Busy) => {
                    tracing::debug!(%offer, "the pipeline is too busy to expire a deal now");
                    outcome.busy = true;
                }
                Err(error) => tracing::error!(%offer, %error, "a deal could not be expired"),
            }
        }
        outcome
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
