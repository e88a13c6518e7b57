//! Moving deals, in memory: each step is legal or refused without a trace, and a deal can be called off together.

use super::memory;
use p2p_application::offer::{
    AcceptOffer, CancelOffer, ConfirmPayment, ConfirmReceipt, DeclineOffer,
};
use p2p_domain::offer::{State, Trigger};
use p2p_domain::refusal::{AccessRefusal, OfferRefusal, Resource};
use p2p_domain::{
    Account, AccountKey, Actor, Asset, ExchangeType, ListingId, Money, OfferId, Refusal, Role,
    Status, TypedId,
};
use p2p_memory::{Memory, Tables};
use p2p_tests::harness::{Harness, START, Stage, minutes, party};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

/// A step of a deal by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Accept,
    Decline,
    Pay,
    Receive,
    Cancel,
}

impl Deed {
    const ALL: [Self; 5] = [
        Self::Accept,
        Self::Decline,
        Self::Pay,
        Self::Receive,
        Self::Cancel,
    ];

    const fn trigger(self) -> Trigger {
        match self {
            Self::Accept => Trigger::Accept,
            Self::Decline => Trigger::Decline,
            Self::Pay => Trigger::ConfirmPayment,
            Self::Receive => Trigger::ConfirmReceipt,
            Self::Cancel => Trigger::Cancel,
        }
    }

    /// Where the contract lets it lead: the side, by its part in the deal, and the new status.
    fn leads_to(self, stage: Stage, actor: Actor, exchange_type: ExchangeType) -> Option<Status> {
        let payer = actor == exchange_type.fiat_payer();
        match (self, stage) {
            (Self::Accept, Stage::Pending) if actor == Actor::Exchanger => Some(Status::Approved),
            (Self::Decline, Stage::Pending) if actor == Actor::Exchanger => Some(Status::Declined),
            (Self::Pay, Stage::Approved) if payer => Some(Status::PaymentConfirmed),
            (Self::Receive, Stage::Paid) if !payer => Some(Status::Finished),
            (Self::Cancel, Stage::Pending) => Some(Status::Cancelled),
            (Self::Cancel, Stage::Approved | Stage::Paid) if payer => Some(Status::Cancelled),
            (Self::Cancel, Stage::Approved) => Some(Status::Approved),
            (Self::Cancel, Stage::Paid) => Some(Status::PaymentConfirmed),
            _ => None,
        }
    }
}

/// Does the deed as this caller; a refusal must leave no trace.
async fn attempt(
    harness: &Harness<Memory>,
    deed: Deed,
    caller: p2p_domain::user::Caller,
    offer: OfferId,
    legal: bool,
) -> Result<Status, Refusal> {
    macro_rules! run {
        ($command:expr) => {
            match legal {
                true => Ok(harness.done($command).await.status()),
                false => Err(harness.refused($command).await),
            }
        };
    }
    match deed {
        Deed::Accept => run!(AcceptOffer { caller, offer }),
        Deed::Decline => run!(DeclineOffer { caller, offer }),
        Deed::Pay => run!(ConfirmPayment {
            caller,
            offer,
            reference: "SEPA 1".to_owned()
        }),
        Deed::Receive => run!(ConfirmReceipt { caller, offer }),
        Deed::Cancel => run!(CancelOffer {
            caller,
            offer,
            claimed: None,
            reason: "changed my mind".to_owned(),
        }),
    }
}

/// Every deed, at every stage, by both sides, in both directions: as the contract's table says, or refused by name.
#[tokio::test]
async fn every_step_is_legal_or_refused_without_a_trace() {
    let harness = Harness::open(memory()).await;
    let mut legal_moves = 0;
    for exchange_type in ExchangeType::ALL {
        for stage in Stage::ALL {
            for deed in Deed::ALL {
                for actor in [Actor::Customer, Actor::Exchanger] {
                    let deal = harness.deal(exchange_type, stage).await;
                    let before = harness.deal_now(deal.id()).await;
                    let user = match actor {
                        Actor::Customer => deal.customer.user,
                        _ => deal.exchanger.user,
                    };
                    let expected = deed.leads_to(stage, actor, exchange_type);
                    legal_moves += u32::from(expected.is_some());
                    let legal = expected.is_some();
                    let outcome = attempt(&harness, deed, party(user), deal.id(), legal).await;
                    let illegal = Refusal::Offer(OfferRefusal::IllegalTransition {
                        state: Some(before.status()),
                        trigger: deed.trigger(),
                        actor,
                    });
                    let what = format!("{deed:?} {stage:?} {actor} {exchange_type}");
                    assert_eq!(outcome, expected.ok_or(illegal), "{what}");
                    harness.assert_clean().await;
                }
            }
        }
    }
    // Each of the contract's rows by a side, in each direction; a cancellation of PENDING counts for both sides.
    assert_eq!(legal_moves, 2 * (2 + 1 + 1 + 2 + 4));
    harness.close().await;
}

#[tokio::test]
async fn to_others_a_deal_does_not_exist() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let stranger = harness.exchanger("stranger").await;
    let missing = Err(Refusal::NotFound(Resource::Offer));
    for deed in Deed::ALL {
        for caller in [
            stranger,
            party(harness.moderator.user),
            party(harness.admin.user),
        ] {
            assert_eq!(
                attempt(&harness, deed, caller, deal.id(), false).await,
                missing,
                "{deed:?}"
            );
        }
        let nothing = OfferId::from_u128(9);
        assert_eq!(
            attempt(&harness, deed, deal.customer, nothing, false).await,
            match deed {
                Deed::Accept | Deed::Decline => Err(Refusal::Access(AccessRefusal::RoleRequired {
                    role: Role::Exchanger
                })),
                _ => missing.clone(),
            }
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn the_claimed_side_must_be_the_callers() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Approved).await;
    let cancel = |claimed| CancelOffer {
        caller: deal.customer,
        offer: deal.id(),
        claimed: Some(claimed),
        reason: "changed my mind".to_owned(),
    };
    for claimed in [
        Actor::Exchanger,
        Actor::Moderator,
        Actor::System,
        Actor::Provider,
    ] {
        assert_eq!(
            harness.refused(cancel(claimed)).await,
            Refusal::Access(AccessRefusal::IdentityMismatch),
            "{claimed}"
        );
    }
    assert_eq!(
        harness.done(cancel(Actor::Customer)).await.status(),
        Status::Cancelled
    );
    harness.close().await;
}

/// The crypto holder can only propose; the proposal keeps the deadline, is made once, and the payer's word ends it.
#[tokio::test]
async fn a_deal_is_called_off_together() {
    for exchange_type in ExchangeType::ALL {
        for stage in [Stage::Approved, Stage::Paid] {
            let harness = Harness::open(memory()).await;
            let deal = harness.deal(exchange_type, stage).await;
            let before = harness.deal_now(deal.id()).await;
            let events = harness.event_count();
            harness.clock.advance(minutes(1));
            let proposed = harness.cancel(&deal.offer, deal.holder.user).await;
            assert!(proposed.state.cancel_proposed() && !before.state.cancel_proposed());
            assert_eq!(proposed.deadline(), before.deadline());
            assert_eq!(
                (proposed.status(), proposed.version),
                (before.status(), before.version + 1)
            );
            assert_eq!(
                harness.wallet(deal.holder.user, Asset::Usdt).await,
                (900_000_000, 100_000_000)
            );

            let tables = harness.store.tables();
            assert_eq!(
                harness.cancel(&deal.offer, deal.holder.user).await,
                proposed
            );
            assert!(
                tables == harness.store.tables(),
                "proposing twice changed something"
            );
            assert_eq!(harness.events_since(events), Vec::<&str>::new());

            let cancelled = harness.cancel(&deal.offer, deal.payer.user).await;
            assert_eq!(
                cancelled.state,
                State::Cancelled {
                    at: START.after(minutes(1))
                }
            );
            assert_eq!(
                harness.wallet(deal.holder.user, Asset::Usdt).await,
                (1_000_000_000, 0)
            );
            assert_eq!(harness.events_since(events), ["ExchangeOfferCancelled"]);
            harness.close().await;
        }
    }
}

/// A proposal does not stop the deal from going on.
#[tokio::test]
async fn a_proposal_can_be_passed_over() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Approved).await;
    harness.cancel(&deal.offer, deal.holder.user).await;
    let paid = harness.pay(&deal.offer).await;
    assert!(
        !paid.state.cancel_proposed(),
        "the proposal was about an unpaid deal"
    );
    assert_eq!(
        harness.receive(&deal.offer).await.status(),
        Status::Finished
    );
    harness.close().await;
}

/// Books that were wrong before: a step that would take more out than is there is our defect, and changes nothing.
#[tokio::test]
async fn a_law_that_would_break_is_our_defect() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Paid).await;
    let good = harness.store.tables();
    let key = AccountKey::user(deal.holder.user, Asset::Usdt);
    let ways: [fn(&mut Tables, AccountKey, ListingId); 2] = [
        |tables, key, _| {
            let account = tables.accounts[&key];
            let (id, version) = (account.id, account.version);
            let less = Account::restore(id, key, 0, 99_999_999, version);
            tables.accounts.insert(key, less.unwrap());
        },
        |tables, _, listing| {
            let listing = tables.listings.get_mut(&listing).unwrap();
            listing.frozen = Money::new(99_999_999, Asset::Usdt);
        },
    ];
    for damage in ways {
        harness
            .store
            .tamper(|tables| damage(tables, key, deal.listing.id));
        for (deed, caller) in [(Deed::Receive, deal.holder), (Deed::Cancel, deal.payer)] {
            let outcome = attempt(&harness, deed, caller, deal.id(), false).await;
            assert!(
                matches!(outcome, Err(Refusal::Broken { .. })),
                "{outcome:?}"
            );
        }
        harness.store.tamper(|tables| *tables = good.clone());
    }
    harness.receive(&deal.offer).await;
    harness.close().await;
}
