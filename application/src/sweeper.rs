//! The sweeper turns deadlines that have passed into commands. Any number of replicas may sweep at once: a deal that
//! another has moved meanwhile is left as it is.

use std::time::Duration;

use p2p_domain::{OfferId, Timestamp};
use tokio::task::JoinSet;

use crate::offer::{ExpireOffer, Expired};
use crate::ports::StorageError;
use crate::timeout::with_timeout;
use crate::{CommandError, Market};

/// Expiries sent at a time: well below the pipeline's queue, so that sweeping never crowds callers out.
const AT_A_TIME: usize = 256;

/// Deadlines looked at, at first.
const BATCH: u32 = 256;

/// Where the most overdue deals can't be moved, so many are looked at to find others that can.
const MOST: u32 = 65_536;

/// What became of some expiries.
#[derive(Debug, Default)]
struct SweepOutcome {
    moved: u64,
    /// Some were turned away: the pipeline has enough to do.
    busy: bool,
}

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

    /// Notes that the market is alive. After an outage all deadlines are put off.
    pub async fn beat(&self, now: Timestamp) -> Result<(), StorageError> {
        let maintenance = self.market.maintenance();
        let beat = maintenance.heartbeat(now, self.outage_tolerance);
        if let Some(gap) = with_timeout(beat).await? {
            tracing::warn!(
                seconds = gap.as_secs(),
                "the market was away; all deadlines were put off"
            );
        }
        Ok(())
    }

    /// Sweeps until nothing is due; the answer is how many deals were moved.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let (mut moved, mut limit) = (0, BATCH);
        loop {
            // One time for both: a pause of the machine between them would be an outage that nobody has noted.
            let now = self.market.now();
            self.beat(now).await?;
            let due = with_timeout(self.market.maintenance().due_offers(now, limit)).await?;
            let full = due.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
            let before = moved;
            for some in due.chunks(AT_A_TIME) {
                let round = self.expire(some).await;
                moved += round.moved;
                if round.busy {
                    // Callers come first; the next sweep goes on from here.
                    return Ok(moved);
                }
            }
            let progress = moved - before;
            if !full || (progress == 0 && limit >= MOST) {
                return Ok(moved);
            }
            if progress == 0 {
                limit *= 4;
            }
        }
    }

    /// Sends an expiry for each of these deals and waits for all of them.
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
        let mut round = SweepOutcome::default();
        while let Some(Ok((offer, expired))) = expiries.join_next().await {
            match expired {
                Ok(Expired::Moved(status)) => {
                    tracing::info!(%offer, %status, "a deadline has passed");
                    round.moved += 1;
                }
                Ok(Expired::NotDue | Expired::Freezes) => {}
                Err(CommandError::Busy) => {
                    tracing::debug!(%offer, "too busy to expire it now");
                    round.busy = true;
                }
                Err(error) => tracing::error!(%offer, %error, "a deadline could not be kept"),
            }
        }
        round
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
