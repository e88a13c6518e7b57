//! Publishing and browsing listings, in memory.

use std::time::Duration;

use super::memory;
use p2p_application::QueryError;
use p2p_application::listing::{ListingCursor, ListingFilter, ListingOrder};
use p2p_application::listing::{get_listing, list_listings};
use p2p_domain::listing::ListingState;
use p2p_domain::refusal::{
    AccessRefusal, AmountRefusal, AmountRole, ListingFlaw, ListingRefusal, Resource,
};
use p2p_domain::{Asset, ExchangeType, ListingId, Money, MoneyError, Refusal, Role, TypedId};
use p2p_tests::harness::{Harness, Offering, START, minutes, party};

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

#[tokio::test]
async fn a_listing_is_active_as_soon_as_it_is_published() {
    let harness = Harness::open(memory()).await;
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
    let harness = Harness::open(memory()).await;
    let anna = harness.exchanger("anna").await;
    let invalid = |flaw| Refusal::Listing(ListingRefusal::Invalid(flaw));
    let (least, most) = (minutes(10), minutes(6 * 60));
    let tick = Duration::from_secs(1);
    let cases = [
        (
            Offering {
                price: "0",
                ..offering()
            },
            amount(AmountRole::Price, MoneyError::NotPositive),
        ),
        (
            Offering {
                price: "0.000000001",
                ..offering()
            },
            amount(AmountRole::Price, too_many(8)),
        ),
        (
            Offering {
                price: "1e12",
                ..offering()
            },
            amount(AmountRole::Price, MoneyError::Overflow),
        ),
        (
            Offering {
                total: "1.0000001",
                ..offering()
            },
            amount(AmountRole::Total, too_many(6)),
        ),
        (
            Offering {
                total: "1e14",
                ..offering()
            },
            amount(AmountRole::Total, MoneyError::Overflow),
        ),
        (
            Offering {
                min: "0.001",
                ..offering()
            },
            amount(AmountRole::Min, too_many(2)),
        ),
        (
            Offering {
                max: "900.001",
                ..offering()
            },
            amount(AmountRole::Max, too_many(2)),
        ),
        (
            Offering {
                asset: Asset::Usd,
                ..offering()
            },
            invalid(ListingFlaw::NotCrypto),
        ),
        (
            Offering {
                fiat: Asset::Btc,
                ..offering()
            },
            invalid(ListingFlaw::NotFiat),
        ),
        (
            Offering {
                total: "0",
                ..offering()
            },
            invalid(ListingFlaw::TotalNotPositive),
        ),
        (
            Offering {
                total: "-1",
                ..offering()
            },
            invalid(ListingFlaw::TotalNotPositive),
        ),
        (
            Offering {
                min: "0",
                ..offering()
            },
            invalid(ListingFlaw::MinNotPositive),
        ),
        (
            Offering {
                min: "900.01",
                ..offering()
            },
            invalid(ListingFlaw::MaxBelowMin),
        ),
        (
            Offering {
                payment_window: Some(least - tick),
                ..offering()
            },
            invalid(ListingFlaw::PaymentWindowOutOfRange),
        ),
        (
            Offering {
                payment_window: Some(most + tick),
                ..offering()
            },
            invalid(ListingFlaw::PaymentWindowOutOfRange),
        ),
        (
            Offering {
                payment_methods: vec![],
                ..offering()
            },
            invalid(ListingFlaw::NoPaymentMethod),
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
    let harness = Harness::open(memory()).await;
    let customer = harness.customer("customer").await;
    for caller in [customer, harness.admin, harness.moderator] {
        let refusal = harness
            .refused(harness.publication(caller, &offering()))
            .await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Exchanger
            })
        );
    }
    // A token that is older than the role's loss (or that was never true) is of no use.
    let refusal = harness
        .refused(harness.publication(party(customer.user), &offering()))
        .await;
    assert_eq!(
        refusal,
        Refusal::Access(AccessRefusal::RoleRequired {
            role: Role::Exchanger
        })
    );
    // Offline exchangers may prepare what they will offer.
    let offline = harness.person("offline", [Role::Exchanger]).await;
    harness.publish(offline, &offering()).await;
    harness.close().await;
}

#[tokio::test]
async fn everybody_browses_in_pages() {
    let harness = Harness::open(memory()).await;
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
    assert_eq!(ids, [published[0].id, published[1].id]);
    assert_eq!(page.next, Some(ListingCursor::at(&published[1])));
    let all = list_listings(&harness.market, ListingFilter { limit: 3, ..filter })
        .await
        .unwrap();
    assert_eq!((all.items.len(), all.next), (3, None));

    let view = get_listing(&harness.market, published[2].id).await.unwrap();
    assert_eq!(
        (view.listing, view.exchanger_name.as_str()),
        (published[2].clone(), "anna")
    );
    let missing = get_listing(&harness.market, ListingId::from_u128(9)).await;
    assert!(
        matches!(
            missing,
            Err(QueryError::Refused(Refusal::NotFound(Resource::Listing)))
        ),
        "{missing:?}"
    );
    harness.close().await;
}
