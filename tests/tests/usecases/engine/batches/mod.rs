//! A batch is the same as its commands one after another: the same answers, the same rows, the same events. Any commands,
//! any split into batches, with locks or with looks; in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod fixture;

use p2p_memory::Memory;
use proptest::prelude::*;

use fixture::{Fixture, Op, ops};

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_its_commands_one_after_another(
        ops in prop::collection::vec(ops(), 1..40),
        sizes in prop::collection::vec(1usize..40, 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (single, batched) = (Fixture::open(Memory::new()).await, Fixture::open(Memory::new()).await);
            let looking = Fixture::open(Memory::looking()).await;
            let expected = single.run(&ops, &[1]).await;
            let answers = batched.run(&ops, &sizes).await;
            prop_assert_eq!(&answers, &expected);
            prop_assert_eq!(batched.rows(), single.rows());
            // Looked at or locked: it comes to the same.
            let answers = looking.run(&ops, &sizes).await;
            prop_assert_eq!(&answers, &expected);
            prop_assert_eq!(looking.rows(), single.rows());
            prop_assert_eq!(looking.harness.market.pipeline().stats().retries, 0);
            // Nothing was tried twice, and no batch had to be taken apart.
            for fixture in [&single, &batched] {
                let asked = fixture.harness.store.tally().borrow().asked;
                prop_assert_eq!(asked, fixture.harness.market.pipeline().stats().batches);
            }
            single.harness.close().await;
            batched.harness.close().await;
            looking.harness.close().await;
            Ok(())
        })?;
    }
}

/// The fixture and the operations do reach what they are meant to reach: a property that refuses everything says nothing.
#[tokio::test]
async fn most_of_what_is_tried_can_succeed() {
    let fixture = Fixture::open(Memory::new()).await;
    let ops = [
        Op::Receive(6),
        Op::Deposit { to: 0, minor: 5 },
        Op::Switch {
            who: 1,
            online: true,
        },
        Op::Offer {
            by: 2,
            listing: 0,
            tenths: 120,
        },
        Op::Accept(0),
        Op::Cancel {
            deal: 2,
            by_payer: false,
        },
        Op::Pay(2),
        Op::Receive(2),
        Op::Dispute {
            deal: 4,
            by_customer: false,
        },
        Op::Resolve {
            dispute: 0,
            decision: 2,
        },
        Op::Expire(1),
        Op::Turn {
            listing: 1,
            pause: true,
        },
        Op::Unfreeze(0),
        Op::Close(0),
    ];
    for answer in fixture.run(&ops, &[4]).await {
        assert!(!answer.starts_with("refused"), "{answer}");
    }
    fixture.harness.close().await;
}

/// A freeze in the middle of a batch that has to do with other exchangers' listings, too.
#[tokio::test]
async fn a_freeze_pauses_only_the_exchangers_own_listings() {
    let fixture = Fixture::open(Memory::new()).await;
    let ops = [
        Op::Offer {
            by: 2,
            listing: 1,
            tenths: 200,
        },
        Op::Expire(0),
        Op::Offer {
            by: 2,
            listing: 1,
            tenths: 200,
        },
        Op::Offer {
            by: 2,
            listing: 0,
            tenths: 200,
        },
    ];
    let answers = fixture.run(&ops, &[4]).await;
    let refused = answers.iter().map(|answer| answer.starts_with("refused"));
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [false, false, false, true],
        "{answers:?}"
    );
    fixture.harness.close().await;
}
