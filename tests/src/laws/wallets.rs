//! Reading balances and statements.

use p2p_application::wallet::{StatementCursor, StatementEntry, StatementFilter, WalletQueries};
use p2p_domain::ledger::{Bucket, PostingKind, Reference};
use p2p_domain::{Asset, ExchangeType, TypedId, UserId};

use super::{Backend, walk};
use crate::harness::{Deal, Harness, Stage, Storage};

const fn all_of(user: UserId) -> StatementFilter {
    StatementFilter {
        user,
        asset: None,
        after: None,
        limit: 1_000,
    }
}

async fn lines<S: Storage>(harness: &Harness<S>, filter: StatementFilter) -> Vec<StatementEntry> {
    harness.store.statement(&filter).await.unwrap()
}

/// A holder with a deposit in two assets, a finished deal and an open one.
async fn fixture<S: Storage>(harness: &Harness<S>) -> Deal {
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Finished)
        .await;
    harness.deposit(deal.holder, "0.5", Asset::Btc).await;
    harness.offer(deal.customer, &deal.listing, "10").await;
    deal
}

/// Empty accounts, too; nobody's wallet is empty of accounts.
pub async fn a_wallet_has_every_asset_in_order<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "2", Asset::Eth).await;
    let accounts = harness.store.accounts_of(anna.user).await.unwrap();
    let assets: Vec<_> = accounts.iter().map(|account| account.key.asset).collect();
    assert_eq!(assets, Asset::ALL);
    let with_money = accounts
        .iter()
        .filter(|account| account.available().minor() != 0);
    let with_money: Vec<_> = with_money
        .map(|one| (one.key.asset, one.available().minor()))
        .collect();
    assert_eq!(with_money, [(Asset::Eth, 200_000_000)]);
    let nobody = UserId::from_u128(u128::MAX);
    assert_eq!(harness.store.accounts_of(nobody).await.unwrap(), []);
    harness.close().await;
}

/// Newest transfer first, AVAILABLE before HELD, one's own lines and no others.
pub async fn a_statement_is_newest_first_and_complete<B: Backend>(backend: &B) {
    use Bucket::{Available, Held};
    let harness = Harness::open(backend.open().await).await;
    let deal = fixture(&harness).await;
    let tell = |entry: &StatementEntry| {
        (
            entry.kind,
            entry.bucket,
            entry.amount.minor(),
            entry.amount.asset(),
        )
    };
    let own = lines(&harness, all_of(deal.holder.user)).await;
    let told: Vec<_> = own.iter().map(tell).collect();
    let expected = [
        (PostingKind::Hold, Available, -10_000_000, Asset::Usdt),
        (PostingKind::Hold, Held, 10_000_000, Asset::Usdt),
        (PostingKind::Deposit, Available, 50_000_000, Asset::Btc),
        (PostingKind::Capture, Held, -100_000_000, Asset::Usdt),
        (PostingKind::Hold, Available, -100_000_000, Asset::Usdt),
        (PostingKind::Hold, Held, 100_000_000, Asset::Usdt),
        (PostingKind::Deposit, Available, 1_000_000_000, Asset::Usdt),
    ];
    assert_eq!(told, expected);
    assert_eq!(own[6].reference, Reference::Staff(harness.admin.user));
    assert_eq!(own[5].reference, Reference::Offer(deal.id()));
    assert!(own.iter().all(|line| line.at == harness.market.now()));

    let btc = StatementFilter {
        asset: Some(Asset::Btc),
        ..all_of(deal.holder.user)
    };
    let told: Vec<_> = lines(&harness, btc).await.iter().map(tell).collect();
    assert_eq!(told, [expected[2]]);
    let payer = lines(&harness, all_of(deal.payer.user)).await;
    let told: Vec<_> = payer.iter().map(tell).collect();
    assert_eq!(
        told,
        [(PostingKind::Capture, Available, 99_900_000, Asset::Usdt)]
    );
    harness.close().await;
}

/// Every length of page, also one that ends in the middle of a transfer.
pub async fn pages_of_a_statement_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = fixture(&harness).await;
    for asset in [None, Some(Asset::Usdt), Some(Asset::Btc)] {
        let whole = StatementFilter {
            asset,
            ..all_of(deal.holder.user)
        };
        let expected = lines(&harness, whole).await;
        assert!(!expected.is_empty());
        for limit in 1..=8 {
            let page = async |after| {
                lines(
                    &harness,
                    StatementFilter {
                        after,
                        limit,
                        ..whole
                    },
                )
                .await
            };
            let cursor = |line: &StatementEntry| StatementCursor {
                transfer: line.transfer,
                bucket: line.bucket,
            };
            let length = usize::try_from(limit).unwrap();
            assert_eq!(
                walk(length, page, cursor).await,
                expected,
                "pages of {limit}"
            );
        }
    }
    harness.close().await;
}

/// All lines of a bucket sum to its balance.
pub async fn a_statement_adds_up_to_the_balance<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = fixture(&harness).await;
    for side in [deal.holder, deal.payer] {
        let statement = lines(&harness, all_of(side.user)).await;
        for account in harness.store.accounts_of(side.user).await.unwrap() {
            let sum = |bucket| {
                let lines = statement.iter().filter(|line| {
                    line.bucket == bucket && line.amount.asset() == account.key.asset
                });
                lines.map(|line| line.amount.minor()).sum::<i64>()
            };
            assert_eq!(sum(Bucket::Available), account.available().minor());
            assert_eq!(sum(Bucket::Held), account.held().minor());
        }
    }
    harness.close().await;
}
