//! The pipeline over a store that can be looked at without locks: answers and moves of deals look first, and lock for a
//! while after a look that was in vain. In memory, on one thread.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

use p2p_application::CommandError;
use p2p_application::dispute::CommentOnDispute;
use p2p_application::engine::Command;
use p2p_application::exchanger::SwitchOnline;
use p2p_application::offer::{
    AcceptOffer, ConfirmPayment, ConfirmReceipt, DeclineOffer, ExpireOffer,
};
use p2p_application::ports::StorageError;
use p2p_domain::refusal::OfferRefusal;
use p2p_domain::{Asset, ExchangeType, Listing, Refusal};
use p2p_memory::{Memory, Point, Tally};
use p2p_tests::harness::{Deal, Harness, Offering, Stage, deposit};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;

async fn open() -> Harness<Memory> {
    Harness::open(Memory::looking()).await
}

fn tally(harness: &Harness<Memory>) -> Tally {
    *harness.store.tally().borrow()
}

/// What has been asked of the store since.
fn since(harness: &Harness<Memory>, before: Tally) -> (u64, u64, u64) {
    let now = tally(harness);
    (
        now.asked - before.asked,
        now.committed - before.committed,
        now.rolled_back - before.rolled_back,
    )
}

/// Committed by a look: without any unit of work.
const LOOKED: (u64, u64, u64) = (0, 1, 0);
/// Committed by a unit of work.
const LOCKED: (u64, u64, u64) = (1, 1, 0);

fn conflict() -> StorageError {
    StorageError::Conflict {
        what: "somebody was faster".to_owned(),
    }
}

fn in_doubt() -> StorageError {
    StorageError::InDoubt {
        source: "the cable was pulled".into(),
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable {
        source: "the cable was pulled".into(),
    }
}

/// Somebody else changes the listing behind the market's back, between the look and the commit.
async fn in_vain(harness: &Harness<Memory>, deal: &Deal) {
    let gate = harness.store.faults().hold(Point::Commit);
    let opened = harness.post(harness.opening(deal.customer, &deal.listing, "10"));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    harness.store.tamper(|tables| {
        let listing = tables.listings.get_mut(&deal.listing.id);
        listing.unwrap_or_else(|| panic!("no listing")).version += 1;
    });
    drop(gate);
    opened.await.unwrap();
}

/// From the first word to the last, nothing of an ordinary deal is locked.
#[tokio::test]
async fn an_ordinary_deal_locks_nothing() {
    for exchange_type in ExchangeType::ALL {
        let harness = open().await;
        let deal = harness.deal(exchange_type, Stage::Pending).await;
        let before = tally(&harness);
        let offer = harness.offer(deal.customer, &deal.listing, "10").await;
        let offer = harness.bring(offer, Stage::Finished).await;
        let declined = harness.offer(deal.customer, &deal.listing, "10").await;
        harness.decline(&declined).await;
        harness.cancel(&deal.offer, deal.customer.user).await;
        assert_eq!(since(&harness, before), (0, 7, 0));
        assert_eq!(harness.deal_now(offer.id).await, offer);
        harness.close().await;
    }
}

/// Answers, moves and settlements in one batch: one look, one commit.
#[tokio::test]
async fn a_batch_of_answers_and_moves_is_one_commit() {
    let harness = open().await;
    let (pending, approved, paid) = (
        harness.deal(SELLS, Stage::Pending).await,
        harness.deal(SELLS, Stage::Approved).await,
        harness.deal(SELLS, Stage::Paid).await,
    );
    let before = tally(&harness);
    let opened = harness.post(harness.opening(paid.customer, &paid.listing, "10"));
    let accepted = harness.post(AcceptOffer {
        caller: pending.exchanger,
        offer: pending.id(),
    });
    let payment = harness.post(ConfirmPayment {
        caller: approved.payer,
        offer: approved.id(),
        reference: "SEPA 1".to_owned(),
    });
    let received = harness.post(ConfirmReceipt {
        caller: paid.holder,
        offer: paid.id(),
    });
    opened.await.unwrap();
    accepted.await.unwrap();
    payment.await.unwrap();
    received.await.unwrap();
    assert_eq!(since(&harness, before), LOOKED);
    harness.close().await;
}

/// One command that relies on locks takes its whole batch along; alone, the others look again.
#[tokio::test]
async fn a_command_that_needs_locks_takes_its_batch_along() {
    async fn with<C: Command>(harness: &Harness<Memory>, command: impl Fn(&Deal) -> C)
    where
        C::Outcome: Unpin + std::fmt::Debug,
    {
        let deal = harness.deal(SELLS, Stage::Pending).await;
        let before = tally(harness);
        let other = harness.post(command(&deal));
        let opened = harness.post(harness.opening(deal.customer, &deal.listing, "10"));
        other.await.unwrap();
        opened.await.unwrap();
        assert_eq!(since(harness, before), LOCKED);
        let before = tally(harness);
        harness.offer(deal.customer, &deal.listing, "10").await;
        assert_eq!(since(harness, before), LOOKED);
    }
    let harness = open().await;
    with(&harness, |deal| {
        harness.publication(deal.exchanger, &Offering::of(SELLS))
    })
    .await;
    with(&harness, |deal| {
        deposit(harness.admin, deal.customer, "1", Asset::Usdt)
    })
    .await;
    with(&harness, |deal| ExpireOffer {
        offer: deal.id(),
        dispute: harness.market.fresh(),
        freezes: true,
    })
    .await;
    with(&harness, |deal| SwitchOnline {
        caller: deal.exchanger,
        exchanger: deal.exchanger.user,
        online: true,
    })
    .await;
    let disputed = harness.deal(SELLS, Stage::Disputed).await;
    let dispute = *harness.store.tables().disputes.keys().next().unwrap();
    with(&harness, |_| CommentOnDispute {
        id: harness.market.fresh(),
        caller: disputed.customer,
        dispute,
        text: "hello".to_owned(),
    })
    .await;
    harness.close().await;
}

/// Neither a unit of work nor a commit: there is nothing to undo.
#[tokio::test]
async fn refused_commands_commit_nothing() {
    let harness = open().await;
    let deal = harness.deal(SELLS, Stage::Finished).await;
    let before = tally(&harness);
    let refusal = harness
        .refused(AcceptOffer {
            caller: deal.exchanger,
            offer: deal.id(),
        })
        .await;
    assert!(matches!(
        refusal,
        Refusal::Offer(OfferRefusal::IllegalTransition { .. })
    ));
    harness
        .refused(harness.opening(deal.customer, &deal.listing, "100000"))
        .await;
    let missing = Listing {
        id: harness.market.fresh(),
        ..deal.listing.clone()
    };
    harness
        .refused(harness.opening(deal.customer, &missing, "10"))
        .await;
    harness
        .refused(DeclineOffer {
            caller: deal.exchanger,
            offer: harness.market.fresh(),
        })
        .await;
    assert_eq!(since(&harness, before), (0, 0, 0));
    harness.close().await;
}

/// The conflict that a row has moved on is answered by locks: at once, and for the lane's next batches.
#[tokio::test]
async fn a_look_in_vain_is_tried_again_with_locks() {
    /// How many batches are locked after it, the one that was tried again among them.
    const LOCKED_BATCHES: u64 = 256;
    let harness = open().await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let before = tally(&harness);
    in_vain(&harness, &deal).await;
    assert_eq!(since(&harness, before), LOCKED);
    assert_eq!(harness.market.pipeline().stats().retries, 1);

    let nothing = AcceptOffer {
        caller: deal.exchanger,
        offer: harness.market.fresh(),
    };
    let before = tally(&harness);
    for _ in 1..LOCKED_BATCHES {
        harness.refused(nothing).await;
    }
    let locked = LOCKED_BATCHES - 1;
    assert_eq!(since(&harness, before), (locked, 0, locked));

    let before = tally(&harness);
    harness.refused(nothing).await;
    harness.accept(&deal.offer).await;
    assert_eq!(since(&harness, before), LOOKED);

    // Again in vain, again with locks.
    let before = tally(&harness);
    in_vain(&harness, &deal).await;
    harness.refused(nothing).await;
    assert_eq!(since(&harness, before), (2, 1, 1));
    harness.close().await;
}

/// A lost answer is not asked for again: it might be done twice. What storage says it has not done is.
#[tokio::test]
async fn a_commit_that_was_lost_is_in_doubt_to_all() {
    for (point, stored) in [(Point::Committed, true), (Point::Commit, false)] {
        let harness = open().await;
        let deal = harness.deal(SELLS, Stage::Pending).await;
        harness.store.faults().fail(point, in_doubt());
        let openings = ["10", "20", "100000"];
        let openings = openings.map(|amount| harness.opening(deal.customer, &deal.listing, amount));
        let ids = openings.clone().map(|opening| opening.id);
        for answer in harness.together(openings).await {
            assert_eq!(answer.unwrap_err(), CommandError::InDoubt);
        }
        assert_eq!(harness.market.pipeline().stats().retries, 0);
        let tables = harness.store.tables();
        let there = ids.map(|id| tables.offers.contains_key(&id));
        assert_eq!(there, [stored, stored, false], "{point:?}");
        // It was no conflict: the next one looks.
        let before = tally(&harness);
        harness.accept(&deal.offer).await;
        assert_eq!(since(&harness, before), LOOKED);
        harness.close().await;
    }
}

/// An outage before anything was written is tried once more, whether it was met looking or committing.
#[tokio::test]
async fn an_outage_of_a_look_changes_nothing() {
    for point in [Point::Load, Point::Commit] {
        let harness = open().await;
        let deal = harness.deal(SELLS, Stage::Pending).await;
        let command = AcceptOffer {
            caller: deal.exchanger,
            offer: deal.id(),
        };
        let before = tally(&harness);
        for _ in 0..2 {
            harness.store.faults().fail(point, unavailable());
        }
        let answer = harness.attempt(command).await;
        assert_eq!(answer.unwrap_err(), CommandError::Unavailable, "{point:?}");
        assert_eq!(since(&harness, before), (0, 0, 0));
        harness.store.faults().fail(point, unavailable());
        harness.done(command).await;
        assert_eq!(since(&harness, before), LOOKED);
        harness.close().await;
    }
}

/// Conflicts without end: each attempt but the first locks, and then the commands go one by one.
#[tokio::test]
async fn endless_conflicts_are_given_up() {
    let harness = open().await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let before = tally(&harness);
    for _ in 0..4 {
        harness.store.faults().fail(Point::Commit, conflict());
    }
    let command = AcceptOffer {
        caller: deal.exchanger,
        offer: deal.id(),
    };
    let answer = harness.attempt(command).await;
    assert_eq!(answer.unwrap_err(), CommandError::Unavailable);
    assert_eq!(since(&harness, before), (3, 0, 0));
    harness.done(command).await;
    harness.close().await;
}

/// A defect of storage in the middle of a look costs its batch, and nothing else.
#[tokio::test]
async fn a_look_that_panics_does_not_end_the_lane() {
    let harness = open().await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let command = AcceptOffer {
        caller: deal.exchanger,
        offer: deal.id(),
    };
    harness.store.faults().panic(Point::Load);
    let answer = harness.attempt(command).await;
    assert_eq!(answer.unwrap_err(), CommandError::InDoubt);
    harness.done(command).await;
    harness.close().await;
}
