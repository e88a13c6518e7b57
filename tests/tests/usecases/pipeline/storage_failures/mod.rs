//! What becomes of commands when storage fails: retried where nothing was committed, answered honestly where nobody
//! knows, and never half. In memory, on one thread.

mod apart;
mod faults;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use p2p_application::CommandError;
use p2p_application::engine::{Command, ReadSet, UnitOfWork};
use p2p_application::exchanger::SwitchOnline;
use p2p_domain::user::Caller;
use p2p_domain::{Account, AccountKey, Asset, Money, Posting, Refusal};
use p2p_memory::Point;

use super::memory;
use faults::{ATTEMPTS, conflict, in_doubt, unavailable};
use p2p_tests::fixture::Fixture;

#[tokio::test]
async fn a_conflict_is_tried_again_on_fresh_data() {
    for point in [Point::Commit, Point::Load, Point::Begin] {
        for times in 1..ATTEMPTS {
            let fixture = Fixture::open(memory()).await;
            let before = fixture.calls();
            fixture.fail(point, conflict, times);
            let answers = fixture.three_deposits().await;
            let balances: Vec<_> = answers
                .iter()
                .flatten()
                .map(|one| one.available().minor())
                .collect();
            assert_eq!(balances, [1_000_000, 2_000_000, 3_000_000], "{point:?}");
            assert_eq!(fixture.calls().committed, before.committed + 1);
            assert_eq!(fixture.calls().asked, before.asked + times + 1);
            assert_eq!(fixture.retries(), times);
            fixture.close_after_faults().await;
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

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Account>(AccountKey::user(self.user.user, Asset::Usdt));
        reads.lock::<Account>(AccountKey::external(Asset::Usdt));
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<i64, Refusal> {
        let times = self.decided.fetch_add(1, Ordering::SeqCst) + 1;
        let amount = Money::new(i64::from(times), Asset::Usdt);
        let posting = Posting::deposit(self.user.user, amount, self.user.user);
        uow.post(posting.map_err(Refusal::amount)?)
            .map_err(|(_, refusal)| refusal)?;
        let account = uow.get::<Account>(&AccountKey::user(self.user.user, Asset::Usdt))?;
        Ok(account.available().minor())
    }
}

/// Only the last decision counts, in the books and in the answer.
#[tokio::test]
async fn a_retry_forgets_what_was_decided_before() {
    let fixture = Fixture::open(memory()).await;
    fixture.fail(Point::Commit, conflict, 2);
    let decided = Arc::new(AtomicU32::new(0));
    let command = Counting {
        user: fixture.exchanger,
        decided: Arc::clone(&decided),
    };
    assert_eq!(fixture.harness.done(command).await, 3);
    assert_eq!(decided.load(Ordering::SeqCst), 3);
    assert_eq!(fixture.balance().await, 3);
    fixture.close_after_faults().await;
}

/// A batch that never gets through is taken apart; its commands, less in each other's way, succeed one by one.
#[tokio::test]
async fn a_batch_that_keeps_conflicting_is_taken_apart() {
    let fixture = Fixture::open(memory()).await;
    let before = fixture.calls();
    fixture.fail(Point::Commit, conflict, ATTEMPTS);
    assert!(fixture.three_deposits().await.iter().all(Result::is_ok));
    assert_eq!(fixture.balance().await, 3_000_000);
    assert_eq!(fixture.calls().committed, before.committed + 3);
    fixture.close_after_faults().await;
}

#[tokio::test]
async fn endless_conflicts_are_an_outage_for_all() {
    let fixture = Fixture::open(memory()).await;
    let before = fixture.harness.store.tables();
    // The batch, and then each of the three.
    fixture.fail(Point::Commit, conflict, 4 * ATTEMPTS);
    let answers = fixture.three_deposits().await;
    assert_eq!(answers, [const { Err(CommandError::Unavailable) }; 3]);
    assert!(
        before == fixture.harness.store.tables(),
        "something was committed"
    );
    fixture.close_after_faults().await;
}

/// A pooled connection may have died while it was idle: one more try, and no more, however many wait.
#[tokio::test]
async fn an_outage_is_answered_to_all_with_nothing_changed() {
    for point in [Point::Begin, Point::Load, Point::Commit] {
        let fixture = Fixture::open(memory()).await;
        fixture.fail(point, unavailable, 1);
        assert!(
            fixture.three_deposits().await.iter().all(Result::is_ok),
            "{point:?}"
        );

        let (tables, before) = (fixture.harness.store.tables(), fixture.calls());
        fixture.fail(point, unavailable, 2);
        let answers = fixture.three_deposits().await;
        assert_eq!(
            answers,
            [const { Err(CommandError::Unavailable) }; 3],
            "{point:?}"
        );
        assert!(
            tables == fixture.harness.store.tables(),
            "{point:?}: something was committed"
        );
        assert_eq!(fixture.calls().asked, before.asked + 2, "{point:?}");
        fixture.close_after_faults().await;
    }
}

/// The answer to the commit was lost. Whether it took effect or not: everybody is told that nobody knows, and it is
/// never tried again, which would do it twice.
#[tokio::test]
async fn a_commit_in_doubt_is_never_tried_again() {
    for (point, balance) in [(Point::Committed, 3_000_000), (Point::Commit, 0)] {
        let fixture = Fixture::open(memory()).await;
        let before = fixture.calls();
        fixture.fail(point, in_doubt, 1);
        let answers = fixture.three_deposits().await;
        assert_eq!(
            answers,
            [const { Err(CommandError::InDoubt) }; 3],
            "{point:?}"
        );
        assert_eq!(fixture.balance().await, balance);
        assert_eq!(fixture.calls().asked, before.asked + 1);
        assert_eq!(fixture.retries(), 0);
        fixture.harness.assert_clean().await;
        fixture.close_after_faults().await;
    }
}

/// A refused command that shared a batch in doubt has changed nothing, but was not answered before the commit.
#[tokio::test]
async fn a_refusal_is_not_answered_before_its_batch_is_stored() {
    let fixture = Fixture::open(memory()).await;
    fixture.fail(Point::Commit, in_doubt, 1);
    let good = fixture.harness.post(fixture.deposit());
    let bad = fixture.harness.post(fixture.invalid_deposit());
    assert_eq!(good.await, Err(CommandError::InDoubt));
    assert_eq!(bad.await, Err(CommandError::InDoubt));
    fixture.close_after_faults().await;
}

/// A batch that changes nothing ends with a roll-back; that this fails is an outage like any other.
#[tokio::test]
async fn a_rollback_that_fails_is_tried_again() {
    let fixture = Fixture::open(memory()).await;
    fixture.fail(Point::Rollback, unavailable, 1);
    let idle = SwitchOnline {
        caller: fixture.exchanger,
        exchanger: fixture.exchanger.user,
        online: true,
    };
    assert!(fixture.harness.done(idle).await.online);
    fixture.close_after_faults().await;
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
        let fixture = Fixture::open(memory()).await;
        fixture.harness.store.faults().panic(point);
        let answers = fixture.three_deposits().await;
        assert_eq!(
            answers,
            [const { Err(CommandError::InDoubt) }; 3],
            "{point:?}"
        );
        assert_eq!(fixture.balance().await, balance, "{point:?}");
        fixture.close_after_faults().await;
    }
}
