//! Making offers, in memory: what an offer does to everything around it, and every refusal.

use super::memory;
use p2p_application::offer::CreateOffer;
use p2p_domain::listing::Switch;
use p2p_domain::offer::State;
use p2p_domain::refusal::{
    AccessRefusal, ExchangerRefusal, LedgerRefusal, ListingRefusal, Resource,
};
use p2p_domain::{
    Actor, Asset, ExchangeType, ListingId, Money, MoneyError, Price, Refusal, Role, Status, TypedId,
};
use p2p_tests::harness::{Harness, Offering, START, Setup, Stage, decimal, minutes, party};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

const fn usdt(minor: i64) -> Money {
    Money::new(minor, Asset::Usdt)
}

#[tokio::test]
async fn an_offer_holds_the_crypto_and_reserves_it_in_the_listing() {
    for exchange_type in ExchangeType::ALL {
        let harness = Harness::open(memory()).await;
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
    let harness = Harness::open(memory()).await;
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
    let below = |fiat| {
        Refusal::Listing(ListingRefusal::BelowMinimum {
            fiat: eur(fiat),
            min: eur(900),
        })
    };
    let above = |fiat| {
        Refusal::Listing(ListingRefusal::AboveMaximum {
            fiat: eur(fiat),
            max: eur(45_000),
        })
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
            Refusal::Listing(ListingRefusal::OverRemaining {
                remaining: usdt(1_000_000_000),
            }),
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
    assert_eq!(
        refusal,
        Refusal::Listing(ListingRefusal::OverRemaining { remaining })
    );

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
    let harness = Harness::open(memory()).await;
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
    assert_eq!(refusal, Refusal::NotFound(Resource::Listing));
    let refusal = harness
        .refused(CreateOffer {
            exchange_type: SELLS,
            ..opening()
        })
        .await;
    assert_eq!(refusal, Refusal::Listing(ListingRefusal::WrongExchangeType));
    let refusal = harness
        .refused(CreateOffer {
            caller: anna,
            ..opening()
        })
        .await;
    assert_eq!(refusal, Refusal::Access(AccessRefusal::SelfDeal));
    for caller in [harness.admin, harness.moderator] {
        let refusal = harness
            .refused(CreateOffer {
                caller,
                ..opening()
            })
            .await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Customer
            })
        );
    }

    harness.switch(anna, false).await;
    assert_eq!(
        harness.refused(opening()).await,
        Refusal::Exchanger(ExchangerRefusal::Offline)
    );
    harness.switch(anna, true).await;
    harness.turn(&listing, Switch::Pause).await;
    assert_eq!(
        harness.refused(opening()).await,
        Refusal::Listing(ListingRefusal::Paused)
    );
    harness.turn(&listing, Switch::Resume).await;
    harness.done(opening()).await;
    harness.take_down(&listing).await;
    assert_eq!(
        harness.refused(opening()).await,
        Refusal::Listing(ListingRefusal::Closed)
    );
    harness.close().await;
}

#[tokio::test]
async fn an_offer_that_the_holder_cannot_cover_is_refused() {
    let harness = Harness::open(memory()).await;
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
    assert_eq!(
        refusal,
        Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset })
    );
    let refusal = harness
        .refused(harness.opening(customer, &sells, "50.000001"))
        .await;
    assert_eq!(
        refusal,
        Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset })
    );
    harness.offer(customer, &buys, "20").await;
    harness.offer(customer, &sells, "50").await;
    // Somebody whose token is good and whose account is not there: nothing to hold, and nowhere to pay out to.
    let ghost = party(p2p_domain::UserId::from_u128(9));
    for listing in [&buys, &sells] {
        let refusal = harness.refused(harness.opening(ghost, listing, "10")).await;
        assert_eq!(refusal, Refusal::NotFound(Resource::Account));
    }
    harness.close().await;
}

#[tokio::test]
async fn running_deals_keep_their_terms() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    let listing = deal.listing.id;
    let change = p2p_application::listing::ListingChange {
        price: Some(decimal("5")),
        payment_window: Some(minutes(360)),
        ..Default::default()
    };
    let caller = deal.exchanger;
    harness
        .done(p2p_application::listing::UpdateListing {
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
    let store = memory();
    let expensive = Setup {
        policy: p2p_domain::Policy {
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
    let policy = p2p_domain::Policy {
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
    let fees = harness.store.tables().accounts[&p2p_domain::AccountKey::fees(Asset::Usdt)];
    assert_eq!(fees.available(), usdt(1_000_000));
    harness.close().await;
}
