//! Browsing listings by a fiat amount that one offer may have.

use p2p_application::listing::ListingFilter;
use p2p_domain::{Asset, ExchangeType, Listing, Money};

use super::Backend;
use super::listings::{all, list};
use crate::harness::{Harness, Offering, Storage, decimal};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

/// Which of these amounts, in minor units, the only listing is shown for.
async fn shown_for<S: Storage>(harness: &Harness<S>, fiat: Asset, amounts: &[i64]) -> Vec<i64> {
    let mut shown = Vec::new();
    for amount in amounts {
        let filter = ListingFilter {
            fiat: Some(fiat),
            amount: Some(Money::new(*amount, fiat)),
            ..all()
        };
        if !list(harness, &filter).await.is_empty() {
            shown.push(*amount);
        }
    }
    shown
}

/// From the minimum to the lesser of the maximum and what remains, both included.
pub async fn an_amount_fits_the_limits_and_what_remains<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    // 1,000 USDT at 0.90: worth 900 EUR in all.
    let offering = Offering {
        min: "9",
        max: "500",
        ..Offering::of(BUYS)
    };
    let listing = harness.publish(anna, &offering).await;
    let amounts = [
        1, 899, 900, 901, 35_999, 36_000, 36_001, 49_999, 50_000, 50_001,
    ];
    let shown = shown_for(&harness, Asset::Eur, &amounts).await;
    assert_eq!(shown, [900, 901, 35_999, 36_000, 36_001, 49_999, 50_000]);
    // 400 USDT remain, worth 360 EUR.
    harness.offer(customer, &listing, "500").await;
    harness.offer(customer, &listing, "100").await;
    let shown = shown_for(&harness, Asset::Eur, &amounts).await;
    assert_eq!(shown, [900, 901, 35_999, 36_000]);
    assert_eq!(
        shown_for(&harness, Asset::Usd, &[900]).await,
        Vec::<i64>::new()
    );
    harness.close().await;
}

/// What remains is worth a rounded amount, half to even: the same as an offer for all of it would cost.
pub async fn an_amount_is_compared_with_the_rounded_worth<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.exchanger("anna").await;
    for (total, worth) in [
        ("0.03", 2),
        ("0.05", 2),
        ("0.07", 4),
        ("0.049999", 2),
        ("0.050001", 3),
    ] {
        let offering = Offering {
            price: "0.5",
            total,
            min: "0.01",
            ..Offering::of(BUYS)
        };
        let listing = harness.publish(anna, &offering).await;
        let shown = shown_for(&harness, Asset::Eur, &[1, 2, 3, 4, 5]).await;
        assert_eq!(shown, (1..=worth).collect::<Vec<_>>(), "{total}");
        harness.take_down(&listing).await;
    }
    harness.close().await;
}

/// Price times amount does not fit 64 bits; the listing is shown for what its limits say.
pub async fn huge_numbers_do_not_overflow<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.exchanger("anna").await;
    let offering = Offering {
        price: "90000000000",
        total: "9000000000000",
        min: "0.01",
        max: "90000000000000000",
        ..Offering::of(BUYS)
    };
    let listing: Listing = harness.publish(anna, &offering).await;
    assert_eq!(
        listing.max,
        Money::from_decimal(decimal("90000000000000000"), Asset::Eur).unwrap()
    );
    let most = listing.max.minor();
    let shown = shown_for(
        &harness,
        Asset::Eur,
        &[1, most - 1, most, most + 1, i64::MAX],
    )
    .await;
    assert_eq!(shown, [1, most - 1, most]);
    harness.close().await;
}
