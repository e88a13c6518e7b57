//! A customer with money, and an exchanger with a listing that takes many offers.

use p2p_application::offer::CreateOffer;
use p2p_domain::user::Caller;
use p2p_domain::{Asset, ExchangeType, Listing, Offer};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Offering, Setup};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

pub(crate) struct Scene {
    pub(crate) harness: Harness<Memory>,
    pub(crate) customer: Caller,
    pub(crate) listing: Listing,
}

impl Scene {
    pub(crate) async fn open(setup: Setup) -> Self {
        let harness = Harness::open_with(Memory::new(), setup).await;
        let (anna, customer) = (
            harness.exchanger("anna").await,
            harness.customer("customer").await,
        );
        harness.deposit(customer, "100000", Asset::Usdt).await;
        let offering = Offering {
            total: "100000",
            ..Offering::of(BUYS)
        };
        let listing = harness.publish(anna, &offering).await;
        Self {
            harness,
            customer,
            listing,
        }
    }

    pub(crate) async fn offers(&self, count: usize) -> Vec<Offer> {
        let openings = (0..count).map(|_| self.harness.opening(self.customer, &self.listing, "10"));
        let made: Result<Vec<Offer>, _> =
            self.harness.together(openings).await.into_iter().collect();
        made.unwrap()
    }

    /// An offer that costs the pipeline as much as any, and is refused.
    pub(crate) fn refused(&self) -> CreateOffer {
        self.harness.opening(self.customer, &self.listing, "0")
    }
}
