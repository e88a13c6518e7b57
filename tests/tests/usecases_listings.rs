//! Publishing, changing, pausing, closing and browsing listings, in memory.

use std::time::Duration;

use application::QueryError;
use application::listing::{
    CloseListing, ListingChange, UpdateListing, get_listing, list_listings,
};
use application::ports::{ListingFilter, ListingOrder};
use domain::listing::{ListingState, Switch};
use domain::refusal::Noun;
use domain::user::Caller;
use domain::{Asset, ExchangeType, Listing, ListingId, Money, MoneyError, Refusal, Role, TypedId};
use memory::Memory;
use p2p_tests::harness::{Harness, Offering, START, Stage, decimal, minutes, party};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

fn offering() -> Offering {
    Offering::of(BUYS)
}

fn amount(field: &'static str, error: MoneyError) -> Refusal {
    Refusal::Amount { field, error }
}

const fn too_many(most: u8) -> MoneyError {
    MoneyError::TooManyDecimals { most }
}

#[tokio::test]
async fn a_listing_is_active_as_soon_as_it_is_published() {
    let harness = Harness::open(Memory::new()).await;
    let anna = harness.exchanger("anna").await;
    let wanted = Offering {
        payment_methods: vec!["SEPA", "CASH", "SEPA"],
        payment_window: Some(minutes(45)),
        ..offering()
    };
    let listing = harness.publish(anna, &wanted).await;
    assert_eq!(
        (listing.state, listing.version, listing.exchanger),
        (ListingState::Active, 1, anna.user)
    );
    assert_eq!((listing.created_at, listing.updated_at), (START, START));
    assert_eq!(listing.total, Money::new(1_000_000_000, Asset::Usdt));
    assert_eq!(listing.remaining(), listing.total);
    assert_eq!(
        (listing.min, listing.max),
        (Money::new(900, Asset::Eur), Money::new(90_000, Asset::Eur))
    );
    assert_eq!(listing.price.e8(), 90_000_000);
    assert_eq!(listing.payment_methods, ["CASH", "SEPA"]);
    assert_eq!(listing.payment_window, minutes(45));
    assert_eq!(harness.listing(listing.id).await, listing);
    let by_default = harness.publish(anna, &offering()).await;
    assert_eq!(
        by_default.payment_window,
        harness.market.policy().default_payment_window
    );
    harness.close().await;
}

#[tokio::test]
async fn a_listing_that_makes_no_sense_is_refused() {
    let harness = Harness::open(Memory::new()).await;
    let anna = harness.exchanger("anna").await;
    let invalid = |field, reason| Refusal::InvalidListing { field, reason };
    let window = "must be between 10 minutes and 6 hours";
    let (least, most) = (minutes(10), minutes(6 * 60));
    let tick = Duration::from_secs(1);
    let cases = [
        (
            Offering {
                price: "0",
                ..offering()
            },
            amount("price", MoneyError::NotPositive),
        ),
        (
            Offering {
                price: "0.000000001",
                ..offering()
            },
            amount("price", too_many(8)),
        ),
        (
            Offering {
                price: "1e12",
                ..offering()
            },
            amount("price", MoneyError::Overflow),
        ),
        (
            Offering {
                total: "1.0000001",
                ..offering()
            },
            amount("total_amount", too_many(6)),
        ),
        (
            Offering {
                total: "1e14",
                ..offering()
            },
            amount("total_amount", MoneyError::Overflow),
        ),
        (
            Offering {
                min: "0.001",
                ..offering()
            },
            amount("min_amount", too_many(2)),
        ),
        (
            Offering {
                max: "900.001",
                ..offering()
            },
            amount("max_amount", too_many(2)),
        ),
        (
            Offering {
                asset: Asset::Usd,
                ..offering()
            },
            invalid("crypto_asset", "must be a crypto asset"),
        ),
        (
            Offering {
                fiat: Asset::Btc,
                ..offering()
            },
            invalid("fiat_currency", "must be a fiat currency"),
        ),
        (
            Offering {
                total: "0",
                ..offering()
            },
            invalid("total_amount", "must be greater than zero"),
        ),
        (
            Offering {
                total: "-1",
                ..offering()
            },
            invalid("total_amount", "must be greater than zero"),
        ),
        (
            Offering {
                min: "0",
                ..offering()
            },
            invalid("min_amount", "must be greater than zero"),
        ),
        (
            Offering {
                min: "900.01",
                ..offering()
            },
            invalid("max_amount", "must not be less than min_amount"),
        ),
        (
            Offering {
                payment_window: Some(least - tick),
                ..offering()
            },
            invalid("payment_window_minutes", window),
        ),
        (
            Offering {
                payment_window: Some(most + tick),
                ..offering()
            },
            invalid("payment_window_minutes", window),
        ),
        (
            Offering {
                payment_methods: vec![],
                ..offering()
            },
            invalid("payment_methods", "must name at least one"),
        ),
    ];
    for (offering, expected) in cases {
        let refusal = harness.refused(harness.publication(anna, &offering)).await;
        assert_eq!(refusal, expected, "{offering:?}");
    }
    for payment_window in [Some(least), Some(most)] {
        harness
            .publish(
                anna,
                &Offering {
                    payment_window,
                    ..offering()
                },
            )
            .await;
    }
    harness
        .publish(
            anna,
            &Offering {
                min: "900",
                ..offering()
            },
        )
        .await;
    harness.close().await;
}

#[tokio::test]
async fn only_exchangers_publish() {
    let harness = Harness::open(Memory::new()).await;
    let customer = harness.customer("customer").await;
    for caller in [customer, harness.admin, harness.moderator] {
        let refusal = harness
            .refused(harness.publication(caller, &offering()))
            .await;
        assert_eq!(
            refusal,
            Refusal::RoleRequired {
                role: Role::Exchanger
            }
        );
    }
    // A token that is older than the role's loss (or that was never true) finds no record.
    let refusal = harness
        .refused(harness.publication(party(customer.user), &offering()))
        .await;
    assert_eq!(refusal, Refusal::NotFound(Noun::Exchanger));
    // Offline exchangers may prepare what they will offer.
    let offline = harness.person("offline", [Role::Exchanger]).await;
    harness.publish(offline, &offering()).await;
    harness.close().await;
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
    let harness = Harness::open(Memory::new()).await;
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
        price: domain::Price::from_decimal(decimal("0.95"), Asset::Eur).unwrap(),
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
    let harness = Harness::open(Memory::new()).await;
    let deal = harness.deal(BUYS, Stage::Pending).await;
    let (anna, listing) = (deal.exchanger, deal.listing.id);
    let none = ListingChange::default;
    let some = |text| Some(decimal(text));
    let invalid = |field, reason| Refusal::InvalidListing { field, reason };
    let cases = [
        (
            ListingChange {
                price: some("-1"),
                ..none()
            },
            amount("price", MoneyError::NotPositive),
        ),
        (
            ListingChange {
                total: some("0.0000001"),
                ..none()
            },
            amount("total_amount", too_many(6)),
        ),
        (
            ListingChange {
                min: some("0.001"),
                ..none()
            },
            amount("min_amount", too_many(2)),
        ),
        (
            ListingChange {
                max: some("1e20"),
                ..none()
            },
            amount("max_amount", MoneyError::Overflow),
        ),
        (
            ListingChange {
                min: some("901"),
                ..none()
            },
            invalid("max_amount", "must not be less than min_amount"),
        ),
        (
            ListingChange {
                payment_methods: Some(vec![]),
                ..none()
            },
            invalid("payment_methods", "must name at least one"),
        ),
        (
            ListingChange {
                payment_window: Some(Duration::ZERO),
                ..none()
            },
            invalid(
                "payment_window_minutes",
                "must be between 10 minutes and 6 hours",
            ),
        ),
        // 100 USDT are frozen in the deal.
        (
            ListingChange {
                total: some("99.999999"),
                ..none()
            },
            Refusal::TotalBelowCommitted,
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
    let harness = Harness::open(Memory::new()).await;
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
            Refusal::RoleRequired {
                role: Role::Exchanger,
            },
        ),
        (
            harness.admin,
            listing,
            Refusal::RoleRequired {
                role: Role::Exchanger,
            },
        ),
        (berta, listing, Refusal::NotOwner),
        (anna, missing, Refusal::NotFound(Noun::Listing)),
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
    let harness = Harness::open(Memory::new()).await;
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
        assert_eq!(refusal, Refusal::ListingClosed);
    }
    harness.pay(&deal.offer).await;
    harness.receive(&deal.offer).await;
    let listing = harness.listing(closed.id).await;
    assert_eq!(listing.executed, Money::new(100_000_000, Asset::Usdt));
    assert_eq!(listing.state, ListingState::Closed);
    harness.close().await;
}

#[tokio::test]
async fn everybody_browses_in_pages() {
    let harness = Harness::open(Memory::new()).await;
    let anna = harness.exchanger("anna").await;
    let mut published = Vec::new();
    for _ in 0..3 {
        published.push(harness.publish(anna, &offering()).await);
    }
    let filter = ListingFilter {
        exchanger: None,
        exchange_type: None,
        asset: None,
        fiat: None,
        amount: None,
        payment_method: None,
        online_only: false,
        order: ListingOrder::PriceAscending,
        after: None,
        limit: 2,
    };
    let page = list_listings(&harness.market, filter.clone())
        .await
        .unwrap();
    let ids: Vec<_> = page.items.iter().map(|view| view.listing.id).collect();
    assert_eq!(
        (ids, page.more),
        (vec![published[0].id, published[1].id], true)
    );
    let all = list_listings(&harness.market, ListingFilter { limit: 3, ..filter })
        .await
        .unwrap();
    assert_eq!((all.items.len(), all.more), (3, false));

    let view = get_listing(&harness.market, published[2].id).await.unwrap();
    assert_eq!(
        (view.listing, view.exchanger_name.as_str()),
        (published[2].clone(), "anna")
    );
    let missing = get_listing(&harness.market, ListingId::from_u128(9)).await;
    assert!(
        matches!(
            missing,
            Err(QueryError::Refused(Refusal::NotFound(Noun::Listing)))
        ),
        "{missing:?}"
    );
    harness.close().await;
}
