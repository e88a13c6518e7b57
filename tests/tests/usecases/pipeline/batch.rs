//! The pipeline: many commands in one commit, each as if it had been alone. In memory, on one thread: what is posted
//! without awaiting anything is one batch, every time.
#![expect(clippy::panic, reason = "helpers of tests may fail loudly")]

use super::memory;
use p2p_application::engine::{Command, ReadSet, UnitOfWork};
use p2p_application::offer::{AcceptOffer, ConfirmPayment, ConfirmReceipt};
use p2p_application::ports::Store;
use p2p_application::user::RegisterUser;
use p2p_application::wallet::Deposit;
use p2p_application::{CommandError, PipelineSettings};
use p2p_domain::listing::Switch;
use p2p_domain::refusal::{
    AccessRefusal, ExchangerRefusal, LedgerRefusal, ListingRefusal, OfferRefusal, UserRefusal,
};
use p2p_domain::user::{Caller, Email};
use p2p_domain::{
    Account, AccountKey, Asset, ExchangeType, Money, MoneyError, Posting, Refusal, Role, Roles,
    Status,
};
use p2p_memory::{Memory, Tally};
use p2p_tests::harness::{Harness, Offering, Setup, Stage, decimal, minutes};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

async fn open(queue: usize, batch: usize) -> Harness<Memory> {
    let pipeline = PipelineSettings {
        queue,
        batch,
        ..PipelineSettings::default()
    };
    Harness::open_with(
        memory(),
        Setup {
            pipeline,
            ..Setup::default()
        },
    )
    .await
}

fn deposit(harness: &Harness<Memory>, to: Caller, amount: &str) -> Deposit {
    Deposit {
        caller: harness.admin,
        user: to.user,
        asset: Asset::Usdt,
        amount: decimal(amount),
    }
}

fn committed(harness: &Harness<Memory>) -> u64 {
    harness.store.tally().borrow().committed
}

/// While storage is busy with one commit, whatever arrives waits, and is committed together.
#[tokio::test]
async fn commands_that_wait_become_one_commit() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let before = committed(&harness);
    let stats = harness.market.pipeline().stats();

    let gate = harness.store.begin().await.unwrap();
    let mut tally = harness.store.tally();
    let asked = tally.borrow().asked;
    let first = harness.post(deposit(&harness, anna, "1"));
    tally.wait_for(|tally| tally.asked > asked).await.unwrap();
    let others: Vec<_> = (0..20)
        .map(|_| harness.post(deposit(&harness, anna, "1")))
        .collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(committed(&harness), before);
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (0, 0));

    drop(gate);
    assert!(first.await.is_ok());
    for (count, other) in (2..).zip(others) {
        let account = other.await.unwrap();
        assert_eq!(
            account.available(),
            Money::new(count * 1_000_000, Asset::Usdt)
        );
    }
    assert_eq!(committed(&harness), before + 2);
    let now = harness.market.pipeline().stats();
    assert_eq!(
        (now.batches - stats.batches, now.commands - stats.commands),
        (2, 21)
    );
    assert_eq!(now.largest, 20);
    // Up to 32 commands: the sixth bucket.
    assert_eq!(now.buckets[5] - stats.buckets[5], 1);
    harness.close().await;
}

#[tokio::test]
async fn an_idle_pipeline_does_not_wait_for_company() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let before = committed(&harness);
    for count in 1..=3 {
        harness.done(deposit(&harness, anna, "1")).await;
        assert_eq!(committed(&harness), before + count);
    }
    assert_eq!(harness.market.pipeline().stats().largest, 1);
    harness.close().await;
}

#[tokio::test]
async fn a_batch_has_an_upper_limit() {
    let harness = open(100, 8).await;
    let anna = harness.customer("anna").await;
    let before = committed(&harness);
    let answers = harness
        .together((0..20).map(|_| deposit(&harness, anna, "1")))
        .await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(committed(&harness), before + 3);
    assert_eq!(harness.market.pipeline().stats().largest, 8);
    harness.close().await;
}

/// Books a deposit, and then thinks better of it.
struct SecondThoughts {
    to: Caller,
    panics: bool,
}

impl Command for SecondThoughts {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Account>(AccountKey::user(self.to.user, Asset::Usdt));
        reads.lock::<Account>(AccountKey::external(Asset::Usdt));
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let amount = Money::new(500, Asset::Usdt);
        let posting = Posting::deposit(self.to.user, amount, self.to.user);
        uow.post(posting.map_err(Refusal::amount)?)
            .map_err(|(_, refusal)| refusal)?;
        assert!(!self.panics, "a defect in a command");
        Err(Refusal::Access(AccessRefusal::NotOwner))
    }
}

#[tokio::test]
async fn a_refused_command_leaves_no_trace_and_its_neighbours_commit() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let (before, transfers) = (committed(&harness), harness.store.tables().transfers.len());
    let first = harness.post(deposit(&harness, anna, "1"));
    let refused = harness.post(deposit(&harness, anna, "0"));
    let half_done = harness.post(SecondThoughts {
        to: anna,
        panics: false,
    });
    let last = harness.post(deposit(&harness, anna, "2"));
    assert!(first.await.is_ok());
    assert_eq!(
        refused.await,
        Err(Refusal::amount(MoneyError::NotPositive).into())
    );
    assert_eq!(
        half_done.await,
        Err(Refusal::Access(AccessRefusal::NotOwner).into())
    );
    assert_eq!(
        last.await.unwrap().available(),
        Money::new(3_000_000, Asset::Usdt)
    );
    assert_eq!(committed(&harness), before + 1);
    assert_eq!(harness.store.tables().transfers.len(), transfers + 2);
    harness.close().await;
}

/// A batch in which nobody changes anything is not written at all.
#[tokio::test]
async fn nothing_is_committed_where_nothing_changed() {
    let harness = Harness::open(memory()).await;
    let anna = harness.exchanger("anna").await;
    let before = *harness.store.tally().borrow();
    let refused = harness.post(deposit(&harness, anna, "0"));
    let idle = harness.post(p2p_application::exchanger::SwitchOnline {
        caller: anna,
        exchanger: anna.user,
        online: true,
    });
    assert!(refused.await.is_err());
    assert!(idle.await.unwrap().online);
    let expected = Tally {
        asked: before.asked + 1,
        rolled_back: before.rolled_back + 1,
        ..before
    };
    assert_eq!(*harness.store.tally().borrow(), expected);
    harness.close().await;
}

#[tokio::test]
async fn commands_of_one_batch_spend_one_balance_once() {
    let harness = Harness::open(memory()).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    let offering = Offering {
        total: "5000",
        ..Offering::of(BUYS)
    };
    let listing = harness.publish(anna, &offering).await;
    let before = committed(&harness);
    let amounts = ["600", "600", "400", "0.000001"];
    let openings = amounts.map(|amount| harness.opening(customer, &listing, amount));
    let answers = harness.together(openings).await;
    let outcome: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().err().cloned())
        .collect();
    let short = CommandError::Refused(Refusal::Ledger(LedgerRefusal::InsufficientFunds {
        asset: Asset::Usdt,
    }));
    assert_eq!(outcome[..3], [None, Some(short), None]);
    assert!(matches!(
        outcome[3],
        Some(CommandError::Refused(Refusal::Listing(
            ListingRefusal::BelowMinimum { .. }
        )))
    ));
    assert_eq!(committed(&harness), before + 1);
    assert_eq!(
        harness.wallet(customer.user, Asset::Usdt).await,
        (0, 1_000_000_000)
    );
    harness.close().await;
}

/// A deal's whole life in one commit: one row, and every step in its history and its events.
#[tokio::test]
async fn one_batch_can_carry_a_deal_through() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Pending).await;
    let (before, events) = (committed(&harness), harness.event_count());
    let (offer, reference) = (deal.id(), "SEPA 1".to_owned());
    let accepted = harness.post(AcceptOffer {
        caller: deal.exchanger,
        offer,
    });
    let twice = harness.post(AcceptOffer {
        caller: deal.exchanger,
        offer,
    });
    let paid = harness.post(ConfirmPayment {
        caller: deal.payer,
        offer,
        reference,
    });
    let received = harness.post(ConfirmReceipt {
        caller: deal.holder,
        offer,
    });
    assert_eq!(accepted.await.unwrap().version, 2);
    assert!(matches!(
        twice.await,
        Err(CommandError::Refused(Refusal::Offer(
            OfferRefusal::IllegalTransition { .. }
        )))
    ));
    assert_eq!(paid.await.unwrap().version, 3);
    let finished = received.await.unwrap();
    assert_eq!((finished.status(), finished.version), (Status::Finished, 5));
    assert_eq!(committed(&harness), before + 1);
    assert_eq!(harness.deal_now(offer).await, finished);
    let expected = [
        "ExchangeOfferApproved",
        "PaymentConfirmed",
        "ReceiptConfirmed",
        "ExchangeOfferFinished",
    ];
    assert_eq!(harness.events_since(events), expected);
    assert_eq!(
        harness.wallet(deal.payer.user, Asset::Usdt).await,
        (99_900_000, 0)
    );
    harness.close().await;
}

#[tokio::test]
async fn what_one_command_decides_binds_the_next() {
    let harness = Harness::open(memory()).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    let listing = harness.publish(anna, &Offering::of(BUYS)).await;

    // Paused, then answered.
    let paused = harness.post(p2p_application::listing::UpdateListing {
        caller: anna,
        listing: listing.id,
        change: p2p_application::listing::ListingChange {
            switch: Some(Switch::Pause),
            ..Default::default()
        },
    });
    let opened = harness.post(harness.opening(customer, &listing, "10"));
    assert!(paused.await.is_ok());
    assert_eq!(
        opened.await,
        Err(Refusal::Listing(ListingRefusal::Paused).into())
    );
    harness.turn(&listing, Switch::Resume).await;

    // Frozen by the sixth expiry, then answered and published on.
    let openings = (0..6).map(|_| harness.opening(customer, &listing, "10"));
    let offers = harness.together(openings).await;
    harness.clock.advance(minutes(30));
    let expiries: Vec<_> = offers
        .into_iter()
        .map(|offer| {
            let (offer, dispute) = (offer.unwrap().id, harness.market.fresh());
            harness.post(p2p_application::offer::ExpireOffer {
                offer,
                dispute,
                freezes: true,
            })
        })
        .collect();
    let opened = harness.post(harness.opening(customer, &listing, "10"));
    let published = harness.post(harness.publication(anna, &Offering::of(BUYS)));
    for expiry in expiries {
        assert!(expiry.await.is_ok());
    }
    assert_eq!(
        opened.await,
        Err(Refusal::Listing(ListingRefusal::Paused).into())
    );
    assert_eq!(
        published.await,
        Err(Refusal::Exchanger(ExchangerRefusal::Frozen).into())
    );

    // One address, twice.
    let roles = Roles::from([Role::Customer]);
    let twice = ["Anna@example.org", "anna@example.org"].map(|email| {
        RegisterUser::new(
            harness.market.ids(),
            Email::new(email),
            "Anna".to_owned(),
            roles,
            None,
        )
    });
    let answers = harness.together(twice).await;
    assert!(answers[0].is_ok());
    assert_eq!(
        answers[1],
        Err(Refusal::User(UserRefusal::EmailTaken).into())
    );
    harness.close().await;
}

#[tokio::test]
async fn a_panicking_command_fails_alone() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let before = committed(&harness);
    let first = harness.post(deposit(&harness, anna, "1"));
    let panicking = harness.post(SecondThoughts {
        to: anna,
        panics: true,
    });
    let last = harness.post(deposit(&harness, anna, "1"));
    assert!(first.await.is_ok());
    assert_eq!(panicking.await, Err(CommandError::Internal));
    assert!(last.await.is_ok());
    assert_eq!(committed(&harness), before + 1);
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (2_000_000, 0));
    harness.close().await;
}

/// Does not even get to say what it needs.
struct Speechless;

impl Command for Speechless {
    type Outcome = ();

    fn read_set(&self, _: &mut ReadSet) {
        panic!("a defect in a command");
    }

    fn decide(&self, _: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

#[tokio::test]
async fn a_command_that_panics_over_its_needs_fails_alone() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let first = harness.post(deposit(&harness, anna, "1"));
    let panicking = harness.post(Speechless);
    let last = harness.post(deposit(&harness, anna, "1"));
    assert!(first.await.is_ok());
    assert_eq!(panicking.await, Err(CommandError::Internal));
    assert!(last.await.is_ok());
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (2_000_000, 0));
    harness.close().await;
}

/// The harness itself: a batch that is not one would make half of these tests empty.
#[tokio::test]
async fn what_is_posted_without_awaiting_is_one_batch() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let batches = harness.market.pipeline().stats().batches;
    let deposits = (0..100).map(|_| deposit(&harness, anna, "1"));
    assert!(harness.together(deposits).await.iter().all(Result::is_ok));
    assert_eq!(harness.market.pipeline().stats().batches, batches + 1);
    harness.close().await;
}
