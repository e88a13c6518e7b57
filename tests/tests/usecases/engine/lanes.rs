//! Several lanes beside each other: who shares one, what they share, and how they end. In memory, on one thread.

use std::sync::{Arc, Mutex};

use p2p_application::engine::{BATCH_BUCKETS, Command, ReadSet, UnitOfWork};
use p2p_application::offer::AcceptOffer;
use p2p_application::{CommandError, PipelineSettings};
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::{ExchangeType, Refusal};
use p2p_memory::{Memory, Point};
use p2p_tests::harness::{Harness, Setup, Stage};

const LANES: usize = 4;

async fn open(store: Memory, queue: usize, batch: usize) -> Harness<Memory> {
    let pipeline = PipelineSettings {
        queue,
        batch,
        lanes: LANES,
    };
    let setup = Setup {
        pipeline,
        ..Setup::default()
    };
    Harness::open_with(store, setup).await
}

/// Affinities and numbers, in the order in which they were decided.
type Book = Arc<Mutex<Vec<(u128, usize)>>>;

/// Writes down when it was decided.
struct Note {
    affinity: u128,
    number: usize,
    notes: Book,
}

impl Command for Note {
    type Outcome = usize;

    fn read_set(&self, _: &mut ReadSet) {}

    fn affinity(&self) -> u128 {
        self.affinity
    }

    fn decide(&self, _: &mut UnitOfWork<'_>) -> Result<usize, Refusal> {
        let mut notes = self
            .notes
            .lock()
            .map_err(|_| Refusal::Access(AccessRefusal::NotOwner))?;
        notes.push((self.affinity, self.number));
        Ok(self.number)
    }
}

/// Notes with the affinities in turn, from 0 up to but not including `affinities`.
fn notes(count: usize, affinities: u128) -> (Vec<Note>, Book) {
    let book = Book::default();
    let notes = (0..affinities).cycle().zip(0..count);
    let notes = notes.map(|(affinity, number)| Note {
        affinity,
        number,
        notes: Arc::clone(&book),
    });
    (notes.collect(), book)
}

/// Whoever wants the same row shares a lane and a commit, and is decided in the order of arrival.
#[tokio::test]
async fn commands_of_one_affinity_keep_their_order() {
    for store in [Memory::new(), Memory::looking()] {
        let harness = open(store, 1_000, 7).await;
        let (all, book) = notes(330, 11);
        let answers = harness.together(all).await;
        assert!(answers.iter().all(Result::is_ok));
        let book = book.lock().unwrap().clone();
        assert_eq!(book.len(), 330);
        for affinity in 0..11 {
            let own = book.iter().filter(|(of, _)| *of == affinity);
            assert!(own.map(|(_, number)| number).is_sorted(), "{affinity}");
        }
        harness.close().await;
    }
}

/// One affinity is one lane and one batch; as many as there are lanes are a batch for each.
#[tokio::test]
async fn an_affinity_is_a_lane() {
    for (affinities, batches) in [(1, 1), (2, 2), (4, 4), (40, 4)] {
        let harness = open(Memory::looking(), 1_000, 1_000).await;
        let before = harness.market.pipeline().stats();
        let (all, _) = notes(40, affinities);
        assert!(harness.together(all).await.iter().all(Result::is_ok));
        let now = harness.market.pipeline().stats();
        assert_eq!(now.batches - before.batches, batches, "{affinities}");
        assert_eq!(now.commands - before.commands, 40);
        harness.close().await;
    }
}

/// All lanes count into the same numbers.
#[tokio::test]
async fn the_numbers_are_those_of_all_lanes() {
    let harness = open(Memory::looking(), 1_000, 3).await;
    let before = harness.market.pipeline().stats();
    let (all, _) = notes(44, 4);
    assert!(harness.together(all).await.iter().all(Result::is_ok));
    let now = harness.market.pipeline().stats();
    // 11 in each lane: three batches of three and one of two.
    assert_eq!(now.commands - before.commands, 44);
    assert_eq!(now.batches - before.batches, 16);
    assert_eq!(now.largest, 3);
    let buckets: u64 = now.buckets.iter().sum();
    assert_eq!(buckets, now.batches);
    let of_two = BATCH_BUCKETS.iter().position(|bound| *bound == 2).unwrap();
    assert_eq!(now.buckets[of_two] - before.buckets[of_two], 4);
    assert_eq!((now.retries, now.busy), (0, 0));
    harness.close().await;
}

/// The bound is that of all lanes together; each has its share of it.
#[tokio::test]
async fn a_full_queue_is_full_in_all_lanes() {
    let harness = open(Memory::looking(), 8, 8).await;
    let (all, book) = notes(20, 4);
    let posted: Vec<_> = all.into_iter().map(|note| harness.post(note)).collect();
    let busy = posted
        .iter()
        .filter(|one| one.at_once() == Some(&Err(CommandError::Busy)));
    assert_eq!(busy.count(), 12);
    assert_eq!(harness.market.pipeline().stats().busy, 12);
    for (number, one) in posted.into_iter().enumerate() {
        let expected = if number < 8 {
            Ok(number)
        } else {
            Err(CommandError::Busy)
        };
        assert_eq!(one.await, expected);
    }
    assert_eq!(book.lock().unwrap().len(), 8);
    // There is room again.
    let (all, _) = notes(8, 4);
    assert!(harness.together(all).await.iter().all(Result::is_ok));
    harness.close().await;
}

/// What was accepted is answered in every lane; after that nobody gets in, and the pipeline has ended.
#[tokio::test]
async fn closing_answers_all_lanes() {
    for store in [Memory::new(), Memory::looking()] {
        let harness = open(store, 1_000, 8).await;
        let (all, book) = notes(100, 10);
        let posted: Vec<_> = all.into_iter().map(|note| harness.post(note)).collect();
        harness.market.pipeline().close();
        for (number, one) in posted.into_iter().enumerate() {
            assert_eq!(one.await, Ok(number));
        }
        assert_eq!(book.lock().unwrap().len(), 100);
        let (late, _) = notes(10, 10);
        for answer in harness.together(late).await {
            assert_eq!(answer, Err(CommandError::Unavailable));
        }
        harness.close().await;
    }
}

/// A lane that waits for storage holds up nobody who goes another way.
#[tokio::test]
async fn a_lane_that_waits_does_not_hold_up_the_others() {
    let harness = open(Memory::looking(), 1_000, 8).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Pending)
        .await;
    let accept = AcceptOffer {
        caller: deal.exchanger,
        offer: deal.id(),
    };
    let gate = harness.store.faults().hold(Point::Commit);
    let waiting = harness.post(accept);
    let (all, _) = notes(LANES, 4);
    let mut all: Vec<_> = all
        .into_iter()
        .filter(|note| note.affinity != accept.affinity() % 4)
        .collect();
    assert_eq!(all.len(), LANES - 1);
    while let Some(note) = all.pop() {
        assert!(harness.attempt(note).await.is_ok());
    }
    drop(gate);
    assert!(waiting.await.is_ok());
    harness.close().await;
}

/// One lane's conflict makes that lane lock, and no other.
#[tokio::test]
async fn a_lane_learns_from_its_own_conflicts() {
    let harness = open(Memory::looking(), 1_000, 8).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Pending)
        .await;
    let accept = AcceptOffer {
        caller: deal.exchanger,
        offer: deal.id(),
    };
    let error = p2p_application::ports::StorageError::Conflict {
        what: "somebody was faster".to_owned(),
    };
    harness.store.faults().fail(Point::Commit, error);
    harness.done(accept).await;
    let own = accept.affinity() % 4;
    let (all, _) = notes(4, 4);
    for note in all {
        let asked = harness.store.tally().borrow().asked;
        let affinity = note.affinity;
        assert!(harness.attempt(note).await.is_ok());
        let now = harness.store.tally().borrow().asked;
        assert_eq!(now - asked, u64::from(affinity == own), "{affinity}");
    }
    harness.close().await;
}
