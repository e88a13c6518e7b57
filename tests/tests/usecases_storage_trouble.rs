//! What becomes of commands when storage fails: retried where nothing was committed, answered honestly where nobody
//! knows, and never half. In memory, on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use application::CommandError;
use application::exchanger::SwitchOnline;
use application::pipeline::{Command, Desk, Needs};
use application::ports::StorageError;
use application::wallet::Deposit;
use domain::user::Caller;
use domain::{Account, AccountKey, Asset, ExchangeType, ListingId, Money, Posting, Refusal};
use memory::{Memory, Point, Tally};
use p2p_tests::harness::{Harness, Offering, decimal};

fn conflict() -> StorageError {
    StorageError::Conflict {
        what: "somebody was faster".to_owned(),
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable {
        source: "the cable was pulled".into(),
    }
}

fn in_doubt() -> StorageError {
    StorageError::InDoubt {
        source: "the cable was pulled".into(),
    }
}

fn rejected() -> StorageError {
    StorageError::Rejected {
        what: "a broken invariant".to_owned(),
    }
}

/// How often the pipeline tries a batch, and each command of a batch that is taken apart.
const ATTEMPTS: u64 = 4;

struct Scene {
    harness: Harness<Memory>,
    anna: Caller,
}

impl Scene {
    async fn open() -> Self {
        let harness = Harness::open(Memory::new()).await;
        let anna = harness.exchanger("anna").await;
        Self { harness, anna }
    }

    fn deposit(&self) -> Deposit {
        Deposit {
            caller: self.harness.admin,
            user: self.anna.user,
            asset: Asset::Usdt,
            amount: decimal("1"),
        }
    }

    /// Three deposits in one batch.
    async fn three(&self) -> Vec<Result<Account, CommandError>> {
        let deposits = (0..3).map(|_| self.deposit());
        self.harness.together(deposits).await
    }

    async fn balance(&self) -> i64 {
        self.harness.wallet(self.anna.user, Asset::Usdt).await.0
    }

    fn fail(&self, point: Point, error: fn() -> StorageError, times: u64) {
        for _ in 0..times {
            self.harness.store.faults().fail(point, error());
        }
    }

    fn tally(&self) -> Tally {
        *self.harness.store.tally().borrow()
    }

    fn retries(&self) -> u64 {
        self.harness.market.pipeline().stats().retries
    }

    /// Whatever happened, nothing planned is left over, the books are clean and the market goes on.
    async fn close(self) {
        assert_eq!(
            self.harness.store.faults().pending(),
            0,
            "a fault did not strike"
        );
        let before = self.balance().await;
        self.harness.done(self.deposit()).await;
        assert_eq!(self.balance().await, before + 1_000_000);
        self.harness.close().await;
    }
}

#[tokio::test]
async fn a_conflict_is_tried_again_on_fresh_data() {
    for point in [Point::Commit, Point::Load, Point::Begin] {
        for times in 1..ATTEMPTS {
            let scene = Scene::open().await;
            let before = scene.tally();
            scene.fail(point, conflict, times);
            let answers = scene.three().await;
            let balances: Vec<_> = answers
                .iter()
                .flatten()
                .map(|one| one.available().minor())
                .collect();
            assert_eq!(balances, [1_000_000, 2_000_000, 3_000_000], "{point:?}");
            assert_eq!(scene.tally().committed, before.committed + 1);
            assert_eq!(scene.tally().asked, before.asked + times + 1);
            assert_eq!(scene.retries(), times);
            scene.close().await;
        }
    }
}

/// Gives the user a unit for each time that it was asked to decide.
struct Counting {
    user: Caller,
    decided: Arc<AtomicU32>,
}

impl Command for Counting {
    type Outcome = i64;

    fn needs(&self, needs: &mut Needs) {
        needs.account(AccountKey::user(self.user.user, Asset::Usdt));
        needs.account(AccountKey::external(Asset::Usdt));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<i64, Refusal> {
        let times = self.decided.fetch_add(1, Ordering::SeqCst) + 1;
        let amount = Money::new(i64::from(times), Asset::Usdt);
        let posting = Posting::deposit(self.user.user, amount, self.user.user);
        desk.post(posting.map_err(Refusal::amount)?)
            .map_err(|(_, refusal)| refusal)?;
        let account = desk.account(AccountKey::user(self.user.user, Asset::Usdt))?;
        Ok(account.available().minor())
    }
}

/// Only the last decision counts, in the books and in the answer.
#[tokio::test]
async fn a_retry_forgets_what_was_decided_before() {
    let scene = Scene::open().await;
    scene.fail(Point::Commit, conflict, 2);
    let decided = Arc::new(AtomicU32::new(0));
    let command = Counting {
        user: scene.anna,
        decided: Arc::clone(&decided),
    };
    assert_eq!(scene.harness.done(command).await, 3);
    assert_eq!(decided.load(Ordering::SeqCst), 3);
    assert_eq!(scene.balance().await, 3);
    scene.close().await;
}

/// A batch that never gets through is taken apart; its commands, less in each other's way, succeed one by one.
#[tokio::test]
async fn a_batch_that_keeps_conflicting_is_taken_apart() {
    let scene = Scene::open().await;
    let before = scene.tally();
    scene.fail(Point::Commit, conflict, ATTEMPTS);
    assert!(scene.three().await.iter().all(Result::is_ok));
    assert_eq!(scene.balance().await, 3_000_000);
    assert_eq!(scene.tally().committed, before.committed + 3);
    scene.close().await;
}

#[tokio::test]
async fn endless_conflicts_are_an_outage_for_all() {
    let scene = Scene::open().await;
    let before = scene.harness.store.tables();
    // The batch, and then each of the three.
    scene.fail(Point::Commit, conflict, 4 * ATTEMPTS);
    let answers = scene.three().await;
    assert_eq!(answers, [const { Err(CommandError::Unavailable) }; 3]);
    assert!(
        before == scene.harness.store.tables(),
        "something was committed"
    );
    scene.close().await;
}

/// A pooled connection may have died while it was idle: one more try, and no more, however many wait.
#[tokio::test]
async fn an_outage_is_answered_to_all_with_nothing_changed() {
    for point in [Point::Begin, Point::Load, Point::Commit] {
        let scene = Scene::open().await;
        scene.fail(point, unavailable, 1);
        assert!(scene.three().await.iter().all(Result::is_ok), "{point:?}");

        let (tables, before) = (scene.harness.store.tables(), scene.tally());
        scene.fail(point, unavailable, 2);
        let answers = scene.three().await;
        assert_eq!(
            answers,
            [const { Err(CommandError::Unavailable) }; 3],
            "{point:?}"
        );
        assert!(
            tables == scene.harness.store.tables(),
            "{point:?}: something was committed"
        );
        assert_eq!(scene.tally().asked, before.asked + 2, "{point:?}");
        scene.close().await;
    }
}

/// The answer to the commit was lost. Whether it took effect or not: everybody is told that nobody knows, and it is
/// never tried again, which would do it twice.
#[tokio::test]
async fn a_commit_in_doubt_is_never_tried_again() {
    for (point, balance) in [(Point::Committed, 3_000_000), (Point::Commit, 0)] {
        let scene = Scene::open().await;
        let before = scene.tally();
        scene.fail(point, in_doubt, 1);
        let answers = scene.three().await;
        assert_eq!(
            answers,
            [const { Err(CommandError::InDoubt) }; 3],
            "{point:?}"
        );
        assert_eq!(scene.balance().await, balance);
        assert_eq!(scene.tally().asked, before.asked + 1);
        assert_eq!(scene.retries(), 0);
        scene.harness.assert_clean().await;
        scene.close().await;
    }
}

/// A refused command that shared a batch in doubt has changed nothing, but was not answered before the commit.
#[tokio::test]
async fn a_refusal_is_not_answered_before_its_batch_is_stored() {
    let scene = Scene::open().await;
    scene.fail(Point::Commit, in_doubt, 1);
    let good = scene.harness.post(scene.deposit());
    let bad = scene.harness.post(Deposit {
        amount: decimal("0"),
        ..scene.deposit()
    });
    assert_eq!(good.await, Err(CommandError::InDoubt));
    assert_eq!(bad.await, Err(CommandError::InDoubt));
    scene.close().await;
}

/// Leaves a listing behind that no schema lets in.
struct Poison {
    listing: ListingId,
}

impl Command for Poison {
    type Outcome = ();

    fn needs(&self, needs: &mut Needs) {
        needs.listing(self.listing);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let mut listing = desk.listing(self.listing)?;
        listing.frozen = Money::new(-1, listing.asset());
        listing.version += 1;
        desk.save_listing(listing);
        Ok(())
    }
}

#[tokio::test]
async fn what_the_schema_rejects_fails_alone() {
    let scene = Scene::open().await;
    let listing = scene
        .harness
        .publish(scene.anna, &Offering::of(ExchangeType::FiatToCrypto))
        .await;
    let first = scene.harness.post(scene.deposit());
    let poison = scene.harness.post(Poison {
        listing: listing.id,
    });
    let last = scene.harness.post(scene.deposit());
    assert!(first.await.is_ok());
    assert_eq!(poison.await, Err(CommandError::Internal));
    assert!(last.await.is_ok());
    assert_eq!(scene.balance().await, 2_000_000);
    assert_eq!(scene.harness.listing(listing.id).await, listing);

    // Alone in its batch, it is tried once.
    let before = scene.tally();
    assert_eq!(
        scene
            .harness
            .attempt(Poison {
                listing: listing.id
            })
            .await,
        Err(CommandError::Internal)
    );
    assert_eq!(scene.tally().asked, before.asked + 1);
    scene.close().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_only_who_needs_it() {
    let scene = Scene::open().await;
    let harness = &scene.harness;
    let berta = harness.exchanger("berta").await;
    let customer = harness.customer("customer").await;
    harness.deposit(customer, "100", Asset::Usdt).await;
    let offering = Offering::of(ExchangeType::CryptoToFiat);
    let (bad, good) = (
        harness.publish(scene.anna, &offering).await,
        harness.publish(berta, &offering).await,
    );
    harness.store.faults().corrupt(bad.id);

    let first = harness.post(scene.deposit());
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
    scene.close().await;
}

/// Each command of a batch that was taken apart meets trouble of its own.
#[tokio::test]
async fn each_command_of_a_batch_taken_apart_has_its_own_fate() {
    let scene = Scene::open().await;
    let faults = scene.harness.store.faults();
    // The batch is rejected; then the first is retried after a conflict, the second in doubt, the third fine.
    for error in [rejected(), conflict()] {
        faults.fail(Point::Commit, error);
    }
    let posted: Vec<_> = (0..3)
        .map(|_| scene.harness.post(scene.deposit()))
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
    scene.close().await;
}

/// A batch that changes nothing ends with a roll-back; that this fails is an outage like any other.
#[tokio::test]
async fn a_rollback_that_fails_is_tried_again() {
    let scene = Scene::open().await;
    scene.fail(Point::Rollback, unavailable, 1);
    let idle = SwitchOnline {
        caller: scene.anna,
        exchanger: scene.anna.user,
        online: true,
    };
    assert!(scene.harness.done(idle).await.online);
    scene.close().await;
}

/// A defect of the adapter: the callers learn that nobody knows, and the market goes on with the next batch.
#[tokio::test]
async fn a_storage_that_panics_takes_its_batch_down_and_not_the_market() {
    for (point, balance) in [
        (Point::Begin, 0),
        (Point::Load, 0),
        (Point::Commit, 0),
        (Point::Committed, 3_000_000),
    ] {
        let scene = Scene::open().await;
        scene.harness.store.faults().panic(point);
        let answers = scene.three().await;
        assert_eq!(
            answers,
            [const { Err(CommandError::InDoubt) }; 3],
            "{point:?}"
        );
        assert_eq!(scene.balance().await, balance, "{point:?}");
        scene.close().await;
    }
}
