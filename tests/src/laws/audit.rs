//! The audit: clean where the books are right, and whatever is wrong is found.
//!
//! What is wrong here is committed through the port itself, which does not know the market's rules. A schema may refuse
//! such rows; what it lets in, the audit must find. It never passes unnoticed.

use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, Entry, LedgerReport, Maintenance, Transfer};
use p2p_domain::audit_log::AuditHead;
use p2p_domain::offer::State;
use p2p_domain::{Account, Asset, ExchangeType, Money, Offer, OfferId, Posting, UserId};

use super::Backend;
use super::rows::{booking, changed, commit, new};
use crate::harness::{Harness, Stage, Storage};

/// Fails unless the rows were refused, or the audit finds something in what was clean before.
pub(super) async fn assert_noticed<S: Storage>(harness: Harness<S>, changes: &ChangeSet) {
    harness.assert_clean().await;
    if commit(&harness.store, changes).await.is_ok() {
        let report = harness.store.audit().await.unwrap();
        assert!(
            !report.violations.is_empty(),
            "this passed unnoticed: {changes:?}"
        );
        for violation in &report.violations {
            assert!(
                !violation.row.is_empty() && !violation.law.is_empty(),
                "{violation:?}"
            );
        }
    }
}

async fn account<S: Storage>(harness: &Harness<S>, user: UserId, asset: Asset) -> Account {
    let accounts = harness.store.accounts_of(user).await.unwrap();
    let found = accounts.into_iter().find(|one| one.key.asset == asset);
    found.expect("a wallet has every asset")
}

/// The system's accounts are there, and nothing is wrong with them.
pub async fn an_empty_market_is_clean<B: Backend>(backend: &B) {
    let report = backend.open().await.audit().await.unwrap();
    let system = u64::try_from(3 * Asset::ALL.len()).unwrap();
    let expected = LedgerReport {
        accounts: system,
        trail: Some(AuditHead::EMPTY),
        ..LedgerReport::default()
    };
    assert_eq!(report, expected);
}

/// One deal in every stage, and the audit has seen all of it.
pub async fn an_audit_says_what_it_looked_at<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for stage in Stage::ALL {
        harness.deal(ExchangeType::FiatToCrypto, stage).await;
    }
    let report = harness.store.audit().await.unwrap();
    assert_eq!(report.violations, []);
    // The staff of two and two people for each deal.
    let wallets = 2 + 2 * Stage::ALL.len();
    let accounts = u64::try_from((wallets + 3) * Asset::ALL.len()).unwrap();
    assert_eq!(report.accounts, accounts);
    // A deposit and a hold each; two releases of two entries, one capture of three.
    let entries = u64::try_from(4 * Stage::ALL.len() + 2 * 2 + 3).unwrap();
    assert_eq!(report.entries, entries);
    assert_eq!(report.open_deals, 4);
    harness.close().await;
}

/// A balance without entries.
pub async fn money_out_of_nothing_is_noticed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    let own = account(&harness, anna.user, Asset::Usdt).await;
    let rich = Account::restore(own.id, own.key, 1, 0, own.version + 1).unwrap();
    let changes = ChangeSet {
        accounts: vec![changed(rich, own.version)],
        ..ChangeSet::default()
    };
    assert_noticed(harness, &changes).await;
}

/// Entries that match their balances and don't sum to zero.
pub async fn a_transfer_that_does_not_balance_is_noticed<B: Backend>(backend: &B) {
    unbalanced(backend, false).await;
}

/// The same, in a transfer where another asset makes the sum zero.
pub async fn an_asset_that_makes_up_for_another_is_noticed<B: Backend>(backend: &B) {
    unbalanced(backend, true).await;
}

async fn unbalanced<B: Backend>(backend: &B, compensated: bool) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1", Asset::Usdc).await;
    let (gains, pays) = (
        account(&harness, anna.user, Asset::Usdt).await,
        account(&harness, anna.user, Asset::Usdc).await,
    );
    let (usdt, usdc) = (gains.available().minor(), pays.available().minor());
    let gained = Account::restore(gains.id, gains.key, usdt + 5, 0, gains.version + 1);
    let paid = Account::restore(pays.id, pays.key, usdc - 5, 0, pays.version + 1);
    let bucket = p2p_domain::ledger::Bucket::Available;
    let mut entries = vec![Entry {
        account: gains.id,
        bucket,
        amount: 5,
    }];
    let mut accounts = vec![changed(gained.unwrap(), gains.version)];
    if compensated {
        entries.push(Entry {
            account: pays.id,
            bucket,
            amount: -5,
        });
        accounts.push(changed(paid.unwrap(), pays.version));
    }
    let amount = Money::new(5, Asset::Usdt);
    let transfer = Transfer {
        id: harness.market.fresh(),
        posting: Posting::deposit(anna.user, amount, harness.admin.user).unwrap(),
        entries,
        at: harness.market.now(),
    };
    let changes = ChangeSet {
        accounts,
        transfers: vec![transfer],
        ..ChangeSet::default()
    };
    assert_noticed(harness, &changes).await;
}

/// A hold that is booked properly, for no deal.
pub async fn escrow_without_a_deal_is_noticed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1", Asset::Usdt).await;
    let own = account(&harness, anna.user, Asset::Usdt).await;
    let amount = Money::new(5, Asset::Usdt);
    let id: OfferId = harness.market.fresh();
    let posting = Posting::hold(id, anna.user, amount).unwrap();
    let changes = booking(&harness, posting, &[own]);
    assert_noticed(harness, &changes).await;
}

/// A deal that begins without any.
pub async fn a_deal_without_escrow_is_noticed<B: Backend>(backend: &B) {
    without_escrow(backend, true).await;
}

/// A deal that ends while its escrow stays.
pub async fn a_deal_that_leaves_its_escrow_behind_is_noticed<B: Backend>(backend: &B) {
    without_escrow(backend, false).await;
}

async fn without_escrow<B: Backend>(backend: &B, begins: bool) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Pending)
        .await;
    let mut offer = deal.offer.clone();
    let mut listing = harness.listing(deal.listing.id).await;
    let version = listing.version;
    listing.version += 1;
    let mut step = harness
        .store
        .offer_history(offer.id)
        .await
        .unwrap()
        .remove(0);
    if begins {
        offer.id = harness.market.fresh();
        listing.frozen = listing.frozen.checked_add(offer.terms.amount).unwrap();
    } else {
        offer.version += 1;
        offer.state = State::Cancelled {
            at: harness.market.now(),
        };
        listing.frozen = Money::zero(Asset::Usdt);
    }
    step.offer = offer.id;
    step.version = offer.version;
    step.status = offer.status();
    let offers = match begins {
        true => vec![new(offer)],
        false => vec![changed(offer, deal.offer.version)],
    };
    let changes = ChangeSet {
        offers,
        listings: vec![changed(listing, version)],
        history: vec![step],
        ..ChangeSet::default()
    };
    assert_noticed(harness, &changes).await;
}

/// More than its deals are about.
pub async fn a_listing_that_freezes_too_much_is_noticed<B: Backend>(backend: &B) {
    freezes(backend, 100_000_001).await;
}

/// Less than its deals are about.
pub async fn a_listing_that_freezes_too_little_is_noticed<B: Backend>(backend: &B) {
    freezes(backend, 99_999_999).await;
}

async fn freezes<B: Backend>(backend: &B, frozen: i64) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Approved)
        .await;
    let mut listing = harness.listing(deal.listing.id).await;
    let version = listing.version;
    listing.version += 1;
    listing.frozen = Money::new(frozen, Asset::Usdt);
    let changes = ChangeSet {
        listings: vec![changed(listing, version)],
        ..ChangeSet::default()
    };
    assert_noticed(harness, &changes).await;
}

/// A step that was made and not recorded.
pub async fn a_deal_ahead_of_its_history_is_noticed<B: Backend>(backend: &B) {
    out_of_step(backend, true).await;
}

/// A step that was recorded and not made.
pub async fn a_history_ahead_of_its_deal_is_noticed<B: Backend>(backend: &B) {
    out_of_step(backend, false).await;
}

async fn out_of_step<B: Backend>(backend: &B, ahead: bool) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Pending)
        .await;
    let mut changes = ChangeSet::default();
    if ahead {
        let offer = Offer {
            version: 2,
            ..deal.offer.clone()
        };
        changes.offers.push(changed(offer, 1));
    } else {
        let mut step = harness
            .store
            .offer_history(deal.id())
            .await
            .unwrap()
            .remove(0);
        step.version = 2;
        changes.history.push(step);
    }
    assert_noticed(harness, &changes).await;
}
