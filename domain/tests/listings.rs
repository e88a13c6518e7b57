//! Listings: which may be published, which offers they take and at what price, and that their amounts always add up.

mod support;

use std::time::Duration;

use p2p_domain::listing::ListingMove;
use p2p_domain::listing::{Change, Draft, ListingFlaw, ListingState, Switch};
use p2p_domain::refusal::{
    AccessRefusal, AmountRefusal, AmountRole, ExchangerRefusal, ListingRefusal,
};
use p2p_domain::{
    Asset, ExchangeType, Exchanger, Listing, ListingId, Money, MoneyError, Policy, Price, Refusal,
    TypedId, UserId,
};
use proptest::prelude::*;

use support::{START, draft, minutes, online, person};

const TOTAL: Money = Money::new(1_000, Asset::Usdt);

fn exchanger() -> Exchanger {
    online(person(2))
}

fn frozen() -> Exchanger {
    exchanger().left_unanswered(0, START).0
}

fn publish(draft: Draft) -> Result<Listing, Refusal> {
    Listing::publish(ListingId::from_u128(1), &exchanger(), draft, START).map_err(Refusal::from)
}

fn usual() -> Draft {
    Draft {
        min: usd(10),
        max: usd(500),
        ..draft(ExchangeType::CryptoToFiat, TOTAL)
    }
}

fn usd(cents: i64) -> Money {
    Money::new(cents, Asset::Usd)
}

fn quote(
    listing: &Listing,
    customer: UserId,
    by: &Exchanger,
    minor: i64,
) -> Result<Money, Refusal> {
    listing
        .quote(customer, by, Money::new(minor, Asset::Usdt))
        .map_err(Refusal::from)
}

/// Everything that can be wrong with a listing, one thing at a time.
#[test]
fn a_listing_with_a_flaw_is_not_published() {
    type Flaw = (ListingFlaw, fn(&mut Draft));
    let flaws: [Flaw; 10] = [
        (ListingFlaw::NotCrypto, |d| d.total = usd(1_000)),
        (ListingFlaw::NotFiat, |d| {
            d.price = Price::from_e8(1, Asset::Btc).unwrap()
        }),
        (ListingFlaw::LimitsNotInFiat, |d| {
            d.min = Money::new(10, Asset::Eur)
        }),
        (ListingFlaw::LimitsNotInFiat, |d| {
            d.max = Money::new(500, Asset::Eur)
        }),
        (ListingFlaw::MinNotPositive, |d| d.min = usd(0)),
        (ListingFlaw::MaxBelowMin, |d| d.max = usd(9)),
        (ListingFlaw::TotalNotPositive, |d| {
            d.total = Money::zero(Asset::Usdt)
        }),
        (ListingFlaw::PaymentWindowOutOfRange, |d| {
            d.payment_window = minutes(10) - Duration::from_micros(1)
        }),
        (ListingFlaw::PaymentWindowOutOfRange, |d| {
            d.payment_window = minutes(360) + Duration::from_micros(1)
        }),
        (ListingFlaw::NoPaymentMethod, |d| {
            d.payment_methods = vec![String::new(), " ".to_owned()]
        }),
    ];
    assert!(publish(usual()).is_ok());
    for ((flaw, spoil), nth) in flaws.into_iter().zip(1..) {
        let mut draft = usual();
        spoil(&mut draft);
        let refused = Err(Refusal::Listing(ListingRefusal::Invalid(flaw)));
        assert_eq!(publish(draft), refused, "{nth}");
    }
    let by_frozen = Listing::publish(ListingId::from_u128(1), &frozen(), usual(), START);
    assert_eq!(by_frozen, Err(ExchangerRefusal::Frozen.into()));
}

#[test]
fn payment_methods_are_named_in_one_way() {
    let mut draft = usual();
    draft.payment_methods = ["sepa", " SWIFT", "Sepa", ""].map(str::to_owned).to_vec();
    assert_eq!(publish(draft).unwrap().payment_methods, ["SEPA", "SWIFT"]);
}

/// Everything that can be wrong with an offer, one thing at a time.
#[test]
fn each_flaw_of_an_offer_has_its_own_refusal() {
    let listing = publish(usual()).unwrap();
    let (customer, by) = (person(1), exchanger());
    assert_eq!(quote(&listing, customer, &by, 100), Ok(usd(100)));
    for (minor, refusal) in [
        (
            9,
            Refusal::Listing(ListingRefusal::BelowMinimum {
                fiat: usd(9),
                min: usd(10),
            }),
        ),
        (
            501,
            Refusal::Listing(ListingRefusal::AboveMaximum {
                fiat: usd(501),
                max: usd(500),
            }),
        ),
        (
            1_001,
            Refusal::Listing(ListingRefusal::OverRemaining { remaining: TOTAL }),
        ),
        (0, Refusal::amount(MoneyError::NotPositive)),
        (i64::MIN, Refusal::amount(MoneyError::NotPositive)),
    ] {
        assert_eq!(
            quote(&listing, customer, &by, minor),
            Err(refusal),
            "{minor}"
        );
    }
    for minor in [10, 500] {
        assert_eq!(quote(&listing, customer, &by, minor), Ok(usd(minor)));
    }
    let (offline, own) = (by.switch(false), by.user);
    assert_eq!(
        quote(&listing, own, &by, 100),
        Err(Refusal::Access(AccessRefusal::SelfDeal))
    );
    assert_eq!(
        quote(&listing, customer, &offline, 100),
        Err(Refusal::Exchanger(ExchangerRefusal::Offline))
    );
    assert_eq!(
        quote(&listing, customer, &frozen(), 100),
        Err(Refusal::Exchanger(ExchangerRefusal::Frozen))
    );
    let paused = listing.clone().pause_by_system(START);
    assert_eq!(
        quote(&paused, customer, &by, 100),
        Err(Refusal::Listing(ListingRefusal::Paused))
    );
    let closed = listing.clone().close(START);
    assert_eq!(
        quote(&closed, customer, &by, 100),
        Err(Refusal::Listing(ListingRefusal::Closed))
    );
    let mismatch = MoneyError::AssetMismatch {
        expected: Asset::Btc,
        found: Asset::Usdt,
    };
    let foreign = listing.quote(customer, &by, Money::new(100, Asset::Btc));
    assert_eq!(foreign, Err(AmountRefusal::from(mismatch).into()));
}

#[test]
fn a_switch_is_the_owner_s_and_closing_is_for_good() {
    let turn = |listing: Listing, switch, by: &Exchanger| {
        let switch = Some(switch);
        let change = Change {
            switch,
            ..Change::default()
        };
        listing.update(change, by, START).map_err(Refusal::from)
    };
    let listing = publish(usual()).unwrap();
    let paused = turn(listing.clone(), Switch::Pause, &exchanger()).unwrap();
    assert_eq!((paused.state, paused.version), (ListingState::Paused, 2));
    assert_eq!(
        turn(paused.clone(), Switch::Resume, &frozen()),
        Err(Refusal::Exchanger(ExchangerRefusal::Frozen))
    );
    let resumed = turn(paused, Switch::Resume, &exchanger()).unwrap();
    assert_eq!((resumed.state, resumed.version), (ListingState::Active, 3));
    let closed = resumed.close(START);
    assert_eq!((closed.state, closed.version), (ListingState::Closed, 4));
    assert_eq!(closed.clone().close(START), closed, "once is enough");
    assert_eq!(
        closed.clone().pause_by_system(START),
        closed,
        "closed it stays"
    );
    assert_eq!(
        turn(closed, Switch::Resume, &exchanger()),
        Err(Refusal::Listing(ListingRefusal::Closed))
    );
}

#[test]
fn a_total_can_t_become_one_of_another_asset() {
    let listing = publish(usual()).unwrap();
    let taken = ListingMove::Reserve(Money::new(600, Asset::Usdt));
    let listing = listing.follow(taken).unwrap();
    let total = |total| {
        let total = Some(total);
        let change = Change {
            total,
            ..Change::default()
        };
        let updated = listing.clone().update(change, &exchanger(), START);
        updated.map_err(Refusal::from)
    };
    let mismatch = MoneyError::AssetMismatch {
        expected: Asset::Usdt,
        found: Asset::Btc,
    };
    let refusal = Refusal::amount_of(AmountRole::Total)(mismatch);
    assert_eq!(total(Money::new(1_000, Asset::Btc)), Err(refusal));
    assert_eq!(
        total(Money::new(599, Asset::Usdt)),
        Err(Refusal::Listing(ListingRefusal::TotalBelowCommitted))
    );
    let least = total(Money::new(600, Asset::Usdt)).unwrap();
    assert_eq!(least.remaining(), Money::zero(Asset::Usdt));
}

proptest! {
    /// Half-even, by definition: at most half a unit off, and exactly half only towards the even one.
    #[test]
    fn the_price_is_the_exact_one_to_the_nearest_cent(
        minor in prop_oneof![1..=1_000_000_000_000_000i64, (1..100i64).prop_map(|n| n * 10_000)],
        e8 in prop_oneof![1..=10_000_000_000_000_000i64, (1..100i64).prop_map(|n| n * 50_000_000)],
        crypto in prop::sample::select(vec![Asset::Btc, Asset::Usdt]),
        fiat in prop::sample::select(vec![Asset::Usd, Asset::Jpy]),
    ) {
        let amount = Money::new(minor, crypto);
        let draft = Draft {
            price: Price::from_e8(e8, fiat).unwrap(),
            min: Money::new(1, fiat),
            max: Money::new(i64::MAX, fiat),
            ..draft(ExchangeType::FiatToCrypto, amount)
        };
        let listing = publish(draft).unwrap();
        let unit = 10i128.pow(u32::from(crypto.scale() + Price::SCALE - fiat.scale()));
        let exact = i128::from(minor) * i128::from(e8);
        match listing.quote(person(1), &exchanger(), amount).map_err(Refusal::from) {
            Ok(quoted) => {
                prop_assert_eq!(quoted.asset(), fiat);
                let off = (i128::from(quoted.minor()) * unit - exact).abs() * 2;
                prop_assert!(off < unit || (off == unit && quoted.minor() % 2 == 0), "{quoted:?}");
                let worth = listing.available_fiat();
                prop_assert_eq!(worth, quoted);
            }
            Err(Refusal::Listing(ListingRefusal::BelowMinimum { .. })) => prop_assert!(exact * 2 <= unit),
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::amount(MoneyError::Overflow));
                prop_assert!(exact / unit >= i128::from(i64::MAX));
            }
        }
    }

    /// Whatever is asked of it, a listing's amounts add up, or it stays as it was.
    #[test]
    fn amounts_add_up_or_stay(steps in prop::collection::vec((0..4u8, -2..1_200i64, -2..1_200i64), 1..30)) {
        let mut listing = publish(usual()).unwrap();
        for (kind, one, other) in steps {
            let (one, other) = (Money::new(one, Asset::Usdt), Money::new(other, Asset::Usdt));
            let outcome = match kind {
                0 => listing.clone().follow(ListingMove::Reserve(one)),
                1 => listing.clone().follow(ListingMove::Return(one)),
                2 => listing.clone().follow(ListingMove::Execute { frozen: one, executed: other }),
                _ => {
                    let change = Change { total: Some(one), ..Change::default() };
                    listing.clone().update(change, &exchanger(), START)
                }
            };
            let before = listing.clone();
            listing = outcome.unwrap_or(listing);
            let parts = [listing.frozen, listing.executed, listing.remaining()].map(Money::minor);
            prop_assert!(parts.iter().all(|part| *part >= 0), "{listing:?}");
            prop_assert_eq!(parts.iter().sum::<i64>(), listing.total.minor());
            let changed = listing != before;
            prop_assert_eq!(listing.version, before.version + u64::from(changed));
        }
    }
}

#[test]
fn the_windows_of_the_contract_are_the_defaults() {
    let policy = Policy::default();
    assert_eq!(policy.response_window, minutes(30));
    assert_eq!(policy.default_payment_window, minutes(30));
    assert_eq!(policy.finished_stays_active, minutes(24 * 60));
    assert_eq!(policy.unanswered_limit, 5);
    assert_eq!(Policy::MIN_PAYMENT_WINDOW, minutes(10));
    assert_eq!(Policy::MAX_PAYMENT_WINDOW, minutes(6 * 60));
}
