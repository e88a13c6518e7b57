//! A deal in which storage fails at each of its calls in turn, in memory, on one thread.
#![expect(clippy::panic, reason = "helpers of tests may fail loudly")]

use p2p_application::CommandError;
use p2p_application::engine::Command;
use p2p_application::offer::{AcceptOffer, ConfirmPayment, ConfirmReceipt};
use p2p_application::ports::StorageError;
use p2p_domain::{Asset, ExchangeType};
use p2p_memory::{Memory, Point};
use p2p_tests::harness::{Harness, Offering};

type Trouble = fn() -> StorageError;

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

/// The whole life of a deal, with storage failing at each of its calls in turn. Whoever was told of an outage asks again,
/// whoever was left in doubt looks first. It always ends as if nothing had happened.
#[tokio::test]
async fn a_deal_survives_a_failure_at_every_step() {
    survive_everywhere(Memory::new, 15).await;
}

/// The same where storage can be looked at: it has fewer calls, and any of them can fail.
#[tokio::test]
async fn a_deal_over_looks_survives_a_failure_at_every_step() {
    survive_everywhere(Memory::looking, 7).await;
}

/// `least`: the deal has more calls than that.
async fn survive_everywhere(store: fn() -> Memory, least: u32) {
    let expected = deal_with(store(), |_| {}).await;
    let troubles: [(&str, Trouble, u32); 3] = [
        ("a conflict", conflict, 1),
        ("a short outage", unavailable, 1),
        ("an outage", unavailable, 2),
    ];
    for (what, error, times) in troubles {
        let mut spare = 0;
        // Until the deal ends before the failure would come.
        loop {
            let outcome = deal_with(store(), |memory| {
                for _ in 0..times {
                    memory.faults().fail_after(spare, error());
                }
            });
            let outcome = outcome.await;
            assert_eq!(outcome.books, expected.books, "{what} after {spare} calls");
            if outcome.left_over > 0 {
                break;
            }
            spare += 1;
        }
        assert!(
            spare > least,
            "{what}: the deal has more steps than {spare}"
        );
    }
}

/// The same, where the answer to each commit in turn is lost after it took effect.
#[tokio::test]
async fn a_deal_survives_a_lost_answer_at_every_commit() {
    for store in [Memory::new, Memory::looking] {
        survive_lost_answers(store).await;
    }
}

async fn survive_lost_answers(store: fn() -> Memory) {
    let expected = deal_with(store(), |_| {}).await;
    for lost in 0..4 {
        let outcome = deal_with(store(), |memory| {
            let answer = in_doubt();
            memory.faults().fail_at(Point::Committed, lost, answer);
        });
        let outcome = outcome.await;
        assert_eq!(
            (&outcome.books, outcome.left_over),
            (&expected.books, 0),
            "commit {lost}"
        );
    }
}

/// What a deal has led to.
struct Outcome {
    books: Vec<String>,
    left_over: usize,
}

/// Brings a deal to its end, whatever storage does, and tells what is in the books then.
async fn deal_with(store: Memory, trouble: impl FnOnce(&Memory)) -> Outcome {
    let harness = Harness::open(store).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    let listing = harness
        .publish(anna, &Offering::of(ExchangeType::CryptoToFiat))
        .await;
    trouble(&harness.store);

    let opening = harness.opening(customer, &listing, "100");
    let offer = opening.id;
    let version = || {
        harness
            .store
            .tables()
            .offers
            .get(&offer)
            .map_or(0, |row| row.version)
    };
    persist(&harness, || opening.clone(), || version() >= 1).await;
    persist(
        &harness,
        || AcceptOffer {
            caller: anna,
            offer,
        },
        || version() >= 2,
    )
    .await;
    let reference = String::from("SEPA 1");
    let payment = ConfirmPayment {
        caller: anna,
        offer,
        reference,
    };
    persist(&harness, || payment.clone(), || version() >= 3).await;
    persist(
        &harness,
        || ConfirmReceipt {
            caller: customer,
            offer,
        },
        || version() >= 5,
    )
    .await;

    let left_over = harness.store.faults().pending();
    harness.store.faults().clear();
    harness.assert_clean().await;
    let tables = harness.store.tables();
    let mut books: Vec<String> = tables
        .accounts
        .values()
        .map(|row| {
            format!(
                "{:?}: {} {} v{}",
                row.key,
                row.available(),
                row.held(),
                row.version
            )
        })
        .collect();
    books.extend(tables.history.values().map(|step| format!("{step:?}")));
    books.extend(
        tables
            .transfers
            .values()
            .map(|row| format!("{:?}", row.posting)),
    );
    books.extend(tables.outbox.values().map(|message| message.body.clone()));
    books.extend(
        tables
            .listings
            .values()
            .map(|listing| format!("{listing:?}")),
    );
    harness.close().await;
    Outcome { books, left_over }
}

/// Asks until it is done: again after an outage, and after a look where it is in doubt.
async fn persist<C: Command>(
    harness: &Harness<Memory>,
    command: impl Fn() -> C,
    is_done: impl Fn() -> bool,
) where
    C::Outcome: std::fmt::Debug,
{
    for _ in 0..5 {
        match harness.attempt(command()).await {
            Ok(_) => return assert!(is_done(), "answered and not done"),
            Err(CommandError::Unavailable) => {
                assert!(!is_done(), "an outage that changed something")
            }
            Err(CommandError::InDoubt) if is_done() => return,
            Err(CommandError::InDoubt) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("storage never recovered");
}
