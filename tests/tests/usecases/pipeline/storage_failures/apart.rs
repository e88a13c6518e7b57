//! Batches that can't be committed as they are: taken apart, only the guilty command fails.

use p2p_application::CommandError;
use p2p_application::engine::{Command, ReadSet, UnitOfWork};
use p2p_application::ports::StorageError;
use p2p_domain::{Asset, ExchangeType, Listing, ListingId, Money, Refusal};
use p2p_memory::Point;
use p2p_tests::harness::Offering;

use super::faults::{conflict, in_doubt, rejected, unavailable};
use super::memory;
use p2p_tests::fixture::Fixture;

/// Leaves a listing behind that no schema lets in.
struct Poison {
    listing: ListingId,
}

impl Command for Poison {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.listing(self.listing);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let mut listing = uow.get::<Listing>(&self.listing)?;
        listing.frozen = Money::new(-1, listing.asset());
        listing.version += 1;
        uow.save(listing);
        Ok(())
    }
}

#[tokio::test]
async fn what_the_schema_rejects_fails_alone() {
    let fixture = Fixture::open(memory()).await;
    let listing = fixture
        .harness
        .publish(fixture.exchanger, &Offering::of(ExchangeType::FiatToCrypto))
        .await;
    let first = fixture.harness.post(fixture.deposit());
    let poison = fixture.harness.post(Poison {
        listing: listing.id,
    });
    let last = fixture.harness.post(fixture.deposit());
    assert!(first.await.is_ok());
    assert_eq!(poison.await, Err(CommandError::Internal));
    assert!(last.await.is_ok());
    assert_eq!(fixture.balance().await, 2_000_000);
    assert_eq!(fixture.harness.listing(listing.id).await, listing);

    // Alone in its batch, it is tried once.
    let before = fixture.calls();
    assert_eq!(
        fixture
            .harness
            .attempt(Poison {
                listing: listing.id
            })
            .await,
        Err(CommandError::Internal)
    );
    assert_eq!(fixture.calls().asked, before.asked + 1);
    fixture.close_after_faults().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_only_who_needs_it() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    let berta = harness.exchanger("berta").await;
    let customer = harness.customer("customer").await;
    harness.deposit(customer, "100", Asset::Usdt).await;
    let offering = Offering::of(ExchangeType::CryptoToFiat);
    let (bad, good) = (
        harness.publish(fixture.exchanger, &offering).await,
        harness.publish(berta, &offering).await,
    );
    harness.store.faults().corrupt(bad.id);

    let first = harness.post(fixture.deposit());
    let guilty = [(); 2].map(|()| harness.post(harness.opening(customer, &bad, "10")));
    let innocent = harness.post(harness.opening(customer, &good, "10"));
    assert!(first.await.is_ok());
    for one in guilty {
        assert_eq!(one.await, Err(CommandError::Internal));
    }
    assert!(innocent.await.is_ok());
    assert_eq!(
        harness.wallet(customer.user, Asset::Usdt).await,
        (90_000_000, 10_000_000)
    );
    harness.store.faults().clear();
    harness.offer(customer, &bad, "10").await;
    fixture.close_after_faults().await;
}

/// Each command of a batch that was taken apart meets trouble of its own.
#[tokio::test]
async fn each_command_of_a_batch_taken_apart_has_its_own_fate() {
    let fixture = Fixture::open(memory()).await;
    let faults = fixture.harness.store.faults();
    // The batch is rejected; then the first is retried after a conflict, the second in doubt, the third fine.
    for error in [rejected(), conflict()] {
        faults.fail(Point::Commit, error);
    }
    let posted: Vec<_> = (0..3)
        .map(|_| fixture.harness.post(fixture.deposit()))
        .collect();
    faults.fail(Point::Committed, in_doubt());
    let mut answers = Vec::new();
    for one in posted {
        answers.push(one.await.map(|account| account.available().minor()));
    }
    assert_eq!(
        answers,
        [Err(CommandError::InDoubt), Ok(2_000_000), Ok(3_000_000)]
    );
    fixture.close_after_faults().await;
}

/// Storage goes away while a batch is taken apart: the rest is not even begun, so nobody is left in doubt or waits long.
#[tokio::test]
async fn an_outage_while_a_batch_is_taken_apart_ends_it() {
    let fixture = Fixture::open(memory()).await;
    let before = fixture.calls();
    fixture.fail(Point::Commit, rejected, 1);
    // The first command alone is fine, the second meets an outage, twice.
    for _ in 0..2 {
        let faults = fixture.harness.store.faults();
        faults.fail_at(Point::Begin, 2, unavailable());
    }
    let answers = fixture.three_deposits().await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1..], [const { Err(CommandError::Unavailable) }; 2]);
    assert_eq!(fixture.balance().await, 1_000_000);
    assert_eq!(fixture.calls().asked, before.asked + 4);
    fixture.close_after_faults().await;
}

/// A row that somebody else will not let go: waiting for it once was long enough, and its neighbours need not suffer.
#[tokio::test]
async fn a_row_that_is_held_fails_only_who_needs_it() {
    fn blocked() -> StorageError {
        StorageError::Blocked {
            what: "a row is held".to_owned(),
        }
    }
    let fixture = Fixture::open(memory()).await;
    let before = fixture.calls();
    // The batch, and then the first of the three.
    fixture.fail(Point::Load, blocked, 2);
    let answers = fixture.three_deposits().await;
    assert_eq!(answers[0], Err(CommandError::Unavailable));
    assert!(answers[1..].iter().all(Result::is_ok));
    assert_eq!(fixture.calls().asked, before.asked + 4);
    assert_eq!(fixture.retries(), 0);
    fixture.close_after_faults().await;
}
