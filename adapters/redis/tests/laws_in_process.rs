//! The laws of the port for rate limits, in one process.

#![allow(
    clippy::unwrap_used,
    reason = "what does not come has to stop the test"
)]

mod laws;

use std::sync::Arc;
use std::time::Duration;

use p2p_application::ports::{Clock, RateLimiter};
use p2p_domain::Timestamp;
use p2p_memory::ManualClock;
use p2p_system::InProcessLimits;

const START: Timestamp = Timestamp::from_micros(1_744_988_400_000_000);

struct Process {
    clock: ManualClock,
    limiter: Arc<InProcessLimits>,
}

impl Process {
    fn new() -> Self {
        let clock = ManualClock::at(START);
        let limiter = Arc::new(InProcessLimits::new(Arc::new(clock.clone())));
        Self { clock, limiter }
    }
}

impl laws::Fixture for Process {
    fn limiter(&self) -> Arc<dyn RateLimiter> {
        Arc::<InProcessLimits>::clone(&self.limiter)
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().since(START)
    }
}

laws!(Process::new());
