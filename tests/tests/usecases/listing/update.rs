//! Changing, pausing and closing listings, in memory.

use std::time::Duration;

use super::memory;
use p2p_application::listing::{CloseListing, ListingChange, UpdateListing};
use p2p_domain::listing::{ListingState, Switch};
use p2p_domain::refusal::{
    AccessRefusal, AmountRefusal, AmountRole, ListingFlaw, ListingRefusal, Resource,
};
use p2p_domain::user::Caller;
use p2p_domain::{
    Asset, ExchangeType, Listing, ListingId, Money, MoneyError, Price, Refusal, Role, TypedId,
};
use p2p_tests::harness::{Harness, Offering, START, Stage, decimal, minutes};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

fn offering() -> Offering {
    Offering::of(BUYS)
}

fn amount(role: AmountRole, error: MoneyError) -> Refusal {
    Refusal::Amount(AmountRefusal { role, error })
}

const fn too_many(most: u8) -> MoneyError {
    MoneyError::TooManyDecimals { most }
}

fn update(caller: Caller, listing: ListingId, change: ListingChange) -> UpdateListing {
    UpdateListing {
        caller,
        listing,
        change,
    }
}

fn turn(switch: Switch) -> ListingChange {
    ListingChange {
        switch: Some(switch),
        ..ListingChange::default()
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let harness = Harness::open(memory()).await;
    let anna = harness.exchanger("anna").await;
    let before = harness.publish(anna, &offering()).await;
    harness.clock.advance(minutes(5));
    let change = ListingChange {
        price: Some(decimal("0.95")),
        payment_methods: Some(vec!["WISE".to_owned()]),
        ..ListingChange::default()
    };
    let after = harness.done(update(anna, before.id, change)).await;
    let expected = Listing {
        price: Price::from_decimal(decimal("0.95"), Asset::Eur).unwrap(),
        payment_methods: vec!["WISE".to_owned()],
        updated_at: START.after(minutes(5)),
        version: 2,
        ..before
    };
    assert_eq!(after, expected);
    let change = ListingChange {
        total: Some(decimal("2000")),
        min: Some(decimal("1")),
        max: Some(decimal("1800")),
        payment_window: Some(minutes(10)),
        terms: Some("Other terms.".to_owned()),
        switch: Some(Switch::Pause),
        ..ListingChange::default()
    };
    let after = harness.done(update(anna, expected.id, change)).await;
    let expected = Listing {
        total: Money::new(2_000_000_000, Asset::Usdt),
        min: Money::new(100, Asset::Eur),
        max: Money::new(180_000, Asset::Eur),
        payment_window: minutes(10),
        terms: "Other terms.".to_owned(),
        state: ListingState::Paused,
        version: 3,
        ..expected
    };
    assert_eq!(after, expected);
    assert_eq!(harness.listing(after.id).await, expected);
    let resumed = harness
        .done(update(anna, after.id, turn(Switch::Resume)))
        .await;
    assert_eq!(resumed.state, ListingState::Active);
    harness.close().await;
}

#[tokio::test]
async fn an_update_that_makes_no_sense_is_refused() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Pending).await;
    let (anna, listing) = (deal.exchanger, deal.listing.id);
    let none = ListingChange::default;
    let some = |text| Some(decimal(text));
    let invalid = |flaw| Refusal::Listing(ListingRefusal::Invalid(flaw));
    let cases = [
        (
            ListingChange {
                price: some("-1"),
                ..none()
            },
            amount(AmountRole::Price, MoneyError::NotPositive),
        ),
        (
            ListingChange {
                total: some("0.0000001"),
                ..none()
            },
            amount(AmountRole::Total, too_many(6)),
        ),
        (
            ListingChange {
                min: some("0.001"),
                ..none()
            },
            amount(AmountRole::Min, too_many(2)),
        ),
        (
            ListingChange {
                max: some("1e20"),
                ..none()
            },
            amount(AmountRole::Max, MoneyError::Overflow),
        ),
        (
            ListingChange {
                min: some("901"),
                ..none()
            },
            invalid(ListingFlaw::MaxBelowMin),
        ),
        (
            ListingChange {
                payment_methods: Some(vec![]),
                ..none()
            },
            invalid(ListingFlaw::NoPaymentMethod),
        ),
        (
            ListingChange {
                payment_window: Some(Duration::ZERO),
                ..none()
            },
            invalid(ListingFlaw::PaymentWindowOutOfRange),
        ),
        // 100 USDT are frozen in the deal.
        (
            ListingChange {
                total: some("99.999999"),
                ..none()
            },
            Refusal::Listing(ListingRefusal::TotalBelowCommitted),
        ),
    ];
    for (change, expected) in cases {
        let refusal = harness.refused(update(anna, listing, change.clone())).await;
        assert_eq!(refusal, expected, "{change:?}");
    }
    let exact = ListingChange {
        total: some("100"),
        ..none()
    };
    let listing = harness.done(update(anna, listing, exact)).await;
    assert_eq!(listing.remaining(), Money::zero(Asset::Usdt));
    harness.close().await;
}

#[tokio::test]
async fn only_the_owner_changes_or_closes_a_listing() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.exchanger("berta").await,
    );
    let listing = harness.publish(anna, &offering()).await.id;
    let missing = ListingId::from_u128(9);
    let customer = harness.customer("customer").await;
    for (caller, listing, expected) in [
        (
            customer,
            listing,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Exchanger,
            }),
        ),
        (
            harness.admin,
            listing,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Exchanger,
            }),
        ),
        (berta, listing, Refusal::Access(AccessRefusal::NotOwner)),
        (anna, missing, Refusal::NotFound(Resource::Listing)),
    ] {
        let change = update(caller, listing, ListingChange::default());
        assert_eq!(harness.refused(change).await, expected);
        assert_eq!(
            harness.refused(CloseListing { caller, listing }).await,
            expected
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn a_closed_listing_stays_closed_and_its_deals_go_on() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Approved).await;
    harness.clock.advance(minutes(1));
    let closed = harness.take_down(&deal.listing).await;
    assert_eq!(
        (closed.state, closed.updated_at),
        (ListingState::Closed, START.after(minutes(1)))
    );
    let before = harness.store.tables();
    assert_eq!(harness.take_down(&deal.listing).await, closed);
    assert!(
        before == harness.store.tables(),
        "closing twice changed something"
    );
    for change in [
        ListingChange::default(),
        turn(Switch::Resume),
        turn(Switch::Pause),
    ] {
        let refusal = harness
            .refused(update(deal.exchanger, closed.id, change))
            .await;
        assert_eq!(refusal, Refusal::Listing(ListingRefusal::Closed));
    }
    harness.pay(&deal.offer).await;
    harness.receive(&deal.offer).await;
    let listing = harness.listing(closed.id).await;
    assert_eq!(listing.executed, Money::new(100_000_000, Asset::Usdt));
    assert_eq!(listing.state, ListingState::Closed);
    harness.close().await;
}
