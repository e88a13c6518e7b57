//! What commands lock, in memory: no more than they may change. Shown by rows that can't be read, which fail whoever loads
//! them.

use super::memory;
use p2p_domain::{AccountKey, Asset, ExchangeType};
use p2p_memory::Memory;
use p2p_tests::harness::{Deal, Harness, Stage, hours, minutes};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;

/// From here on these accounts can't be loaded.
fn spoil<const N: usize>(harness: &Harness<Memory>, keys: [AccountKey; N]) {
    let tables = harness.store.tables();
    for key in keys {
        harness.store.faults().corrupt(tables.accounts[&key].id);
    }
}

/// The accounts that only a pay-out moves: the fees', which every pay-out moves, and the payer's.
fn of_a_payout(deal: &Deal) -> [AccountKey; 2] {
    [
        AccountKey::fees(Asset::Usdt),
        AccountKey::user(deal.payer.user, Asset::Usdt),
    ]
}

/// A deal that is called off does not queue for the account that all deals of an asset share.
#[tokio::test]
async fn a_deal_is_called_off_without_the_accounts_of_a_payout() {
    let harness = Harness::open(memory()).await;
    let declined = harness.deal(SELLS, Stage::Pending).await;
    let cancelled = harness.deal(SELLS, Stage::Paid).await;
    let expired = harness.deal(SELLS, Stage::Approved).await;
    let unpaid = harness.deal(SELLS, Stage::Paid).await;
    for deal in [&declined, &cancelled, &expired, &unpaid] {
        spoil(&harness, of_a_payout(deal));
    }
    harness.decline(&declined.offer).await;
    harness.cancel(&cancelled.offer, cancelled.payer.user).await;
    assert_eq!(harness.sweep_after(minutes(30)).await, 1);
    assert_eq!(harness.sweep_after(hours(24)).await, 1);
    harness.close().await;
}

/// A step that moves no money loads no account at all.
#[tokio::test]
async fn a_step_without_money_needs_no_account() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Pending).await;
    spoil(&harness, of_a_payout(&deal));
    spoil(&harness, [AccountKey::user(deal.holder.user, Asset::Usdt)]);
    let offer = harness.accept(&deal.offer).await;
    let offer = harness.pay(&offer).await;
    harness.dispute(&offer, deal.customer.user).await;
    harness.store.faults().clear();
    harness.close().await;
}

/// Nobody needs anybody else's accounts, or another asset's.
#[tokio::test]
async fn an_offer_needs_its_own_sides_accounts_only() {
    let harness = Harness::open(memory()).await;
    let (deal, other) = (
        harness.deal(SELLS, Stage::Paid).await,
        harness.deal(SELLS, Stage::Paid).await,
    );
    spoil(
        &harness,
        [
            AccountKey::user(other.holder.user, Asset::Usdt),
            AccountKey::user(other.payer.user, Asset::Usdt),
            AccountKey::user(deal.holder.user, Asset::Usdc),
            AccountKey::external(Asset::Usdt),
        ],
    );
    harness.receive(&deal.offer).await;
    harness.offer(deal.customer, &deal.listing, "10").await;
    harness.close().await;
}
