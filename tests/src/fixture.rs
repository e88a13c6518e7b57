//! A market with an exchanger's listing and a customer who sells to it; tests start from here.

#![expect(
    clippy::expect_used,
    reason = "a step that goes wrong has to stop the test"
)]

use p2p_application::CommandError;
use p2p_application::ports::StorageError;
use p2p_application::wallet::Deposit;
use p2p_domain::user::Caller;
use p2p_domain::{Account, Asset, ExchangeType, Listing, Offer};
use p2p_memory::{Memory, Point, Tally};

use crate::harness::{Harness, Offering, Setup, decimal, deposit, minutes};

/// The participants, and the market that they meet in.
#[derive(Debug)]
pub struct Fixture {
    pub harness: Harness<Memory>,
    pub exchanger: Caller,
    /// Has 100,000 USDT.
    pub customer: Caller,
    /// The exchanger buys 100,000 USDT.
    pub listing: Listing,
}

impl Fixture {
    /// Opens a market in this store with the default settings.
    pub async fn open(store: Memory) -> Self {
        Self::open_with(store, Setup::default()).await
    }

    /// Opens a market in this store.
    pub async fn open_with(store: Memory, setup: Setup) -> Self {
        let harness = Harness::open_with(store, setup).await;
        let exchanger = harness.exchanger("exchanger").await;
        let customer = harness.customer("customer").await;
        harness.deposit(customer, "100000", Asset::Usdt).await;
        let offering = Offering {
            total: "100000",
            ..Offering::of(ExchangeType::CryptoToFiat)
        };
        let listing = harness.publish(exchanger, &offering).await;
        Self {
            harness,
            exchanger,
            customer,
            listing,
        }
    }
}

/// Offers, and the exchanger's silence.
impl Fixture {
    /// Makes this many offers in one batch.
    pub async fn offers(&self, count: usize) -> Vec<Offer> {
        let openings = (0..count).map(|_| self.harness.opening(self.customer, &self.listing, "10"));
        let offers = self.harness.together(openings).await;
        offers
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("an offer")
    }

    /// Makes this many offers, each of which expires before the next.
    pub async fn let_offers_expire(&self, count: u64) {
        for _ in 0..count {
            self.harness.offer(self.customer, &self.listing, "10").await;
            assert_eq!(self.harness.sweep_after(minutes(30)).await, 1);
        }
    }

    /// The offers in a row that the exchanger let expire.
    pub async fn unanswered(&self) -> u32 {
        let exchanger = self.exchanger.user;
        self.harness.exchanger_record(exchanger).await.unanswered
    }

    /// Whether the exchanger is frozen.
    pub async fn is_frozen(&self) -> bool {
        let exchanger = self.exchanger.user;
        let record = self.harness.exchanger_record(exchanger).await;
        record.frozen_at.is_some()
    }
}

/// Deposits to the exchanger while storage fails.
impl Fixture {
    /// One USDT.
    #[must_use]
    pub fn deposit(&self) -> Deposit {
        deposit(self.harness.admin, self.exchanger, "1", Asset::Usdt)
    }

    /// A deposit of nothing, which is refused.
    #[must_use]
    pub fn invalid_deposit(&self) -> Deposit {
        Deposit {
            amount: decimal("0"),
            ..self.deposit()
        }
    }

    /// Books three deposits in one batch.
    pub async fn three_deposits(&self) -> Vec<Result<Account, CommandError>> {
        let deposits = (0..3).map(|_| self.deposit());
        self.harness.together(deposits).await
    }

    /// The exchanger's available USDT, in minor units.
    pub async fn balance(&self) -> i64 {
        let exchanger = self.exchanger.user;
        self.harness.wallet(exchanger, Asset::Usdt).await.0
    }

    /// Makes storage fail so often at this point.
    pub fn fail(&self, point: Point, error: fn() -> StorageError, times: u64) {
        for _ in 0..times {
            self.harness.store.faults().fail(point, error());
        }
    }

    /// The calls that the store has counted.
    #[must_use]
    pub fn calls(&self) -> Tally {
        *self.harness.store.tally().borrow()
    }

    /// The batches that the pipeline has tried again.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.harness.market.pipeline().stats().retries
    }

    /// Ends the market: every planned fault has struck, the ledger is clean and another deposit succeeds.
    pub async fn close_after_faults(self) {
        let pending = self.harness.store.faults().pending();
        assert_eq!(pending, 0, "a fault did not strike");
        let before = self.balance().await;
        self.harness.done(self.deposit()).await;
        assert_eq!(self.balance().await, before + 1_000_000);
        self.harness.close().await;
    }
}
