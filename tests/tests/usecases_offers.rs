//! Making offers and moving deals, in memory: what each step does to everything around it, and every refusal.

use application::offer::{
    AcceptOffer, CancelOffer, ConfirmPayment, ConfirmReceipt, CreateOffer, DeclineOffer,
};
use domain::listing::Switch;
use domain::offer::{State, Trigger};
use domain::refusal::Noun;
use domain::{
    Actor, Asset, ExchangeType, ListingId, Money, MoneyError, OfferId, Price, Refusal, Role,
    Status, TypedId,
};
use memory::Memory;
use p2p_tests::harness::{Harness, Offering, START, Setup, Stage, decimal, minutes, party};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

const fn usdt(minor: i64) -> Money {
    Money::new(minor, Asset::Usdt)
}

#[tokio::test]
async fn an_offer_holds_the_crypto_and_reserves_it_in_the_listing() {
    for exchange_type in ExchangeType::ALL {
        let harness = Harness::open(Memory::new()).await;
        let deal = harness.deal(exchange_type, Stage::Pending).await;
        let terms = &deal.offer.terms;
        assert_eq!(
            deal.offer.state,
            State::Pending {
                respond_by: START.after(minutes(30))
            }
        );
        assert_eq!((deal.offer.version, terms.created_at), (1, START));
        assert_eq!(
            (terms.customer, terms.exchanger),
            (deal.customer.user, deal.exchanger.user)
        );
        assert_eq!(
            (terms.amount, terms.fiat),
            (usdt(100_000_000), Money::new(9_000, Asset::Eur))
        );
        assert_eq!(
            (terms.price, terms.fee_basis_points),
            (deal.listing.price, 10)
        );
        assert_eq!(terms.payment_window, deal.listing.payment_window);
        assert_eq!(terms.conditions, "Today, please.");
        assert_eq!(
            harness.wallet(deal.holder.user, Asset::Usdt).await,
            (900_000_000, 100_000_000)
        );
        let listing = harness.listing(deal.listing.id).await;
        assert_eq!(
            (listing.frozen, listing.remaining()),
            (usdt(100_000_000), usdt(900_000_000))
        );
        let tables = harness.store.tables();
        let step = &tables.history[&(deal.id(), 1)];
        assert_eq!(
            (step.status, step.actor, step.user),
            (Status::Pending, Actor::Customer, Some(deal.customer.user))
        );
        harness.close().await;
    }
}

#[tokio::test]
async fn an_offer_that_the_listing_does_not_take_is_refused() {
    let harness = Harness::open(Memory::new()).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "10000", Asset::Usdt).await;
    let offering = Offering {
        max: "450",
        ..Offering::of(BUYS)
    };
    let listing = harness.publish(anna, &offering).await;
    let amount = |error| Refusal::amount(error);
    let eur = |minor| Money::new(minor, Asset::Eur);
    let below = |fiat| Refusal::BelowMinimum {
        fiat: eur(fiat),
        min: eur(900),
    };
    let above = |fiat| Refusal::AboveMaximum {
        fiat: eur(fiat),
        max: eur(45_000),
    };
    for (text, expected) in [
        ("0", amount(MoneyError::NotPositive)),
        ("-5", amount(MoneyError::NotPositive)),
        (
            "10.0000001",
            amount(MoneyError::TooManyDecimals { most: 6 }),
        ),
        ("1e30", amount(MoneyError::Overflow)),
        ("9.99", below(899)),
        ("500.02", above(45_002)),
        (
            "1000.000001",
            Refusal::OverRemaining {
                remaining: usdt(1_000_000_000),
            },
        ),
    ] {
        let refusal = harness
            .refused(harness.opening(customer, &listing, text))
            .await;
        assert_eq!(refusal, expected, "{text}");
    }
    // Rounding decides at the limits: 9.994444 USDT cost 8.9949996 EUR, 9.995 cost 8.9955, which is 9.00.
    let refusal = harness
        .refused(harness.opening(customer, &listing, "9.994444"))
        .await;
    assert_eq!(refusal, below(899));
    assert_eq!(
        harness.offer(customer, &listing, "9.995").await.terms.fiat,
        eur(900)
    );
    assert_eq!(
        harness.offer(customer, &listing, "500").await.terms.fiat,
        eur(45_000)
    );
    let remaining = usdt(1_000_000_000 - 9_995_000 - 500_000_000);
    let refusal = harness
        .refused(harness.opening(customer, &listing, "490.005001"))
        .await;
    assert_eq!(refusal, Refusal::OverRemaining { remaining });

    // A price and an amount that are each fine, and their product is not.
    let dear = Offering {
        price: "90000000000",
        total: "9000000000000",
        min: "1",
        ..Offering::of(BUYS)
    };
    let dear = harness.publish(anna, &dear).await;
    let refusal = harness
        .refused(harness.opening(customer, &dear, "9000000000000"))
        .await;
    assert_eq!(refusal, amount(MoneyError::Overflow));
    harness.close().await;
}

#[tokio::test]
async fn an_offer_at_the_wrong_place_or_time_is_refused() {
    let harness = Harness::open(Memory::new()).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    let listing = harness.publish(anna, &Offering::of(BUYS)).await;
    let opening = || harness.opening(customer, &listing, "10");

    let refusal = harness
        .refused(CreateOffer {
            listing: ListingId::from_u128(9),
            ..opening()
        })
        .await;
    assert_eq!(refusal, Refusal::NotFound(Noun::Listing));
    let refusal = harness
        .refused(CreateOffer {
            exchange_type: SELLS,
            ..opening()
        })
        .await;
    assert_eq!(refusal, Refusal::WrongExchangeType);
    let refusal = harness
        .refused(CreateOffer {
            caller: anna,
            ..opening()
        })
        .await;
    assert_eq!(refusal, Refusal::SelfDeal);
    for caller in [harness.admin, harness.moderator] {
        let refusal = harness
            .refused(CreateOffer {
                caller,
                ..opening()
            })
            .await;
        assert_eq!(
            refusal,
            Refusal::RoleRequired {
                role: Role::Customer
            }
        );
    }

    harness.switch(anna, false).await;
    assert_eq!(harness.refused(opening()).await, Refusal::ExchangerOffline);
    harness.switch(anna, true).await;
    harness.turn(&listing, Switch::Pause).await;
    assert_eq!(harness.refused(opening()).await, Refusal::ListingPaused);
    harness.turn(&listing, Switch::Resume).await;
    harness.done(opening()).await;
    harness.take_down(&listing).await;
    assert_eq!(harness.refused(opening()).await, Refusal::ListingClosed);
    harness.close().await;
}

#[tokio::test]
async fn an_offer_that_the_holder_cannot_cover_is_refused() {
    let harness = Harness::open(Memory::new()).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(anna, "50", Asset::Usdt).await;
    harness.deposit(customer, "20", Asset::Usdt).await;
    harness.deposit(customer, "1000", Asset::Usdc).await;
    let (buys, sells) = (
        harness.publish(anna, &Offering::of(BUYS)).await,
        harness.publish(anna, &Offering::of(SELLS)).await,
    );
    let asset = Asset::Usdt;
    let refusal = harness
        .refused(harness.opening(customer, &buys, "20.000001"))
        .await;
    assert_eq!(refusal, Refusal::InsufficientFunds { asset });
    let refusal = harness
        .refused(harness.opening(customer, &sells, "50.000001"))
        .await;
    assert_eq!(refusal, Refusal::CounterpartyFunds { asset });
    harness.offer(customer, &buys, "20").await;
    harness.offer(customer, &sells, "50").await;
    // Somebody whose token is good and whose account is not there: nothing to hold.
    let ghost = party(domain::UserId::from_u128(9));
    let refusal = harness.refused(harness.opening(ghost, &buys, "10")).await;
    assert_eq!(refusal, Refusal::NotFound(Noun::Account));
    harness.close().await;
}

#[tokio::test]
async fn running_deals_keep_their_terms() {
    let harness = Harness::open(Memory::new()).await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let listing = deal.listing.id;
    let change = application::listing::ListingChange {
        price: Some(decimal("5")),
        payment_window: Some(minutes(360)),
        ..Default::default()
    };
    let caller = deal.exchanger;
    harness
        .done(application::listing::UpdateListing {
            caller,
            listing,
            change,
        })
        .await;
    let offer = harness.accept(&deal.offer).await;
    assert_eq!(offer.terms, deal.offer.terms);
    assert_eq!(offer.deadline(), Some(START.after(minutes(30))));
    let next = harness
        .offer(deal.customer, &harness.listing(listing).await, "10")
        .await;
    assert_eq!(
        next.terms.price,
        Price::from_decimal(decimal("5"), Asset::Eur).unwrap()
    );
    harness.close().await;
}

#[tokio::test]
async fn the_fee_is_what_it_was_when_the_deal_began() {
    let store = Memory::new();
    let expensive = Setup {
        policy: domain::Policy {
            fee_basis_points: 100,
            ..Default::default()
        },
        ..Setup::default()
    };
    let harness = Harness::open_with(store.clone(), expensive).await;
    let deal = harness.deal(SELLS, Stage::Paid).await;
    let (clock, ids) = (harness.clock.clone(), harness.ids.clone());
    harness.close().await;
    // The operator lowers the fee and starts the market again.
    let policy = domain::Policy {
        fee_basis_points: 0,
        ..Default::default()
    };
    let harness = Harness::open_with(
        store,
        Setup {
            policy,
            clock,
            ids,
            ..Setup::default()
        },
    )
    .await;
    harness.receive(&deal.offer).await;
    assert_eq!(
        harness.wallet(deal.payer.user, Asset::Usdt).await,
        (99_000_000, 0)
    );
    let fees = harness.store.tables().accounts[&domain::AccountKey::fees(Asset::Usdt)];
    assert_eq!(fees.available(), usdt(1_000_000));
    harness.close().await;
}

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
    caller: domain::user::Caller,
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
    let harness = Harness::open(Memory::new()).await;
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
                    let illegal = Refusal::IllegalTransition {
                        state: Some(before.status()),
                        trigger: deed.trigger(),
                        actor,
                    };
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
    let harness = Harness::open(Memory::new()).await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let stranger = harness.exchanger("stranger").await;
    let missing = Err(Refusal::NotFound(Noun::Offer));
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
                Deed::Accept | Deed::Decline => Err(Refusal::RoleRequired {
                    role: Role::Exchanger
                }),
                _ => missing.clone(),
            }
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn the_claimed_side_must_be_the_callers() {
    let harness = Harness::open(Memory::new()).await;
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
            Refusal::IdentityMismatch,
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
            let harness = Harness::open(Memory::new()).await;
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
    let harness = Harness::open(Memory::new()).await;
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
