//! Deposits, balances and statements, in memory.

use super::memory;
use p2p_application::wallet::{Deposit, StatementList, balances, statement};
use p2p_application::{Page, QueryError};
use p2p_domain::ledger::{Bucket, PostingKind};
use p2p_domain::refusal::{AccessRefusal, LedgerRefusal, Resource};
use p2p_domain::user::Caller;
use p2p_domain::{AccountKey, Asset, ExchangeType, MoneyError, Refusal, Role, TypedId, UserId};
use p2p_tests::harness::{Harness, Stage, decimal};

fn deposit(caller: Caller, user: UserId, amount: &str, asset: Asset) -> Deposit {
    Deposit {
        caller,
        user,
        asset,
        amount: decimal(amount),
    }
}

#[tokio::test]
async fn a_deposit_comes_from_outside() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    for (amount, asset, minor) in [
        ("1.00000001", Asset::Btc, 100_000_001),
        ("250", Asset::Usdt, 250_000_000),
        ("0.01", Asset::Eur, 1),
        ("7", Asset::Jpy, 7),
    ] {
        let account = harness
            .done(deposit(harness.admin, anna.user, amount, asset))
            .await;
        assert_eq!(account.available().minor(), minor);
        assert_eq!(harness.wallet(anna.user, asset).await, (minor, 0));
        let outside = harness.store.tables().accounts[&AccountKey::external(asset)];
        assert_eq!(outside.available().minor(), -minor);
        harness.assert_clean().await;
    }
    let twice = deposit(harness.admin, anna.user, "250", Asset::Usdt);
    let account = harness.done(twice).await;
    assert_eq!(account.available().minor(), 500_000_000);
    assert_eq!(harness.events(), Vec::<&str>::new());
    harness.close().await;
}

#[tokio::test]
async fn a_deposit_that_cannot_be_is_refused() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    for caller in [anna, harness.moderator] {
        let refusal = harness
            .refused(deposit(caller, anna.user, "1", Asset::Usdt))
            .await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
        );
    }
    let admin = harness.admin;
    let own = deposit(admin, admin.user, "1", Asset::Usdt);
    assert_eq!(
        harness.refused(own).await,
        Refusal::Access(AccessRefusal::ConflictOfInterest)
    );
    for (amount, asset, error) in [
        ("0", Asset::Usdt, MoneyError::NotPositive),
        ("-1", Asset::Usdt, MoneyError::NotPositive),
        (
            "0.0000001",
            Asset::Usdt,
            MoneyError::TooManyDecimals { most: 6 },
        ),
        ("0.5", Asset::Jpy, MoneyError::TooManyDecimals { most: 0 }),
        ("9223372036854.775808", Asset::Usdt, MoneyError::Overflow),
    ] {
        let refusal = harness
            .refused(deposit(harness.admin, anna.user, amount, asset))
            .await;
        assert_eq!(refusal, Refusal::amount(error), "{amount} {asset}");
    }
    let nobody = UserId::from_u128(9);
    let refusal = harness
        .refused(deposit(harness.admin, nobody, "1", Asset::Usdt))
        .await;
    assert_eq!(refusal, Refusal::NotFound(Resource::Account));

    let most = "9223372036854.775";
    harness
        .done(deposit(harness.admin, anna.user, most, Asset::Usdt))
        .await;
    let refusal = harness
        .refused(deposit(harness.admin, anna.user, "1", Asset::Usdt))
        .await;
    assert_eq!(refusal, Refusal::Ledger(LedgerRefusal::BalanceOverflow));
    harness.close().await;
}

#[tokio::test]
async fn balances_are_for_their_owner_and_administrators() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = (
        harness.customer("anna").await,
        harness.customer("berta").await,
    );
    harness.deposit(anna, "5", Asset::Ltc).await;
    for caller in [anna, harness.admin] {
        let accounts = balances(&harness.market, caller, anna.user).await.unwrap();
        let assets: Vec<Asset> = accounts.iter().map(|account| account.key.asset).collect();
        assert_eq!(assets, Asset::ALL);
        let sum: i64 = accounts
            .iter()
            .map(|account| account.available().minor())
            .sum();
        assert_eq!(sum, 500_000_000);
    }
    for caller in [berta, harness.moderator] {
        let refused = balances(&harness.market, caller, anna.user).await;
        let expected = Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin });
        assert!(
            matches!(&refused, Err(QueryError::Refused(refusal)) if *refusal == expected),
            "{refused:?}"
        );
    }
    let missing = balances(&harness.market, harness.admin, UserId::from_u128(9)).await;
    assert!(
        matches!(
            missing,
            Err(QueryError::Refused(Refusal::NotFound(Resource::User)))
        ),
        "{missing:?}"
    );
    harness.close().await;
}

#[tokio::test]
async fn a_statement_is_ones_own_and_comes_in_pages() {
    let harness = Harness::open(memory()).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Finished)
        .await;
    let whole = StatementList {
        limit: 100,
        ..StatementList::default()
    };
    let page = statement(&harness.market, deal.holder, whole)
        .await
        .unwrap();
    let kinds: Vec<_> = page
        .items
        .iter()
        .map(|line| (line.kind, line.bucket))
        .collect();
    let expected = [
        (PostingKind::Capture, Bucket::Held),
        (PostingKind::Hold, Bucket::Available),
        (PostingKind::Hold, Bucket::Held),
        (PostingKind::Deposit, Bucket::Available),
    ];
    assert_eq!(kinds, expected);
    assert!(!page.more);

    // A limit of nothing is a limit of one, and a page knows whether there is more behind it.
    for (limit, length, more) in [(0, 1, true), (1, 1, true), (3, 3, true), (4, 4, false)] {
        let list = StatementList { limit, ..whole };
        let part = statement(&harness.market, deal.holder, list).await.unwrap();
        let expected = Page {
            items: page.items[..length].to_vec(),
            more,
        };
        assert_eq!(part, expected, "limit {limit}");
    }
    let stranger = harness.customer("stranger").await;
    let nothing = statement(&harness.market, stranger, whole).await.unwrap();
    assert_eq!(nothing.items, []);
    harness.close().await;
}

/// However much is asked for, a page has a hundred lines.
#[tokio::test]
async fn a_page_has_an_upper_limit() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    for _ in 0..101 {
        harness.deposit(anna, "1", Asset::Usdt).await;
    }
    let list = StatementList {
        limit: u32::MAX,
        ..StatementList::default()
    };
    let page = statement(&harness.market, anna, list).await.unwrap();
    assert_eq!((page.items.len(), page.more), (100, true));
    harness.close().await;
}
